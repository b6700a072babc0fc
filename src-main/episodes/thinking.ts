// The one reader of thinking: which characters of a completion are thought and which are the answer. Grader, segmenter and screens
// all ask it, so that what is cut into episodes is never graded and what is graded is never cut. It knows the marks of DeepSeek,
// Qwen and their kin (`<think>`), Mistral, Kimi, OpenThoughts, Cohere, Seed, Gemma, and the channels of harmony (gpt-oss).
//
// The rules: a thought ends at its own closing mark; one that never comes leaves the rest of the text thought, and no answer. A
// closing mark without an opening one ends a thought that the prompt opened. A mark between quotes is spoken of, not written. A
// closing mark after the thought was closed makes thought of what stands before it where an answer follows, and is nothing where
// none does. Every scan is linear in the text.

/** Half-open range of UTF-16 code units. */
interface Range {
  readonly start: number
  readonly end: number
}

export interface Thinking extends Range {
  /** Whether the completion says that there is thinking in it; without any mark `start` and `end` are the whole text. */
  readonly marked: boolean
  /** False when the closing mark never came. */
  readonly closed: boolean
  /** Every thought, in order, without its marks. The first begins at `start`; `end` is the end of the first. */
  readonly thoughts: readonly Range[]
  /** What is no thought, in order. */
  readonly answers: readonly Range[]
}

/** Opening and closing marks that belong together. */
const PAIRS: readonly (readonly [open: string, close: string])[] = [
  ['<think>', '</think>'],
  ['<thinking>', '</thinking>'],
  ['<thought>', '</thought>'],
  ['<reasoning>', '</reasoning>'],
  ['<seed:think>', '</seed:think>'],
  ['[THINK]', '[/THINK]'],
  ['◁think▷', '◁/think▷'],
  ['<|begin_of_thought|>', '<|end_of_thought|>'],
  ['<|START_THINKING|>', '<|END_THINKING|>'],
  ['<unused94>thought', '<unused95>'],
]
const closeOf = new Map(PAIRS)
const openOf = new Map(PAIRS.map(([open, close]) => [close, open]))
const MARK = new RegExp(
  PAIRS.flat()
    .map((mark) => mark.replace(/[|[\]]/g, '\\$&'))
    .join('|'),
  'g',
)

/** Marks that only surround an answer, and tokens that end a turn. */
const AROUND =
  /^(?:\s|<\|(?:begin|end)_of_solution\|>|<\|(?:im_end|im_start|eot_id|end_of_text|endoftext|end|return|END_RESPONSE|START_RESPONSE|end▁of▁sentence)\|>|<[|｜]end▁of▁sentence[|｜]>|<\/s>|<eos>|<end_of_turn>|<\|user\|>)*$/
const QUOTES: { readonly [opening: string]: string } = { '"': '"', "'": "'", '`': '`', '“': '”', '‘': '’', '«': '»', '「': '」' }

const isQuoted = (text: string, start: number, end: number): boolean => text.charAt(end) === QUOTES[text.charAt(start - 1)]

/** Where a prompt leaves its reader inside a thought: it ends with an opening mark. */
export const opensThought = (prompt: string): boolean =>
  PAIRS.some(([open]) => prompt.trimEnd().endsWith(open)) || /<\|channel\|>analysis<\|message\|>\s*$/.test(prompt)

/** The thinking of a completion. `opened` says that the prompt had opened a thought already. */
export function readThinking(completion: string, { opened = false }: { readonly opened?: boolean } = {}): Thinking {
  const channels = readChannels(completion, opened)
  if (channels !== null) return channels
  const thoughts: Range[] = []
  const answers: Range[] = []
  const answer = (start: number, end: number): void => void (end > start && answers.push({ start, end }))
  /** The closing mark that is waited for; null outside a thought, '' for a thought that the prompt opened with whatever mark. */
  let waiting: string | null = opened ? '' : null
  let from = 0
  let marked = opened
  for (const { 0: mark, index } of completion.matchAll(MARK)) {
    const after = index + mark.length
    if (isQuoted(completion, index, after)) continue
    const closes = openOf.has(mark)
    if (waiting !== null) {
      // A model that repeats the mark with which the prompt ended opens the same thought.
      if (waiting === '' && !closes && completion.slice(from, index).trim() === '') {
        from = after
        waiting = closeOf.get(mark)!
      } else if (closes && (waiting === '' || waiting === mark)) {
        thoughts.push({ start: from, end: index })
        from = after
        waiting = null
      }
    } else if (!closes) {
      answer(from, index)
      from = after
      waiting = closeOf.get(mark)!
      marked = true
    } else if (AROUND.test(completion.slice(after)) && thoughts.length > 0) {
      answer(from, index)
      from = after
    } else {
      // What stands before a closing mark without an opening one is thought, back to the last mark that was understood.
      thoughts.push({ start: from, end: index })
      from = after
      marked = true
    }
  }
  if (waiting === null) answer(from, completion.length)
  else thoughts.push({ start: from, end: completion.length })
  return result(completion, thoughts, answers, marked, waiting === null)
}

function result(completion: string, thoughts: readonly Range[], answers: readonly Range[], marked: boolean, closed: boolean): Thinking {
  const first = thoughts[0] ?? { start: 0, end: completion.length }
  return { start: first.start, end: first.end, marked, closed: marked && closed, thoughts, answers }
}

const CHANNEL = /<\|channel\|>(\w+)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>/g
const CHANNEL_END = /<\|(?:end|return|call|start)\|>/g

/** Channels of harmony, with its special tokens or, where a decoder left them out, as `analysis…assistantfinal…`; null for other texts. */
function readChannels(completion: string, opened: boolean): Thinking | null {
  const openings = [...completion.matchAll(CHANNEL)]
  if (openings.length === 0) {
    const final = /^analysis(?=[A-Z\s"'*\d\\$(])/.test(completion) ? completion.indexOf('assistantfinal') : -1
    return final < 0
      ? null
      : result(
          completion,
          [{ start: 'analysis'.length, end: final }],
          [{ start: final + 'assistantfinal'.length, end: completion.length }],
          true,
          true,
        )
  }
  const thoughts: Range[] = []
  const answers: Range[] = []
  if (opened && openings[0]!.index > 0) thoughts.push({ start: 0, end: before(completion, 0, openings[0]!.index) })
  openings.forEach(({ 0: mark, 1: channel, index }, at) => {
    const start = index + mark.length
    const end = before(completion, start, openings[at + 1]?.index ?? completion.length)
    ;(channel === 'final' ? answers : thoughts).push({ start, end })
  })
  // The analysis was closed when anything came after it.
  return result(completion, thoughts, answers, true, answers.length > 0 || thoughts.at(-1)!.end < completion.length)
}

/** The end of a message that begins at `start`: its end token, or `limit`. */
function before(completion: string, start: number, limit: number): number {
  CHANNEL_END.lastIndex = start
  const found = CHANNEL_END.exec(completion)
  return found === null ? limit : Math.min(limit, found.index)
}

/** The answer alone: what is no thought, without the marks around a solution; '' where the thought never ended. */
export function answerPart(completion: string, thinking: Thinking = readThinking(completion)): string {
  const text = thinking.answers.map(({ start, end }) => completion.slice(start, end)).join('')
  return thinking.marked ? text.replace(/<\|(?:begin|end)_of_solution\|>/g, '') : text
}
