// What the model was given to go on from. A model of text is asked in more words than its problem has: instructions, examples, the marks of its
// template. They are in the prompt's tokens, which its tokenizer turns back into text.
import { readChat, type AskedText, type RolloutDetail } from '../../../src-preload/contract.ts'
import { fromRolloutDetail } from '../../data/records.ts'
import { messageText } from '../../data/rollouts/mapping.ts'
import type { TextTokenizer } from '../../model/tokenizers/tokenizer.ts'
import type { Store } from '../../store/openStore.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { tokenizerOfStart } from '../training/start.ts'

/** The tokenizer that was opened last, with the start of whose runs it is: a reader goes through the rollouts of one run. */
let opened: { readonly key: string; readonly tokenizer: Promise<TextTokenizer | null> } | null = null

/** Where the tokenizer is gone the text of the problem stands in. */
export async function askedOf(store: Store, detail: RolloutDetail): Promise<AskedText> {
  const messages = fromRolloutDetail(detail, null).promptMessages
  if (messages !== undefined)
    return {
      text: detail.problem.prompt,
      turns: messages.map((message) => ({ role: message.role, text: messageText(message) })),
      from: 'messages',
    }
  const tokenizer = await tokenizerOfRollout(store, detail)
  const text = tokenizer === null ? detail.problem.prompt : tokenizer.decode(detail.promptTokens)
  return { text, turns: (readChat(text) ?? []).map((turn) => ({ ...turn })), from: tokenizer === null ? 'problem' : 'tokens' }
}

/** Null for what was not sampled here, for a model that speaks the notation of a task, and where the model is gone. */
async function tokenizerOfRollout(store: Store, { rollout, promptTokens, provenance }: RolloutDetail): Promise<TextTokenizer | null> {
  if (provenance.source !== 'sampled' || promptTokens.length === 0) return null
  const runId = rollout.runId ?? (rollout.evaluationId === null ? null : (store.evaluations.get(rollout.evaluationId)?.runId ?? null))
  const run = runId === null ? null : store.runs.get(runId)
  if (run === null) return null
  const { start } = parseSpec(run.config)
  const key = `${store.folder} ${start}`
  if (opened?.key !== key) opened = { key, tokenizer: tokenizerOfStart(store, start).catch(() => null) }
  return opened.tokenizer
}
