// lm-evaluation-harness's `samples_<task>_<time>.jsonl`: one line per document and filter, with the prompt in `arguments`, the
// responses of every request in `resps`, what the filter made of them and its metrics. Lines of other filters repeat the same
// responses, so one filter is read, the first of the file unless `--map filter=NAME` says another; the others are kept aside.

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import { asMessages } from '../canonical.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { afterHashes } from '../datasets/answers.ts'
import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asBoolean, asNumber, asText, asGold, compact, pick } from './fields.ts'
import { conversation, mostHave, promptHash } from './mapping.ts'
import type { Conversation, SourceReader } from './mapping.ts'

export const lmEval: SourceReader = {
  format: {
    title: 'lm-evaluation-harness',
    files: 'samples_<task>_<time>.jsonl, as --log_samples writes it',
    example: [
      {
        doc_id: 0,
        doc: { question: 'What is 6 times 7?', answer: '6 x 7 = 42\n#### 42' },
        target: '6 x 7 = 42\n#### 42',
        arguments: { gen_args_0: { arg_0: 'Question: What is 6 times 7?\nAnswer:' } },
        resps: [['6 x 7 = 42. #### 42']],
        filtered_resps: ['42'],
        filter: 'strict-match',
        metrics: ['exact_match'],
        exact_match: 1,
      },
      {
        doc_id: 0,
        doc: { question: 'What is 6 times 7?', answer: '6 x 7 = 42\n#### 42' },
        target: '6 x 7 = 42\n#### 42',
        arguments: { gen_args_0: { arg_0: 'Question: What is 6 times 7?\nAnswer:' } },
        resps: [['6 x 7 = 42. #### 42']],
        filtered_resps: ['42'],
        filter: 'flexible-extract',
        metrics: ['exact_match'],
        exact_match: 1,
      },
    ],
    fields: {
      doc_id: 'prompt_id',
      arguments: 'prompt: it is kept as well',
      resps: 'completion: one rollout each; they are kept as well',
      filtered_resps: 'extracted_answer: it is kept as well',
      target: 'ground_truth: after #### where it has that; it is kept as well then',
      exact_match: 'correct, rewards: as each of the metrics; it is kept as well',
      doc: 'extra',
      metrics: 'extra',
      filter: 'extra, rejected: lines of another filter than the first; --map filter=NAME reads those',
    },
  },

  recognise: (sample) =>
    mostHave(sample, 'doc', 'resps') && (mostHave(sample, 'doc_id') || mostHave(sample, 'filtered_resps'))
      ? 'it has the fields doc, resps and filtered_resps of lm-evaluation-harness'
      : null,

  read(row, { map, sample }) {
    const filter = asText(row.filter)
    const chosen = map.filter ?? sample.map((each) => asText(each.filter)).find((each) => each !== undefined)
    if (filter !== undefined && chosen !== undefined && filter !== chosen)
      return {
        code: 'row.otherFilter',
        detail: `${filter}, and the filter that is read is ${chosen}; --map filter=${filter} reads this one`,
      }
    const responses = responsesOf(row.resps)
    if (responses.length === 0)
      return { code: 'row.noCompletion', detail: 'resps holds no text (log-likelihoods of choices are no completions)' }
    const fields = pick(row)
    const promptId = fields.take(['doc_id'], asText)
    const prompt = promptOf(row)
    const target = fields.take(['target'], asGold)
    const groundTruth = typeof target === 'string' ? (afterHashes(target) ?? target) : target
    const filtered = (Array.isArray(row.filtered_resps) ? row.filtered_resps : []) as readonly Json[]
    const metrics = Array.isArray(row.metrics) ? (row.metrics.filter((name) => typeof name === 'string') as string[]) : []
    const scores = Object.fromEntries(
      metrics.flatMap((name) => {
        const score = asNumber(row[name])
        return score === undefined ? [] : [[name, score] as const]
      }),
    )
    const verdict = metrics
      .map((name) => (/^(exact_match|acc|accuracy|correct|math_verify)/.test(name) ? asBoolean(row[name]) : undefined))
      .find((each) => each !== undefined)
    const rest = fields.rest()
    return responses.map((completion, at): CanonicalRollout =>
      compact({
        schemaVersion: SCHEMA_VERSION,
        promptId: promptId ?? promptHash(prompt?.text),
        sampleIndex: responses.length > 1 ? at : undefined,
        prompt: prompt?.text,
        promptMessages: prompt?.messages,
        completion,
        groundTruth,
        // The metrics are of the document: of its only response, or of all of them together.
        extractedAnswer: extractedOf(filtered, at, responses.length),
        correct: responses.length === 1 ? verdict : undefined,
        rewards: responses.length === 1 && Object.keys(scores).length > 0 ? scores : undefined,
        extra: { ...rest, ...(target !== groundTruth && { target: row.target! }) },
      }),
    )
  },
}

/** Texts of all responses: `resps` is a list of requests, each a list of repeats. */
function responsesOf(resps: Json | undefined): string[] {
  if (!Array.isArray(resps)) return []
  return (resps as readonly Json[]).flatMap((request) =>
    typeof request === 'string'
      ? [request]
      : Array.isArray(request)
        ? ((request as readonly Json[]).filter((each) => typeof each === 'string') as string[])
        : [],
  )
}

function extractedOf(filtered: readonly Json[], at: number, count: number): string | undefined {
  const each =
    filtered.length === count
      ? filtered[at]
      : filtered.length === 1 && Array.isArray(filtered[0])
        ? (filtered[0] as readonly Json[])[at]
        : undefined
  return typeof each === 'string' && each !== '[invalid]' ? asText(each) : undefined
}

/** The prompt as it was sent (`arguments`), a conversation written as JSON included; else the question of the document. */
function promptOf({ arguments: sent, doc }: JsonObject): Conversation | undefined {
  const first = Array.isArray(sent) ? (sent as readonly Json[])[0] : isObject(sent) ? Object.values(sent)[0] : undefined
  const text = Array.isArray(first) ? (first as readonly Json[])[0] : isObject(first) ? first.arg_0 : first
  if (typeof text === 'string') {
    try {
      const messages = text.trimStart().startsWith('[') ? asMessages(JSON.parse(text) as Json) : undefined
      return messages === undefined ? { text } : conversation(messages)
    } catch {
      return { text }
    }
  }
  if (text !== undefined && text !== null) return conversation(text)
  const question = isObject(doc) ? pick(doc).take(['question', 'problem', 'prompt', 'query', 'input'], asText) : undefined
  return question === undefined ? undefined : { text: question }
}
