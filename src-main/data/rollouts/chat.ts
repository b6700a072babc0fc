// Conversations as they are fine-tuned on: `messages` (role, content), or ShareGPT's `conversations` (from, value), that end with what the
// model wrote. What follows the last user turn is the completion, everything before it the prompt; other columns are read as those of
// any table. Where a column beside them holds the problem or the answer, the rows are a dataset and are not taken for this.

import { asMessages } from '../canonical.ts'
import type { Json, JsonObject } from '../json.ts'
import { contentText } from './fields.ts'
import { most } from './mapping.ts'
import type { MapContext, Mapped, SourceReader } from './mapping.ts'
import { plain } from './plain.ts'

const columns = ['messages', 'conversations', 'conversation', 'chat', 'dialog', 'dialogue'] as const
const beside = [
  'prompt',
  'problem',
  'question',
  'answer',
  'ground_truth',
  'gts',
  'final_answer',
  'expected_answer',
  'solution',
  'reward_model',
  'completion',
  'response',
  'chosen',
  'rejected',
]
/** Prompt and completion are told apart already. */
const NO_SAMPLE: readonly JsonObject[] = []
const scores = ['reward', 'score', 'correct', 'is_correct']

const columnOf = (row: JsonObject): string | undefined => columns.find((name) => asMessages(row[name]) !== undefined)

function endsWithModel(row: JsonObject): boolean {
  const messages = asMessages(row[columnOf(row) ?? '']) ?? []
  return (
    messages.length > 1 &&
    messages.some(({ role }) => role === 'user') &&
    (messages.at(-1)!.role === 'assistant' || messages.at(-1)!.role === 'tool')
  )
}

export const chat: SourceReader = {
  format: {
    title: 'Conversations (SFT messages, ShareGPT)',
    files: 'any',
    example: [
      {
        messages: [
          { role: 'system', content: 'Think.' },
          { role: 'user', content: 'What is 6 times 7?' },
          { role: 'assistant', reasoning_content: '6 x 7', content: '\\boxed{42}' },
        ],
        source: 'mine',
      },
      {
        messages: [
          { role: 'user', content: 'What is 6 times 8?' },
          { role: 'assistant', content: '\\boxed{48}' },
        ],
        source: 'mine',
      },
    ],
    fields: {
      messages:
        'prompt, prompt_messages, completion, completion_messages: what follows the last turn of the user is the completion; also conversations with from and value',
      source: 'extra: other columns are read as those of any table',
    },
  },

  recognise(sample) {
    if (!most(sample, endsWithModel)) return null
    const has = (names: readonly string[]): boolean =>
      most(sample, (row) => names.some((name) => row[name] !== undefined && row[name] !== null))
    if (has(['completion', 'response']) || (has(beside) && !has(scores))) return null
    return `its ${columnOf(sample.find(endsWithModel)!)} are conversations that end with what the model wrote`
  },

  read(row, context: MapContext): Mapped {
    const column = columnOf(row)
    const messages = asMessages(row[column ?? '']) ?? []
    const asked = messages.findLastIndex(({ role }) => role === 'user')
    const after = messages.slice(asked + 1)
    if (column === undefined || asked < 0 || after.length === 0)
      return { code: 'row.noCompletion', detail: 'no turn of the model follows the last turn of the user' }
    const { [column]: _conversation, system, ...rest } = row
    const before = [
      ...(typeof system === 'string' && system !== '' && messages[0]!.role !== 'system' ? [{ role: 'system', content: system }] : []),
      ...messages.slice(0, asked + 1),
    ]
    const mapped = plain.read(
      { ...rest, prompt: before as unknown as Json, completion: after as unknown as Json },
      { ...context, sample: NO_SAMPLE },
    )
    // A single question is its own text, so that the same problem under another system prompt reads the same.
    const questions = before.filter(({ role }) => role !== 'system')
    return 'code' in mapped || questions.length !== 1
      ? mapped
      : mapped.map((rollout) => ({ ...rollout, prompt: contentText(questions[0]!.content) }))
  },
}
