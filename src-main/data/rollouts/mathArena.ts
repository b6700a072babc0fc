// MathArena's own outputs, `outputs/<competition>/<model>/<problem>.json`: one problem per file with the conversations of all its runs, the
// answer taken from each, the verdicts and what each cost. What a turn was, thought or response, stands in its `type`. (Its data sets on Hugging Face
// have a row per run and are read as any table.)

import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import { asMessages } from '../canonical.ts'
import type { CanonicalRollout, Message } from '../canonical.ts'
import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asBoolean, asCount, asGold, asText, compact, pick } from './fields.ts'
import { conversation, most, promptHash, written } from './mapping.ts'
import type { SourceReader } from './mapping.ts'

const isProblem = (row: JsonObject): boolean =>
  Array.isArray(row.messages) &&
  row.messages.length > 0 &&
  row.messages.every((each) => asMessages(each) !== undefined) &&
  (Array.isArray(row.correct) || Array.isArray(row.answers))

export const mathArena: SourceReader = {
  format: {
    title: 'MathArena outputs',
    files: 'outputs/aime/aime_2025/MODEL/1.json',
    example: [
      {
        idx: 1,
        problem: 'What is 6 times 7?',
        gold_answer: '42',
        messages: [
          [
            { role: 'user', content: 'What is 6 times 7? Box it.' },
            { role: 'assistant', type: 'cot', content: '6 x 7' },
            { role: 'assistant', type: 'response', content: '\\boxed{42}' },
          ],
        ],
        answers: ['42'],
        correct: [true],
        detailed_costs: [{ cost: 0.01, input_tokens: 9, output_tokens: 8 }],
      },
      {
        idx: 2,
        problem: 'What is 6 times 8?',
        gold_answer: '48',
        messages: [
          [
            { role: 'user', content: 'What is 6 times 8? Box it.' },
            { role: 'assistant', content: '\\boxed{46}' },
          ],
        ],
        answers: ['46'],
        correct: [false],
        detailed_costs: [{ cost: 0.01, input_tokens: 9, output_tokens: 5 }],
      },
    ],
    fields: {
      idx: 'prompt_id',
      problem: 'prompt: as it was sent, from the messages; the bare text is kept where it differs',
      gold_answer: 'ground_truth',
      messages: 'completion: one rollout for each conversation, turns of the type cot as its thinking',
      answers: 'extracted_answer',
      correct: 'correct',
      detailed_costs: 'prompt_tokens, completion_tokens: the rest is kept',
    },
  },

  recognise: (sample) => (most(sample, isProblem) ? 'it has the conversations, answers and verdicts of MathArena' : null),

  read(row) {
    if (!isProblem(row)) return { code: 'row.noCompletion', detail: 'messages is not a list of conversations' }
    const runs = row.messages as readonly Json[]
    const fields = pick(row)
    fields.take(['messages'], () => true)
    const promptId = fields.take(['idx', 'problem_idx'], asText)
    const groundTruth = fields.take(['gold_answer'], asGold)
    const [answers, correct, costs] = ['answers', 'correct', 'detailed_costs'].map((name) =>
      fields.take([name], (value) => (Array.isArray(value) && value.length === runs.length ? (value as readonly Json[]) : undefined)),
    )
    const { problem, ...rest } = fields.rest()
    const rollouts = runs.flatMap((run, at): CanonicalRollout[] => {
      const messages = asMessages(run)!
      const first = messages.findIndex(({ role }) => role === 'assistant')
      const completion = first < 0 ? undefined : written(withThought(messages.slice(first)) as unknown as Json)
      if (completion === undefined) return []
      const prompt =
        first === 0
          ? typeof problem === 'string'
            ? { text: problem }
            : undefined
          : conversation(messages.slice(0, first) as unknown as Json)
      const cost = costs?.[at]
      const spent = isObject(cost) ? pick(cost) : null
      return [
        compact<CanonicalRollout>({
          schemaVersion: SCHEMA_VERSION,
          promptId: promptId ?? promptHash(prompt?.text),
          sampleIndex: at,
          prompt: prompt?.text,
          promptMessages: prompt?.messages,
          completion: completion.text,
          completionMessages: messages.slice(first),
          promptTokens: spent?.take(['input_tokens'], asCount),
          completionTokens: spent?.take(['output_tokens'], asCount),
          groundTruth,
          extractedAnswer: asText(answers?.[at]),
          correct: asBoolean(correct?.[at]),
          extra: {
            ...rest,
            ...(problem !== undefined && problem !== prompt?.text && { problem }),
            ...(spent !== null && Object.keys(spent.rest()).length > 0 && { detailed_costs: spent.rest() }),
            ...(correct?.[at] !== undefined && asBoolean(correct[at]) === undefined && correct[at] !== null && { correct: correct[at] }),
          },
        }),
      ]
    })
    return rollouts.length > 0 ? rollouts : { code: 'row.noCompletion', detail: 'no conversation has a turn of the model' }
  },
}

/** Turns of thought put into the turn that they led to. */
function withThought(messages: readonly Message[]): Message[] {
  const out: Message[] = []
  let thought = ''
  for (const message of messages) {
    if (message.role === 'assistant' && typeof message.type === 'string' && /cot|think|reason/.test(message.type))
      thought += typeof message.content === 'string' ? message.content : ''
    else {
      out.push(thought !== '' && message.role === 'assistant' ? { ...message, reasoning_content: thought } : message)
      if (message.role === 'assistant') thought = ''
    }
  }
  return thought === '' ? out : [...out, { role: 'assistant', content: null, reasoning_content: thought }]
}
