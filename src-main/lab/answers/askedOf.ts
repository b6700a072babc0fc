// What the model was given to go on from. A model of text is asked in more words than its problem has: instructions, examples, the marks of its
// template. They are in the prompt's tokens, which its tokenizer turns back into text.
import { readChat, type AskedText, type RolloutDetail } from '../../../src-preload/contract.ts'
import { fromRolloutDetail } from '../../data/records.ts'
import { messageText } from '../../data/rollouts/mapping.ts'
import type { Store } from '../../store/openStore.ts'
import { spokenBy } from './tokenizerOfRollout.ts'

/** Where the tokenizer is gone the text of the problem stands in. */
export async function askedOf(store: Store, detail: RolloutDetail): Promise<AskedText> {
  const messages = fromRolloutDetail(detail, null).promptMessages
  if (messages !== undefined)
    return {
      text: detail.problem.prompt,
      turns: messages.map((message) => ({ role: message.role, text: messageText(message) })),
      from: 'messages',
    }
  const spoken = detail.promptTokens.length === 0 ? 'unknown' : await spokenBy(store, detail)
  const isKnown = typeof spoken !== 'string'
  const text = isKnown ? spoken.decode(detail.promptTokens) : detail.problem.prompt
  return { text, turns: (readChat(text) ?? []).map((turn) => ({ ...turn })), from: isKnown ? 'tokens' : 'problem' }
}
