// How a task in words becomes the tokens of a model of text, and how what the model writes is read: the conversation and its template, the
// marks between thought and answer, the forced stop, the places where a thought is cut into episodes, and the accepted answers as tokens.
//
// Two ways of thinking. `marks`: the model has marks of its own (`<think>`); thinking ends at its closing mark. `scratchpad`: it has none; it
// is asked to think first and to announce its answer with a cue, and whatever stands before the cue is thought. A forced stop writes the
// closing mark, where there is one, and the cue; the answer is then one line.
import { boundariesInTokens, endOfThinking, type TokenSegmentation } from '../episodes/segmentTokens.ts'
import { OTHER_RULES, PAPER_RULES, segmentText, type TextRule } from '../episodes/segmentText.ts'
import type { TextTokenizer } from '../model/tokenizers/tokenizer.ts'
import { createRng } from '../numeric/rng.ts'
import type { AnswerTrie, Message, Problem, Question, SpokenTask, Task, TaskFormat } from '../tasks/types.ts'
import { answerTrieOf } from './answerTrie.ts'

export interface FormatSettings {
  readonly thoughts: 'auto' | 'marks' | 'scratchpad'
  /** Where a thought is cut into episodes. */
  readonly episodes: EpisodeRule
  /** Solved problems of the imitation split that are shown before the question, by the task's teacher. */
  readonly examples: number
}

export const episodeRules = {
  lines: { opener: { kind: 'paragraphs' }, unit: 'line', minGap: 0, maxCuts: null, groupSize: 1 },
  paragraphs: OTHER_RULES.paragraphs,
  phrases: { ...PAPER_RULES.regret, minGap: 0, groupSize: 1 },
  paper: PAPER_RULES.regret,
  windows: { opener: { kind: 'windows', size: 24 }, unit: 'word', minGap: 0, maxCuts: null, groupSize: 1 },
} as const satisfies Record<string, TextRule>

export type EpisodeRule = keyof typeof episodeRules

/** Opening and closing marks that models have as single tokens. */
const MARKS: readonly (readonly [open: string, close: string])[] = [
  ['<think>', '</think>'],
  ['[THINK]', '[/THINK]'],
  ['<|begin_of_thought|>', '<|end_of_thought|>'],
  ['<seed:think>', '</seed:think>'],
]

/** Announces the answer. */
const CUE = 'Answer:'
/** How models write the cue where they write it by themselves. */
const CUES = [
  CUE,
  ` ${CUE}`,
  '**Answer:**',
  ' **Answer:**',
  '**Answer**:',
  'Final answer:',
  ' Final answer:',
  'Final Answer:',
  ' Final Answer:',
  '**Final Answer:**',
  'The answer is',
  ' The answer is',
  'ANSWER:',
]
const LINE_ENDS = ['', '\n', '\n\n']
const EXAMPLES_SEED = 11
const THINK_ON = '\nWait,'
/** What stands behind an accepted answer on its line. */
const AFTER = ['', '.']

/** Throws a RangeError where a model without marks is to think in marks, and where a task without a teacher is to show examples. */
export function speak<Data>(
  task: Task<Data>,
  tokenizer: TextTokenizer,
  vocabularySize: number,
  settings: FormatSettings,
): SpokenTask<Data> {
  const pair = marksOf(tokenizer)
  if (settings.thoughts === 'marks' && pair === undefined)
    throw new RangeError(`a model with one of the marks ${MARKS.map(([open]) => open).join(', ')}`)
  const marked = settings.thoughts === 'scratchpad' ? undefined : pair
  const format = formatOf(tokenizer, vocabularySize, marked ?? null, episodeRules[settings.episodes])
  const ends = [...format.stopTokens, ...format.forcedStops]

  const instruction =
    marked === undefined
      ? `Think step by step. Then write "${CUE}" and ${task.answerForm} on the last line.`
      : `When you have thought, write "${CUE}" and ${task.answerForm}.`
  const shown =
    settings.examples === 0
      ? []
      : task.problems('imitation', settings.examples, EXAMPLES_SEED).map((problem, index) => {
          const said = task.teacher(problem, createRng(EXAMPLES_SEED, index))
          if (said === null) throw new RangeError(`a task with a teacher that speaks, to show examples of`)
          const thought = marked === undefined ? said.thinking : `${marked.open}\n${said.thinking}\n${marked.close}\n`
          return { question: `${task.question(problem)}\n\n${instruction}`, reply: `${thought}\n${CUE} ${said.answer}` }
        })
  const promptOf = (problem: Question<Data>): { text: string; tokens: number[] } => {
    const text = task.question(problem)
    const tokens = tokenizer.hasTemplate
      ? [
          ...tokenizer.chat([
            ...shown.flatMap(({ question, reply }): Message[] => [
              { role: 'user', content: question },
              { role: 'assistant', content: reply },
            ]),
            { role: 'user', content: `${text}\n\n${instruction}` },
          ]),
        ]
      : [
          ...(tokenizer.bos === null ? [] : [tokenizer.bos]),
          ...tokenizer.encode(
            `${shown.map(({ question, reply }) => `Question: ${question}\n\n${reply}\n\n`).join('')}Question: ${text}\n\n${instruction}\n\n`,
          ),
        ]
    // A template that does not open the thought leaves that to the model; here it is opened for it, so that a thought begins at its first token.
    const opened = marked === undefined || tokens.slice(-4).includes(marked.openId) ? [] : [...tokenizer.encode(`${marked.open}\n`)]
    return { text, tokens: [...tokens, ...opened] }
  }
  const tries = new Map<string, AnswerTrie>()
  return {
    name: task.name,
    level: task.level,
    levels: task.levels,
    settings: {
      ...task.settings,
      asked: `in words, ${marked === undefined ? 'scratchpad' : marked.open}${shown.length === 0 ? '' : `, ${shown.length} examples`}`,
    },
    format,
    size: (split) => task.size(split),
    problems: (split, count, seed) =>
      task.problems(split, count, seed).map((problem): Problem<Data> => {
        const { text, tokens } = promptOf(problem)
        return { ...problem, promptText: text, promptTokens: tokens }
      }),
    problemOf: () => null,
    grade(problem, completion) {
      const tokens = Array.from(completion)
      const { answerStart, closed } = format.read(tokens)
      const text = format.toText(tokens.slice(answerStart))
      const answer = cleaned(marked === undefined ? (text.split('\n').find((line) => line.trim() !== '') ?? '') : text)
      if (closed && answer !== '') return task.grade(problem, answer)
      // A thought that was never closed is no answer, unless the model ended by itself and said one.
      if (!closed && !format.stopTokens.includes(tokens.at(-1)!)) return { correct: false, extracted: null, reason: 'truncated' }
      return marked === undefined
        ? task.grade(problem, cleaned(format.toText(tokens)))
        : { correct: false, extracted: null, reason: 'no-answer' }
    },
    answerTrie(problem) {
      const known = tries.get(problem.id)
      if (known !== undefined) return known
      const answers = task.answers(problem)
      if (answers === null) return null
      const made = answerTrieOf(
        answers.flatMap((answer) => AFTER.map((after) => ` ${answer}${after}`)),
        tokenizer,
        ends,
      )
      tries.set(problem.id, made)
      if (tries.size > 2_000) tries.delete(tries.keys().next().value!)
      return made
    },
    teacherTrace(problem, rng) {
      const said = task.teacher(problem, rng)
      if (said === null) return null
      const thinking = tokenizer.encode(said.thinking)
      const end = tokenizer.stopTokens[0]
      const completion = [
        ...thinking,
        ...format.terminationSuffix,
        ...tokenizer.encode(` ${said.answer}`),
        ...(end === undefined ? [] : [end]),
      ]
      return { completion, boundaries: format.read(completion).boundaries, solvedInThinking: true, end: 'finished', forced: [] }
    },
    sameAnswer: (a, b) => task.sameAnswer(a, b),
    cluster: (problem) => task.cluster(problem),
    difficulty: (problem) => task.difficulty(problem),
  }
}

/** The marks of thinking that a model has as single tokens. */
function marksOf(
  tokenizer: TextTokenizer,
): { readonly open: string; readonly openId: number; readonly close: string; readonly closeId: number } | undefined {
  for (const [open, close] of MARKS) {
    const [openId, closeId] = [tokenizer.markOf(open), tokenizer.markOf(close)]
    if (openId !== null && closeId !== null) return { open, openId, close, closeId }
  }
  return undefined
}

/** How a model of text is read where no task is asked: its marks where it has them, and episodes by a rule. */
export const formatOfText = (tokenizer: TextTokenizer, vocabularySize: number, rule: EpisodeRule): TaskFormat =>
  formatOf(tokenizer, vocabularySize, marksOf(tokenizer) ?? null, episodeRules[rule])

const cleaned = (text: string): string => text.replace(/<\|[^|<>]*\|>|<\/s>/g, '').trim()

/** The text of tokens, marks and white space as they are. */
export function textOf(tokenizer: Pick<TextTokenizer, 'piece'>, tokens: ArrayLike<number>): string {
  const bytes = Array.from(tokens, (token) => tokenizer.piece(token))
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(bytes))
}

/** Where each token ends in that text, in characters: one that ends within a character ends before it. */
export function textEndsOf(tokenizer: Pick<TextTokenizer, 'piece'>, tokens: ArrayLike<number>): number[] {
  const reader = new TextDecoder('utf-8', { ignoreBOM: true })
  let length = 0
  const ends = Array.from(tokens, (token) => (length += reader.decode(tokenizer.piece(token), { stream: true }).length))
  // Bytes at the end that are no whole character are written as one sign.
  const left = reader.decode().length
  if (ends.length > 0) ends[ends.length - 1]! += left
  return ends
}

function formatOf(
  tokenizer: TextTokenizer,
  vocabularySize: number,
  marked: { readonly close: string; readonly closeId: number } | null,
  rule: TextRule,
): TaskFormat {
  const stopTokens = [...tokenizer.stopTokens]
  const lineEnds = endingLines(tokenizer)
  const ways =
    marked !== null ? [[marked.closeId]] : CUES.flatMap((cue) => LINE_ENDS.map((before) => [...tokenizer.encode(`${before}${cue}`)]))
  const closers = [...new Map([...ways, ...stopTokens.map((stop) => [stop])].map((run) => [run.join(), run])).values()]
  const suffix = [...tokenizer.encode(marked !== null ? `${marked.close}\n\n${CUE}` : `\n${CUE}`)]
  const markers = { closers, stops: stopTokens }
  const textEnds = (tokens: ArrayLike<number>): number[] => textEndsOf(tokenizer, tokens)
  const toText = (tokens: ArrayLike<number>): string => textOf(tokenizer, tokens)
  return {
    vocabularySize,
    stopTokens,
    closers,
    answerStops: marked !== null ? [] : lineEnds,
    forcedStops: lineEnds,
    terminationSuffix: suffix,
    extendTokens: [...tokenizer.encode(THINK_ON)],
    toText,
    textEnds,
    toTokens: (text) => (text === '' ? null : [...tokenizer.encode(text)]),
    read(completion): TokenSegmentation {
      const ended = endOfThinking(completion, markers)
      const thought = Array.from(completion).slice(0, ended.thinkEnd)
      const text = toText(thought)
      const inner = boundariesInTokens(
        segmentText(text, rule)
          .episodes.slice(0, -1)
          .map(({ characters }) => characters.end),
        textEnds(thought),
      ).slice(1)
      const boundaries = [
        ...new Set([0, ...inner.filter((offset) => offset < ended.thinkEnd), ...(ended.thinkEnd > 0 ? [ended.thinkEnd] : [])]),
      ]
      return { boundaries, ...ended }
    },
  }
}

const lineEndsOf = new WeakMap<TextTokenizer, number[]>()

/** Tokens that begin with the end of a line. */
function endingLines(tokenizer: TextTokenizer): number[] {
  const known = lineEndsOf.get(tokenizer)
  if (known !== undefined) return known
  const found: number[] = []
  for (let id = 0; id < tokenizer.size; id++) if (tokenizer.piece(id)[0] === 10) found.push(id)
  lineEndsOf.set(tokenizer, found)
  return found
}
