// The final answer inside a completion: the last \boxed or \fbox, <answer> tags, "#### n", a phrase
// such as "the final answer is", or, if the whole text is no sentence, the text itself. A closing
// sentence with exactly one number or formula counts as a last resort, never a number found anywhere.
// Every scan is linear in the text; what is thought (episodes/thinking.ts) is not an answer.

import { answerPart } from '../../episodes/thinking.ts'

export type Extraction = {
  /** Where to look beyond explicit marks: `safe` also takes a closing sentence, `marked` does not. */
  readonly fallback?: 'safe' | 'marked'
}

/** Phrases are only searched this near the end, in characters. */
const TAIL = 4000
const LONGEST_BARE = 400

type Box = { readonly start: number; readonly end: number; readonly text: string }

const CONNECTED = /^[\s$]*(?:,|and|or|,\s*and|,\s*or|\\text\{\s*(?:and|or)\s*\})[\s$]*$/

/** All complete boxes, outer ones only, in one pass; a box cut off by the end of the text does not count. */
const boxesIn = (text: string): Box[] => {
  const first = ['\\boxed', '\\fbox'].map((name) => text.indexOf(name)).filter((at) => at >= 0)
  if (first.length === 0) return []
  let boxes: Box[] = []
  const open: { start: number; inside: number }[] = []
  for (let at = Math.min(...first); at < text.length; at++) {
    const sign = text[at]
    if (sign === '{') open.push({ start: -1, inside: at + 1 })
    else if (sign === '}') {
      const frame = open.pop()
      if (frame !== undefined && frame.start >= 0) {
        while (boxes.length > 0 && boxes.at(-1)!.start > frame.start) boxes.pop()
        boxes.push({ start: frame.start, end: at + 1, text: text.slice(frame.inside, at) })
      }
    } else if (sign === '\\') {
      const name = text.startsWith('boxed', at + 1) ? 'boxed' : text.startsWith('fbox', at + 1) ? 'fbox' : ''
      if (name === '') {
        at++
        continue
      }
      let next = at + 1 + name.length
      while (text[next] === ' ') next++
      if (text[next] === '{') open.push({ start: at, inside: next + 1 })
      else {
        const end = text.slice(next, next + LONGEST_BARE).search(/[$\n,;]|[.](?:\s|$)/)
        if (end > 0) boxes.push({ start: at, end: next + end, text: text.slice(next, next + end) })
      }
      at = next
    }
    if (boxes.length > 64) boxes = boxes.slice(-32)
  }
  return boxes
}

/** The last box; boxes joined to it by a comma, "and" or "or" belong to the same answer. */
export const lastBoxed = (text: string): string | null => {
  const boxes = boxesIn(text)
  let at = boxes.length - 1
  if (at < 0) return null
  let answer = boxes[at]!.text
  for (; at > 0; at--) {
    const between = text.slice(boxes[at - 1]!.end, boxes[at]!.start)
    if (between.length > 30 || !CONNECTED.test(between)) break
    answer = `${boxes[at - 1]!.text} , ${answer}`
  }
  return answer.trim()
}

const TAGS = ['answer', 'final_answer', 'Answer', 'finalAnswer', 'ANSWER']

const lastTagged = (text: string): string | null => {
  let found: { at: number; text: string } | null = null
  for (const tag of TAGS) {
    const close = text.lastIndexOf(`</${tag}>`)
    const open = close < 0 ? -1 : text.lastIndexOf(`<${tag}>`, close)
    if (open >= 0 && (found === null || close > found.at)) found = { at: close, text: text.slice(open + tag.length + 2, close).trim() }
  }
  return found === null || found.text === '' ? null : found.text
}

const LONGEST_JSON = 20_000
const JSON_KEYS = ['final_answer', 'finalAnswer', 'answer', 'Answer', 'result']

/** A reply that is one JSON object, in a fence or not: its final_answer, answer or result, if that is a number or a text. */
const fromJson = (text: string): string | null => {
  if (text.length > LONGEST_JSON || !text.startsWith('{') || !text.endsWith('}')) return null
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  const record = value as Record<string, unknown>
  for (const key of JSON_KEYS)
    if (Object.hasOwn(record, key)) {
      const answer = record[key]
      if (typeof answer === 'string' && answer.trim() !== '') return lastBoxed(answer) ?? answer.trim()
      // The number as it is written, not as a double: all its digits count.
      if (typeof answer === 'number') return new RegExp(`"${key}"\\s*:\\s*(-?[\\d.]+(?:[eE][+-]?\\d+)?)`).exec(text)?.[1] ?? String(answer)
    }
  return null
}

/** The inside of a fence that is all there is. */
const unfenced = (text: string): string => {
  if (!text.startsWith('```') || !text.endsWith('```') || text.length < 7) return text
  const inside = text.slice(3, -3)
  const firstLine = inside.indexOf('\n')
  if (inside.includes('```')) return text
  return (firstLine >= 0 && /^\w*\s*$/.test(inside.slice(0, firstLine)) ? inside.slice(firstLine + 1) : inside).trim()
}

/** Marks with which models end a turn; the pattern reads from the end only. */
const TURN_END = /(?:<\|[\w-]{1,40}\|>|<｜[^｜<>]{1,40}｜>|<\/s>|<eos>|<end_of_turn>|<pad>|\[EOS\])\s*$/
const LONGEST_MARK = 60

const withoutTurnEnds = (text: string): string => {
  let left = text.trim()
  for (let marks = 0; marks < 64; marks++) {
    const tail = left.slice(-LONGEST_MARK)
    const mark = TURN_END.exec(tail)
    if (mark === null) break
    left = left.slice(0, left.length - tail.length + mark.index).trimEnd()
  }
  return left
}

/** A line that opens another turn or another problem. */
const NEXT_QUESTION =
  /\n[ \t]*(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>)?\s*(?:\*\*|#{1,3} )?(?:question|problem|exercise|q|human|user|instruction)[ \t]*\d{0,4}[ \t]*[:\n]/gi

/** A model that went on with a question of its own after its answer: what follows answers that question. Cut only where an answer stands before. */
const beforeNextQuestion = (text: string): string => {
  for (const match of text.matchAll(NEXT_QUESTION)) {
    const before = text.slice(0, match.index)
    if ((lastBoxed(before) ?? lastTagged(before) ?? lastHashed(before)) !== null) return before.trim()
  }
  return text
}

/** GSM8K's mark. A markdown heading of the fourth level ("#### Step 2") is none. */
const lastHashed = (text: string): string | null => {
  const at = text.lastIndexOf('####')
  if (at < 0) return null
  const end = text.indexOf('\n', at)
  const line = text.slice(at + 4, end < 0 ? undefined : end).trim()
  return line.length < 200 && /\d|\\/.test(line) && /^[-+−$€£\d.,/%\s\\{}()^:]*[A-Za-z%]*\}?\$?\.?$/.test(line) ? line : null
}

/** The word for "answer" in the languages that models answer in. */
const ANNOUNCED =
  /\banswers?\b|答案|答えは?|정답은?|(?<!\p{L})(?:ответ|відповідь|respuesta(?: final)?|réponse(?: finale)?|antwort|resposta(?: final)?|risposta(?: finale)?)(?!\p{L})/giu
const CUE = /[\s*_]*(?:(?:should be|must be|would be|is|are|es|est|ist|é|è|这是|是|为|為|:|=|：|—|–)[\s*_:：]*)/y
const CUT = /[.!?。！？](?=\s|\*|$)|,?\s+(?:because|since|which|so|as)\b/

/** A formula that opens on its own line runs to its closing delimiter; otherwise the line is the statement. */
const statementAt = (text: string): string => {
  for (const [open, close] of [
    ['$$', '$$'],
    ['\\[', '\\]'],
  ] as const) {
    if (!text.startsWith(open)) continue
    const end = text.indexOf(close, 2)
    if (end > 0) return text.slice(2, end)
  }
  const end = text.indexOf('\n')
  const line = end < 0 ? text : text.slice(0, end)
  const cut = line.search(CUT)
  return cut < 0 ? line : line.slice(0, cut)
}

/** "the largest n is 34" states 34; a sentence with several verbs states nothing certain. */
const statedValue = (statement: string): string => {
  if (/^not\b/i.test(statement)) return ''
  const parts = statement.split(/\s(?:is|are|equals)\s/)
  return parts.length === 2 && !isSentence(parts[1]!) ? clean(parts[1]!) : statement
}

const lastAnnounced = (text: string): string | null => {
  const tail = text.slice(-TAIL)
  let found: string | null = null
  for (const match of tail.matchAll(ANNOUNCED)) {
    CUE.lastIndex = match.index + match[0].length
    const cue = CUE.exec(tail)
    const heading =
      cue === null ? /^[\s*_]*\n\s*/.exec(tail.slice(match.index + match[0].length, match.index + match[0].length + 40)) : null
    if (cue === null && (heading === null || !/final\s+$/i.test(tail.slice(Math.max(0, match.index - 10), match.index)))) continue
    const after = cue ? CUE.lastIndex : match.index + match[0].length + heading![0].length
    const statement = statedValue(clean(statementAt(tail.slice(after).trimStart())))
    if (statement !== '' && statement.length <= LONGEST_BARE && !/^not\b/i.test(statement)) found = statement
  }
  return found
}

/** Without emphasis, quotes and closing punctuation around it. */
const clean = (text: string): string => {
  let answer = text.trim()
  for (;;) {
    const before = answer
    if (answer.startsWith('**') || answer.startsWith('__')) answer = answer.slice(2)
    if (answer.endsWith('**') || answer.endsWith('__')) answer = answer.slice(0, -2)
    if (/[.,;:]$/.test(answer) && !answer.endsWith('\\,') && !answer.endsWith('\\;') && !answer.endsWith('\\:'))
      answer = answer.slice(0, -1)
    if (answer.length > 1 && /^(["'`]).*\1$/s.test(answer)) answer = answer.slice(1, -1)
    answer = answer.trim()
    if (answer === before) return answer
  }
}

const lastBold = (text: string): string | null => {
  const tail = text.slice(-TAIL)
  const close = tail.lastIndexOf('**')
  const open = close < 1 ? -1 : tail.lastIndexOf('**', close - 1)
  const inside = open < 0 ? '' : tail.slice(open + 2, close).trim()
  return inside !== '' &&
    inside.length < 100 &&
    !inside.includes('\n') &&
    !inside.endsWith(':') &&
    /\d|\\|\$/.test(inside) &&
    !isSentence(inside)
    ? clean(inside)
    : null
}

const lastLine = (text: string): string => {
  const trimmed = text.trimEnd()
  return trimmed.slice(trimmed.lastIndexOf('\n') + 1).trim()
}

/** The one number or formula of a finished closing sentence that neither denies nor announces anything. */
const soleValue = (text: string): string | null => {
  const line = lastLine(text)
  const unfinished = !/[.!]["*)]*$/.test(line)
  if (unfinished || line.length > LONGEST_BARE || /\b(?:not|never|wrong|incorrect|step|case|if|wait|maybe|perhaps|or)\b|n't|\?/i.test(line))
    return null
  const formulas = [...line.matchAll(/\$([^$]+)\$|\\\((.+?)\\\)/g)]
  if (formulas.length === 1) return /\d/.test(line.replace(formulas[0]![0], '')) ? null : clean((formulas[0]![1] ?? formulas[0]![2])!)
  if (formulas.length > 1 || /[\\^_=+*{}<>|]/.test(line.replace(/\*\*/g, ''))) return null
  const numbers = [...line.replace(/\*\*/g, '').matchAll(/[-−]?[$€£]?\d[\d,]*(?:\.\d+)?(?:\/\d+)?%?/g)]
  return numbers.length === 1 ? clean(numbers[0]![0]) : null
}

const isSentence = (text: string): boolean => {
  const words = (text.match(/(?<![\\\p{L}])\p{L}{2,}/gu) ?? []).length
  return text.includes('\n') || words > 4 || (words > 2 && text.endsWith('.'))
}

/** The answer a text states, or null. Text that is no sentence is its own answer. */
export const extractAnswer = (completion: string, { fallback = 'safe' }: Extraction = {}): string | null => {
  const text = beforeNextQuestion(unfenced(withoutTurnEnds(answerPart(completion))))
  if (text === '') return null
  const marked = fromJson(text) ?? lastBoxed(text) ?? lastTagged(text) ?? lastHashed(text)
  if (marked !== null) return clean(marked) || null
  const bare = text.length <= LONGEST_BARE && (!isSentence(text) || text.includes('\\begin{'))
  const announced = lastAnnounced(text)
  if (announced !== null) return announced
  if (bare) return clean(text) || null
  if (fallback === 'marked') return null
  return lastBold(text) ?? soleValue(text) ?? (text.length <= LONGEST_BARE && !text.includes('\n') ? clean(text) || null : null)
}

/** A gold answer may be boxed or the end of a worked solution (#### n); otherwise it is taken as written. */
export const extractGold = (gold: string): string => (lastBoxed(gold) ?? lastHashed(gold) ?? gold).trim()
