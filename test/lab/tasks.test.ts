// The problem set of a run in the store: which one it is, and what training and imitation may draw from it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  askedAgain,
  completeTask,
  importedProblem,
  lengthOf,
  openProblems,
  problemsOf,
  taskInWords,
  taskOf,
  templateOf,
  trainingPool,
} from '../../src-main/lab/training/tasks.ts'
import { countdownLevel, createCountdown } from '../../src-main/tasks/countdown.ts'
import type { TextTokenizer } from '../../src-main/model/tokenizers/tokenizer.ts'
import { createRng, deriveSeed } from '../../src-main/numeric/rng.ts'
import { TaskError, type AnswerTrie, type Problem, type SpokenTask } from '../../src-main/tasks/types.ts'
import type { Json, Problem as StoredProblem } from '../../src-preload/contract.ts'
import { littleTokenizer } from '../model/littleText.ts'
import { openBench } from './micro.ts'
import type { Bench } from './micro.ts'
import { refusal } from './refusal.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

const spec = {
  task: { name: 'countdown', options: { level: '3' } },
  format: { thoughts: 'auto', episodes: 'lines', examples: 0 },
  seed: 1,
} as const
const notation = { size: 416, tokenizer: null }

describe('the problems of a run', () => {
  it('are one set for runs that ask the same, and another than a set of that name with other splits', () => {
    const { store, close } = bench.open('identity')
    const old = store.datasets.add({
      name: 'countdown-3',
      kind: 'procedural',
      source: { task: 'countdown', level: '3' },
      roles: null,
      grader: 'countdown',
      note: '',
      createdAtMs: 1,
    })
    const first = openProblems(store, spec, () => 2, notation)
    expect(first.datasetId).not.toBe(old)
    expect(openProblems(store, { ...spec, seed: 2 }, () => 3, notation).datasetId).toBe(first.datasetId)
    expect(openProblems(store, { ...spec, task: { ...spec.task, options: { level: '4' } } }, () => 3, notation).datasetId).not.toBe(
      first.datasetId,
    )
    const { source } = store.datasets.get(first.datasetId)!
    expect(source).toMatchObject({ task: 'countdown', level: '3' })
    close()
    const other = bench.open('identity of an import')
    const imported = other.store.datasets.add({
      name: 'countdown-3',
      kind: 'imported',
      source,
      roles: null,
      grader: 'countdown',
      note: '',
      createdAtMs: 1,
    })
    const drawn = openProblems(other.store, spec, () => 2, notation).datasetId
    expect(drawn).not.toBe(imported)
    expect(other.store.datasets.get(drawn)).toMatchObject({ name: 'countdown-3', note: '', roles: null, createdAtMs: 2 })
    other.close()
  })

  it('in words are a set that is called so', () => {
    const { store, close } = bench.open('in words')
    const few = { ...spec, task: { name: 'lcm', options: { level: '30' } } }
    const { datasetId } = openProblems(store, few, () => 2, { size: 704, tokenizer: littleTokenizer() })
    expect(store.datasets.get(datasetId)).toMatchObject({ name: 'lcm-30, in words', kind: 'procedural', grader: 'lcm' })
    close()
  })

  it('are others at another level', () => {
    const { store, close } = bench.open('levels')
    const at = (level: string) => taskOf(store, { ...spec, task: { name: 'countdown', options: { level } } }, notation)
    const [three, four] = [trainingPool(at('3')), trainingPool(at('4'))]
    close()
    expect(four.every(({ id }) => !three.some((each) => each.id === id))).toBe(true)
  })

  it('are never those that the starter was taught on', () => {
    const { store, close } = bench.open('taught')
    const task = taskOf(store, spec, notation)
    close()
    const taught = new Set(trainingPool(task, 'imitation').map((problem) => problem.id))
    expect(taught.size).toBe(8_192)
    expect(trainingPool(task).filter((problem) => taught.has(problem.id))).toEqual([])
  })

  it('are as many as the set can give, halved until it can, and refused below 16', () => {
    const { store, close } = bench.open('few')
    const task = taskOf(store, spec, notation)
    close()
    const asked: number[] = []
    const holding = (most: number, level = '3') => ({
      ...task,
      level,
      name: `holding ${most}`,
      problems: (split: Parameters<typeof task.problems>[0], count: number, seed: number) => {
        asked.push(count)
        expect(seed).toBe(deriveSeed(0, 'training pool'))
        if (count > most) throw new TaskError('too-few-problems', `asked for ${count}`)
        return task.problems(split, count, seed)
      },
    })
    expect(trainingPool(holding(100))).toHaveLength(80)
    expect(asked).toEqual([2560, 1280, 640, 320, 160, 80])
    const few = { expected: 'at least 16 problems to train on', next: 'Choose another level' }
    expect(() => trainingPool(holding(15))).toThrow(refusal('run.fewProblems', { ...few, found: 'fewer in holding 15 at level 3' }))
    expect(() => trainingPool(holding(15, ''))).toThrow(expect.objectContaining({ found: 'fewer in holding 15' }))
  })

  it('of an imported set are asked as they were imported, and are alike where they say so', () => {
    const stored = { id: 3, key: 'k', prompt: 'p', split: 'test', level: 0.5, answer: '4' }
    const of = (slices: object) => importedProblem({ ...stored, slices } as unknown as StoredProblem)
    expect(of({})).toEqual({ id: 3, split: 'test', prompt: 'p', golds: ['4'], cluster: 'k', level: 0.5 })
    expect(of({ cluster: 'a kind' }).cluster).toBe('a kind')
  })

  it('of an imported set are right with any of their answers, numbers as they are written; empty ones and other things are none', () => {
    const stored = { id: 3, key: 'k', prompt: 'p', split: 'train', level: 1, slices: {} }
    const goldsOf = (answer: Json): readonly string[] => importedProblem({ ...stored, answer } as unknown as StoredProblem).golds
    expect(goldsOf('four')).toEqual(['four'])
    expect(goldsOf(4)).toEqual(['4'])
    expect(goldsOf([4, 'four', ' ', null, true, 0.5])).toEqual(['4', 'four', '0.5'])
    expect(goldsOf(null)).toEqual([])
  })

  it('fail as their task fails, for any other reason than that it holds too few', () => {
    const { store, close } = bench.open('failing')
    const task = taskOf(store, spec, notation)
    close()
    const failing = (error: Error) => ({
      ...task,
      name: 'failing',
      problems: () => {
        throw error
      },
    })
    for (const error of [new TaskError('bad-options', 'no such option'), new Error('a bug')])
      expect(() => trainingPool(failing(error))).toThrow(error)
  })
})

/** Countdown with these changes; of another name, so that its pool is its own. */
let others = 0
const otherTask = (more: Partial<SpokenTask>): SpokenTask => ({
  ...(createCountdown(countdownLevel('3')) as SpokenTask),
  name: `other ${others++}`,
  ...more,
})
const real = createCountdown(countdownLevel('3')) as SpokenTask
const holding = (most: number, more: Partial<SpokenTask> = {}): SpokenTask =>
  otherTask({ size: () => most, problems: (split, count, seed) => real.problems(split, count, seed), ...more })
const ids = (problems: readonly Problem[]): string[] => problems.map(({ id }) => id)

describe('the pool of a task that knows its size', () => {
  it('is all of it, if that is sixteen or more', () => {
    expect([trainingPool(holding(20)).length, trainingPool(holding(16)).length]).toEqual([20, 16])
    expect(() => trainingPool(holding(15))).toThrow(expect.objectContaining({ code: 'run.fewProblems' }))
  })

  it('is drawn once where it is in a notation, and for each run where it is in words', () => {
    const asked: number[] = []
    const problems: SpokenTask['problems'] = (split, count, seed) => {
      asked.push(count)
      return real.problems(split, count, seed)
    }
    const notated = holding(20, { problems })
    expect(trainingPool(notated)).toBe(trainingPool(notated))
    expect(asked).toEqual([20])
    const inWords = holding(20, { problems, settings: { asked: 'in words' } })
    expect(trainingPool(inWords)).toEqual(trainingPool(inWords))
    expect(asked).toEqual([20, 20, 20])
  })
})

describe('the problems of a step', () => {
  const source = problemsOf(holding(20), 1)
  const roundOf = (from: number, of = source): string[] => [0, 1, 2, 3, 4].flatMap((step) => ids(of.ofStep(from + step, 4)))

  it('go through the whole pool before any comes again, each time in another order, which the seed decides', () => {
    const [first, second] = [roundOf(1), roundOf(6)]
    for (const round of [first, second]) expect(new Set(round).size).toBe(20)
    expect(second).not.toEqual(first)
    expect(first.toSorted()).toEqual(second.toSorted())
    expect(roundOf(1)).toEqual(first)
    expect(roundOf(1, problemsOf(source.task, 1))).toEqual(first)
    expect(roundOf(1, problemsOf(source.task, 2))).not.toEqual(first)
    expect(ids(source.ofStep(1, 20))).toEqual(first)
    expect(ids(source.ofStep(2, 15)).slice(0, 5)).toEqual(first.slice(15))
    // Runs on record went through theirs so.
    const pool = trainingPool(source.task)
    expect(first).toEqual(ids(createRng(deriveSeed(1, 'problem order', 0)).shuffle(pool)))
    expect(second).toEqual(ids(createRng(deriveSeed(1, 'problem order', 1)).shuffle(pool)))
  })

  it('are others in a later round of the same step, none twice', () => {
    const rounds = [1, 2].map((round) => ids(source.ofStep(3, 6, round)))
    for (const round of rounds) expect(new Set(round).size).toBe(6)
    expect(rounds[0]).not.toEqual(rounds[1])
    expect(ids(source.ofStep(3, 6, 1))).toEqual(rounds[0])
    expect(ids(source.ofStep(4, 6, 1))).not.toEqual(rounds[0])
    expect(rounds).not.toContainEqual(ids(source.ofStep(3, 6)))
    const shuffled = createRng(deriveSeed(1, 'resampled problems', 3, 2)).shuffle(trainingPool(source.task))
    expect(rounds[1]).toEqual(ids(shuffled.slice(0, 6)))
  })
})

describe('the problems of an evaluation', () => {
  it('are all of a split that holds fewer than are asked for', () => {
    const asked: number[] = []
    const counting = (size: number | null): SpokenTask =>
      otherTask({
        size: (split) => (split === 'train' ? 20 : size),
        problems(split, count, seed) {
          if (split !== 'train') asked.push(count)
          return real.problems(split, count, seed)
        },
      })
    for (const size of [5, null, 50]) problemsOf(counting(size), 1).ofSplit('heldout', 9, 3)
    expect(asked).toEqual([5, 9, 9])
  })

  it('are refused where the task has too few, and fail as it fails where that is a bug', () => {
    const failing = (error: Error): SpokenTask =>
      otherTask({
        size: () => 20,
        problems(split, count, seed) {
          if (split === 'train') return real.problems(split, count, seed)
          throw error
        },
      })
    const few = refusal('run.fewProblems', { expected: '9 heldout problems', found: 'so few', next: 'Ask for fewer' })
    expect(() => problemsOf(failing(new TaskError('too-few-problems', 'so few')), 1).ofSplit('heldout', 9, 3)).toThrow(few)
    const bug = new Error('a bug')
    expect(() => problemsOf(failing(bug), 1).ofSplit('heldout', 9, 3)).toThrow(bug)
  })
})

describe('the room for a prompt', () => {
  it('is that of any problem of a notation, and in words the longest of the first 256 with some to spare', () => {
    expect(problemsOf(holding(20), 1).promptRoom).toBe(24)
    const lengths: SpokenTask['problems'] = (_split, count) =>
      Array.from({ length: count }, (_, index) => ({
        id: `${index}`,
        data: null,
        promptText: '',
        promptTokens: new Array<number>(index + 1),
      }))
    const inWords = (most: number): SpokenTask =>
      otherTask({ size: () => most, problems: lengths, settings: { asked: 'in words, scratchpad' }, answerTrie: () => null })
    expect([problemsOf(inWords(40), 1).promptRoom, problemsOf(inWords(300), 1).promptRoom]).toEqual([40 + 24, 256 + 24])
    expect(templateOf(inWords(40))).toBe('in words, scratchpad')
    expect(templateOf(holding(20))).toBe('bare')
  })

  it('is a part of the longest sequence, with what closes the thinking', () => {
    const closedBy = (terminationSuffix: number[]) => ({ promptRoom: 30, task: { ...real, format: { ...real.format, terminationSuffix } } })
    expect([lengthOf(closedBy([4]), 100, 7), lengthOf(closedBy([4, 4, 4]), 100, 7)]).toEqual([137, 139])
  })
})

describe('accepted answers', () => {
  it('can be listed where those of the first problem can', () => {
    expect([problemsOf(holding(20), 1).lists, problemsOf(holding(20, { answerTrie: () => null }), 1).lists]).toEqual([true, false])
    const { answers } = problemsOf(holding(20, { answerTrie: () => null }), 1)
    expect(() => answers(real.problems('train', 1, 1)[0]!)).toThrow(
      refusal('run.noAnswers', { expected: 'accepted answers of other', found: 'a problem without', next: 'mrt-online' }),
    )
  })

  it('are made once for each of the last ten thousand problems', () => {
    const made: string[] = []
    const trie: AnswerTrie = { token: new Int32Array(0), parent: new Int32Array(0), terminal: new Uint8Array(0), strings: 0 }
    const counting = holding(20, {
      answerTrie({ id }) {
        made.push(id)
        return { ...trie }
      },
    })
    const { answers } = problemsOf(counting, 1)
    made.length = 0
    const ask = (index: number): AnswerTrie => answers({ id: `${index}`, data: null, promptText: '', promptTokens: [] })
    const first = ask(0)
    for (let index = 1; index < 10_000; index++) ask(index)
    expect([ask(0), made.length]).toEqual([first, 10_000])
    expect(ask(0)).toBe(first)
    ask(10_000)
    ask(1)
    expect(made.length).toBe(10_001)
    expect(ask(0)).not.toBe(first)
  })
})

describe('a task that is asked for', () => {
  const { store, close } = (() => {
    let opened: ReturnType<Bench['open']> | null = null
    return { store: () => (opened ??= bench.open('asked for')).store, close: () => opened?.close() }
  })()
  afterAll(close)
  const asking = (more: Partial<Parameters<typeof taskOf>[1]>, size = 416, tokenizer: null = null) =>
    taskOf(store(), { ...spec, ...more }, { size, tokenizer })

  it('has all its options filled in, and is refused where there is no such task or option', () => {
    expect(completeTask({ name: 'countdown', options: {} })).toEqual({ name: 'countdown', options: { level: '3' } })
    const wrong: readonly (readonly [name: string, options: Record<string, string>, expected: string, found: string])[] = [
      ['toString', {}, 'one of the tasks countdown, ', 'toString'],
      ['countdown', { levle: '3' }, 'level', 'levle'],
      ['countdown', { level: '99' }, '3-4', '99'],
    ]
    for (const [name, options, expected, found] of wrong) {
      const told = refusal('run.task', { expected, found })
      expect(() => completeTask({ name, options })).toThrow(told)
      expect(() => taskInWords(store(), { task: { name, options } })).toThrow(told)
    }
    const unknown = (dataset: number, found: string): void =>
      expect(() => taskInWords(store(), { task: { name: 'dataset', options: { dataset } } })).toThrow(
        refusal('dataset.unknown', { expected: 'the id of an imported dataset', found, next: 'mrt datasets' }),
      )
    unknown(77, '77')
    const procedural = openProblems(store(), spec, () => 2, notation).datasetId
    unknown(procedural, `${procedural}, which is drawn by countdown-3`)
  })

  it('is refused with what is wrong with an imported set that cannot be graded', () => {
    const dataset = store().datasets.add({
      name: 'graded by nobody',
      kind: 'imported',
      source: null,
      roles: null,
      grader: 'nobody',
      note: '',
      createdAtMs: 1,
    })
    expect(() => taskInWords(store(), { task: { name: 'dataset', options: { dataset } } })).toThrow(
      refusal('run.task', { expected: 'a task that can be asked', found: 'found nobody for graded by nobody' }),
    )
  })

  it('in words is refused with what its model lacks, and fails as its tokenizer fails', () => {
    const marks = { ...spec, format: { ...spec.format, thoughts: 'marks' } } as const
    expect(() => taskOf(store(), marks, { size: 704, tokenizer: littleTokenizer() })).toThrow(
      refusal('run.format', { expected: 'a model with one of the marks <think>', found: 'one without', next: 'format.thoughts at auto' }),
    )
    const bug = new Error('a bug')
    const broken = new Proxy({} as TextTokenizer, {
      get() {
        throw bug
      },
    })
    expect(() => taskOf(store(), spec, { size: 704, tokenizer: broken })).toThrow(bug)
  })

  it('speaks in its notation to the model that knows that alone, and not to another', () => {
    expect(asking({}).name).toBe('countdown')
    expect(() => asking({}, 417)).toThrow(
      refusal('run.vocabulary', {
        expected: 'a model with a tokenizer, or one of a task here',
        found: 'countdown asked of a vocabulary of 417 tokens',
        next: 'Import the model as a GGUF file',
      }),
    )
    expect(() => asking({ task: { name: 'arithmetic', options: {} } })).toThrow(
      refusal('run.vocabulary', {
        expected: 'the task countdown, whose words are all that this model knows',
        found: 'arithmetic asked of a vocabulary of 416 tokens',
        next: 'Choose that task',
      }),
    )
  })

  it.each([
    [{ thoughts: 'marks' }, 'marks, lines, 0 examples'],
    [{ episodes: 'paragraphs' }, 'auto, paragraphs, 0 examples'],
    [{ examples: 1 }, 'auto, lines, 1 examples'],
  ])('in its notation takes no other format: %o', (more, found) => {
    expect(() => asking({ format: { ...spec.format, ...more } as never })).toThrow(
      refusal('run.format', { expected: 'the format as it is', found, next: 'Leave format.thoughts at auto' }),
    )
  })

  it('has its problems on record once, with what they ask, how difficult they are and which are alike', () => {
    const problems = openProblems(store(), spec, () => 5, notation)
    const drawn = problems.ofStep(1, 3)
    const known = problems.idsOf('train', drawn)
    expect(new Set(known).size).toBe(3)
    expect(problems.idsOf('train', drawn)).toEqual(known)
    const [stored] = [...store().datasets.each(problems.datasetId)].filter(({ id }) => id === known[0])
    expect(stored).toMatchObject({
      key: drawn[0]!.id,
      split: 'train',
      prompt: drawn[0]!.promptText,
      answer: drawn[0]!.data,
      level: problems.task.difficulty(drawn[0]!),
      slices: { numbers: '3', cluster: problems.task.cluster(drawn[0]!) },
    })
    expect(askedAgain(spec, stored!, Int32Array.from(drawn[0]!.promptTokens))).toEqual(drawn[0])
    expect(askedAgain({ task: { name: 'dataset', options: {} } }, stored!, [1, 2])).toMatchObject({
      id: String(known[0]),
      promptTokens: [1, 2],
      data: importedProblem(stored!),
    })
    expect(store().datasets.get(problems.datasetId)).toMatchObject({ name: 'countdown-3', kind: 'procedural', grader: 'countdown' })
  })
})
