// Rollouts of the store as rollouts of the task: which tokens stand for a text, where its thought can be stopped, and why some cannot be read.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { listed, readRollouts, sharedTemperature, type TaskRollout } from '../../src-main/lab/thinking/taskRollouts.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import type { RolloutDetail } from '../../src-preload/contract.ts'
import { openBench, type Bench } from './micro.ts'

let bench: Bench
let context: OpenedContext
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('reading')
})
afterAll(() => {
  context.close()
  bench.dispose()
})

const task = createCountdown() as SpokenTask
const { toTokens } = task.format
/** Twelve tokens of thinking, one that ends it, and eight of answer. */
const TEXT = '5 * 15 = 75 , 75 + 4 = 79 yes </think> 5 * 15 , 75 + 4 <eos>'
const IDS = Int32Array.from(toTokens(TEXT)!)
const PROMPT = '5 4 15 -> 79'
const PROMPT_IDS = Int32Array.from(toTokens(PROMPT) ?? [])

interface Told {
  readonly text?: string
  readonly tokens?: Int32Array
  readonly promptTokens?: Int32Array
  readonly prompt?: string
  readonly ends?: readonly number[]
  readonly sampling?: unknown
}
const detail = ({
  text = TEXT,
  tokens = new Int32Array(0),
  promptTokens = new Int32Array(0),
  prompt = PROMPT,
  ends = [],
  sampling = {},
}: Told = {}) =>
  ({
    rollout: { id: 1, runId: null, evaluationId: null },
    problem: { id: 1, datasetId: 99, prompt },
    text,
    tokens,
    promptTokens,
    episodes: ends.map((endToken) => ({ endToken })),
    progress: [],
    provenance: { sampling },
  }) as unknown as RolloutDetail
const read = (...told: readonly Told[]) => readRollouts(context.store, () => 1, told.map(detail), 'starter')
const one = async (told: Told = {}): Promise<TaskRollout> => (await read(told)).rollouts[0]!

describe('the tokens of a rollout', () => {
  it('are those of its text where it came without, with the episodes that are found in them', async () => {
    const { tokens, boundaries, thinkEnd, found, problem, temperature } = await one()
    expect([tokens, boundaries, thinkEnd, temperature]).toEqual([IDS, [0, 12], 12, 1])
    expect(problem.data).toMatchObject({ numbers: [5, 4, 15], target: 79 })
    expect(found.tokens).toBe(true)
    expect(found.episodes).toEqual([expect.objectContaining({ index: 0, startToken: 0, endToken: 12, bonus: null })])
    expect((await one({ text: '</think> 5 * 15 , 75 + 4 <eos>' })).found.episodes).toBeNull()
  })

  it('are its own where they say its text, however that is spaced, or where it has none', async () => {
    for (const text of [TEXT, ` ${TEXT.replaceAll(' ', '  ')}\n`, '']) {
      const { tokens, found } = await one({ text, tokens: IDS, promptTokens: PROMPT_IDS })
      expect([tokens === IDS, found.tokens]).toEqual([true, false])
    }
    expect((await one({ tokens: IDS })).found.tokens).toBe(true)
  })

  it('are those of its text where its own are of another tokenizer or say something else', async () => {
    const changed = (at: number, id: number): Int32Array => Int32Array.from(IDS, (own, index) => (index === at ? id : own))
    for (const tokens of [changed(3, task.format.vocabularySize), changed(3, -1), changed(0, IDS[2]!), IDS.slice(1)])
      expect((await one({ tokens, promptTokens: PROMPT_IDS })).tokens).toEqual(IDS)
    expect((await one({ tokens: IDS.slice(1), promptTokens: PROMPT_IDS })).found.tokens).toBe(true)
  })
})

describe('the places where a thought can be stopped', () => {
  it('are the ends of the episodes on record where these are of its tokens, else those that are found', async () => {
    const known = await one({ tokens: IDS, ends: [5, 12] })
    expect([known.boundaries, known.found.episodes]).toEqual([[0, 5, 12], null])
    expect((await one({ tokens: IDS, ends: [9] })).boundaries).toEqual([0, 9])
    expect((await one({ tokens: IDS, ends: [5, IDS.length] })).boundaries).toEqual([0, 5, IDS.length])
    const beyond = await one({ tokens: IDS, ends: [5, IDS.length + 1] })
    expect([beyond.boundaries, beyond.found.episodes?.length]).toEqual([[0, 12], 1])
    // Episodes of other tokens than those that are read.
    expect((await one({ ends: [5, 9] })).boundaries).toEqual([0, 12])
    expect((await one({ tokens: IDS })).boundaries).toEqual([0, 12])
  })

  it('are for a temperature above nothing that the record says, and for 1 where it says none', async () => {
    const temperatures = [{ temperature: 0.5 }, { temperature: 0 }, { temperature: -1 }, { temperature: 'hot' }, {}, null]
    const { rollouts } = await read(...temperatures.map((sampling) => ({ sampling })))
    expect(rollouts.map(({ temperature }) => temperature)).toEqual([0.5, 1, 1, 1, 1, 1])
  })

  it('are of one temperature where a single figure is of them', async () => {
    const of = (...temperatures: number[]): number => sharedTemperature(temperatures.map((temperature) => ({ temperature }) as TaskRollout))
    expect([of(), of(0.5, 0.5)]).toEqual([1, 0.5])
    expect(() => of(1, 0.5, 1)).toThrow(expect.objectContaining({ code: 'measure.temperatures', found: '0.5, 1' }))
  })
})

describe('what cannot be read', () => {
  it('is counted by its reason beside what can', async () => {
    const { rollouts, unreadable } = await read(
      {},
      { text: '' },
      { text: 'I give up' },
      { text: 'So do I' },
      { text: '', tokens: Int32Array.of(-1) },
      { text: '', tokens: Int32Array.of(task.format.vocabularySize) },
      { prompt: 'What is 2 + 2?' },
      { prompt: '1 1 2 -> 79' },
      { sampling: { window: 11 } },
      { sampling: { window: 12 } },
      { sampling: { window: 'wide' } },
    )
    expect(rollouts).toHaveLength(3)
    expect(unreadable).toEqual({
      empty: 1,
      'in words of another tokenizer': 4,
      'whose prompt asks no countdown problem': 1,
      'whose problem has no answer': 1,
      'linearised, which no longer had all of their thought before them': 1,
    })
  })

  it('is refused where there is nothing else, and nothing at all is nothing', async () => {
    await expect(read({ text: '' }, { text: 'I give up' }, { text: 'So do I' })).rejects.toMatchObject({
      code: 'measure.unreadable',
      found: '1 empty, 2 in words of another tokenizer',
    })
    expect(await read()).toMatchObject({ rollouts: [], unreadable: {} })
  })

  it('has no exact J where accepted answers cannot be listed', () => {
    const [problem] = task.problems('train', 1, 1)
    expect(listed(task, problem!).strings).toBeGreaterThan(0)
    expect(() => listed({ ...task, answerTrie: () => null }, problem!)).toThrow(expect.objectContaining({ code: 'run.noAnswers' }))
  })
})
