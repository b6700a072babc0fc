// Measuring J of rollouts that are in the store, with the shipped starter model: rollouts of a file become measured ones, exact and sampled
// agree, and what cannot be read is refused with the reason.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drawVotes } from '../../src-main/lab/thinking/drawVotes.ts'
import { importInto } from '../../src-main/lab/files/importInto.ts'
import { measureCuts } from '../../src-main/lab/thinking/measureCuts.ts'
import { measureJ } from '../../src-main/lab/thinking/measureJ.ts'
import { openContext, type OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { stopHere } from '../../src-main/lab/thinking/stopHere.ts'
import { calibrationQueries } from '../../src-main/lab/thinking/thinkingCalibration.ts'
import { segmentQueries } from '../../src-main/lab/thinking/thinkingSegments.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import type { DecoderOptions } from '../../src-main/engine/decoder.ts'
import type { Engine } from '../../src-main/engine/engine.ts'
import { OTHER_RULES } from '../../src-main/episodes/segmentText.ts'
import { wilson } from '../../src-main/numeric/intervals.ts'
import { passAtK } from '../../src-main/numeric/passAtK.ts'
import { deriveSeed } from '../../src-main/numeric/rng.ts'
import { sampledMu } from '../../src-main/rollout/sampledMu.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import type { RolloutDetail } from '../../src-preload/contract.ts'
import { microSpec } from './micro.ts'
import { openStarter, SETTINGS } from './starter.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-measure-'))
let context: OpenedContext
beforeAll(() => {
  context = openContext({ folder: join(folder, 'workspace'), create: true, program: 'test' })
})
afterAll(() => {
  context.close()
  rmSync(folder, { recursive: true, force: true })
})

const completions = [
  '5 + 4 = 9 , 15 - 9 = 6 no Wait 4 * 15 = 60 , 60 + 5 = 65 no Wait 5 * 15 = 75 , 75 + 4 = 79 yes </think> 5 * 15 , 75 + 4 <eos>',
  '5 * 15 = 75 , 75 + 4 = 79 yes </think> 5 * 15 , 75 + 4 <eos>',
  '5 + 15 = 20 , 20 * 4 = 80 no </think> 5 * 15 , 75 + 4 <eos>',
]

async function imported(name: string, prompt: string, texts: readonly string[]): Promise<number> {
  const path = join(folder, `${name}.jsonl`)
  writeFileSync(path, texts.map((output, step) => JSON.stringify({ input: prompt, output, gts: '79', score: 1, step })).join('\n'))
  return (await importInto(context.store, [path], { as: 'verl', name }, () => 1)).runId!
}

const request = (runId: number) => ({ scope: { runId }, start: 'starter', method: 'exact' as const, samples: 32, limit: 100 })
const signal = new AbortController().signal

const detailsOf = (runId: number): RolloutDetail[] =>
  context.store.rollouts
    .page({ filter: { runId }, sort: 'place', descending: false, limit: 100, after: null })
    .rollouts.map(({ id }) => context.store.rollouts.detail(id)!)

let known: Promise<number> | null = null
/** A run from a file whose J was measured. */
const measured = (): Promise<number> =>
  (known ??= (async () => {
    const runId = await imported('measured', '5 4 15 -> 79', completions)
    await measureJ(context, request(runId), {})
    return runId
  })())

describe('rollouts of a file', () => {
  it('become measured ones: tokens, episodes and J with their estimator, once', async () => {
    const runId = await imported('mine', '5 4 15 -> 79', completions)
    const reports: number[] = []
    const done = await measureJ(context, request(runId), {
      onEvent: (event) => event.kind === 'progress' && reports.push(event.report.done),
    })
    expect([done, reports]).toEqual([{ measured: 3, known: 0, unreadable: {} }, [0, 3]])
    const [row] = context.store.rollouts.group({ runId, steps: [0, 0], group: 0 })
    expect(
      context.store.rollouts
        .page({ filter: { runId }, sort: 'place', descending: false, limit: 10, after: null })
        .rollouts.map(({ correct }) => correct),
    ).toEqual([true, true, true])
    const {
      rollout,
      text,
      tokens,
      episodes,
      progress: [curve],
    } = context.store.rollouts.detail(row!.id)!
    expect([rollout.tokenCount, tokens.length, rollout.promptTokenCount, rollout.thinkingTokens, rollout.episodeCount]).toEqual([
      47, 47, 7, 38, 3,
    ])
    // What is known of its steps goes along: tokens instead of characters, and the share that is right.
    const [first] = context.store.steps.range(runId, 0, 0)
    expect(first!.metrics).toMatchObject({ 'n/graded': 1, 'rewards/outcome/mean': 1, 'completions/mean_length': 47 })
    expect(first!.metrics).not.toHaveProperty(['completions/mean_characters'])
    expect(episodes.map(({ textStart, textEnd }) => text.slice(textStart, textEnd))).toEqual([
      '5 + 4 = 9 , 15 - 9 = 6 no',
      'Wait 4 * 15 = 60 , 60 + 5 = 65 no',
      'Wait 5 * 15 = 75 , 75 + 4 = 79 yes',
    ])
    expect(curve!.estimator).toMatchObject({ method: 'exact', samples: 0, weights: 'checkpoint', checkpointId: null })
    const J = curve!.estimates.map(({ value }) => value)
    expect(J).toHaveLength(4)
    // The answer stands in the thought by then.
    expect(J[3]).toBeGreaterThan(0.8)
    expect(J[3]! - J[2]!).toBeGreaterThan(0.1)
    expect(rollout.progress).toBeCloseTo(J[3]! - J[0]!, 6)
    await expect(measureJ(context, request(runId), {})).rejects.toMatchObject({ code: 'measure.nothing' })
  })

  it('are answered for in as many rows as are drawn at once, and in one where nothing is drawn', async () => {
    const runId = await imported('rows', '5 4 15 -> 79', completions)
    const opened: number[] = []
    const engine: Engine = new Proxy(context.engine, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key, target)
        if (typeof value !== 'function') return value
        return (...given: unknown[]): unknown => {
          if (key === 'createDecoder') opened.push((given[0] as DecoderOptions).rows)
          return Reflect.apply(value, target, given)
        }
      },
    })
    await measureJ({ ...context, engine }, request(runId), {})
    await measureJ({ ...context, engine }, { ...request(runId), method: 'sampled', samples: 2 }, {})
    expect(opened).toEqual([1, 16])
  })

  it('get what they lack alone: exact J without an interval, and sampled J from draws of their own with one', async () => {
    const runId = await imported('parts', '5 4 15 -> 79', completions)
    expect(await measureJ(context, { ...request(runId), limit: 1 }, {})).toEqual({ measured: 1, known: 0, unreadable: {} })
    expect(await measureJ(context, request(runId), {})).toEqual({ measured: 2, known: 1, unreadable: {} })
    const samples = 4
    expect(await measureJ(context, { ...request(runId), method: 'sampled', samples }, {})).toMatchObject({ measured: 3, known: 0 })
    const rollouts = detailsOf(runId)
    for (const { progress } of rollouts) {
      const [exact, sampled] = progress
      expect([exact!.estimator, sampled!.estimator]).toMatchObject([
        { method: 'exact', samples: 0, prover: 1, step: 0, checkpointId: null },
        { method: 'sampled', samples, prover: 1, step: 0, checkpointId: null },
      ])
      for (const { low, high, tokensForwarded } of exact!.estimates) {
        expect([low, high, Number.isInteger(tokensForwarded)]).toEqual([null, null, true])
        expect(tokensForwarded).toBeGreaterThan(0)
        expect(tokensForwarded).toBeLessThan(200)
      }
    }
    const task = createCountdown() as SpokenTask
    // As many rows as are drawn at once there: what is decoded together decides the last bits.
    const starter = await openStarter({ rows: 8 * samples })
    try {
      const { J, intervals, generatedTokens } = await sampledMu(
        starter.policy,
        task,
        rollouts.map(({ rollout, promptTokens, tokens, progress }) => ({
          problem: task.problemOf(promptTokens)!,
          completion: tokens,
          cuts: progress[0]!.estimates.map(({ tokenOffset }) => tokenOffset),
          seed: deriveSeed(20_260_101, 'measure J', rollout.id),
        })),
        samples,
        { ...SETTINGS, temperature: 1, thinkingTokens: 1, answerTokens: 32 },
      )
      const cuts = J.reduce((sum, own) => sum + own.length, 0)
      expect(rollouts.map(({ progress }) => progress[1]!.estimates.map(({ value, low, high }) => [value, low, high]))).toEqual(
        J.map((own, at) => Array.from(own, (value, cut) => [value, intervals[at]![cut]!.low, intervals[at]![cut]!.high])),
      )
      for (const { progress } of rollouts)
        for (const { tokensForwarded } of progress[1]!.estimates) expect(tokensForwarded).toBe(Math.round(generatedTokens / cuts))
    } finally {
      starter.dispose()
    }
  })

  it('are answered for where they are stopped, beside what was measured there', async () => {
    const runId = await measured()
    const [first] = detailsOf(runId)
    const asked = { rolloutId: first!.rollout.id, boundary: 3, samples: 6, start: 'starter' }
    const { answers, estimate, recorded, tokenOffset, start } = await stopHere(context, asked, {})
    const right = answers.filter(({ correct }) => correct).length
    expect([answers.length, start, tokenOffset]).toEqual([6, 'starter', 38])
    expect(recorded).toBe(first!.progress[0]!.estimates[3]!.value)
    expect(estimate).toEqual({ value: right / 6, ...wilson(right, 6), n: 6 })
    for (const { text, tokens, finishReason } of answers)
      expect([text.split(' ').length, finishReason]).toEqual([tokens, text.endsWith('<eos>') ? 'stop' : 'length'])
    await expect(stopHere(context, { ...asked, boundary: 4 }, {})).rejects.toMatchObject({
      code: 'stopHere.noBoundary',
      expected: 'a boundary from 0 to 3',
      found: '4',
    })
    await expect(stopHere(context, { ...asked, start: null }, {})).rejects.toMatchObject({ code: 'stopHere.noWeights' })
    await expect(stopHere(context, { ...asked, rolloutId: 99_999 }, {})).rejects.toMatchObject({ code: 'rollout.unknown' })
  })

  it('agree whether J was summed or sampled under the same weights', async () => {
    const runId = await measured()
    await measureJ(context, { ...request(runId), method: 'sampled', samples: 200 }, {})
    const report = await calibrationQueries(() => context.store).agreement({ scope: { runId: runId }, limit: 100 }, { signal })
    expect(report).toMatchObject({ rolloutCount: 3, samples: 200 })
    expect(report.boundaryCount).toBe(8)
    expect(report.coverage).toBeGreaterThanOrEqual(0.75)
    expect(report.meanAbsoluteDifference).toBeLessThan(0.06)
  })

  it('can be cut by other rules, of which the measured cuts are told', async () => {
    const runId = await measured()
    const rules = (['markers', 'windows'] as const).map((name) => ({
      name,
      rule: {
        ...OTHER_RULES[name],
        opener: name === 'markers' ? { kind: 'phrases' as const, phrases: ['Wait'], patterns: [] } : { kind: 'windows' as const, size: 5 },
      },
    }))
    const [own, windows] = await segmentQueries(() => context.store).sensitivity(
      { scope: { runId: runId }, rules, budget: 40, counted: 'thinking', limit: 100 },
      { signal },
    )
    expect(own).toMatchObject({ rolloutCount: 3, measuredShare: 1, difference: null })
    expect(own!.episodes!.value).toBeCloseTo(5 / 3, 6)
    expect(windows!.measuredShare).toBeLessThan(1)
    expect(Math.abs(windows!.difference!.value)).toBeLessThan(0.2)
  })

  it('are cut by a pattern as by the phrase that it stands for', async () => {
    const runId = await measured()
    const by = (phrases: string[], patterns: string[]) => ({
      name: 'Wait',
      rule: { ...OTHER_RULES.markers, opener: { kind: 'phrases' as const, phrases, patterns } },
    })
    const [phrase, pattern] = await segmentQueries(() => context.store).sensitivity(
      { scope: { runId: runId }, rules: [by(['Wait'], []), by([], ['W[a]it'])], budget: 40, counted: 'thinking', limit: 100 },
      { signal },
    )
    expect(phrase!.rolloutCount).toBe(3)
    expect(pattern).toEqual({ ...phrase, difference: expect.objectContaining({ value: 0 }) })
  })

  it('are measured wherever a rule cuts, on request, and then nothing is read between', async () => {
    const runId = await measured()
    const rules = [
      { name: 'markers', rule: { ...OTHER_RULES.markers, opener: { kind: 'phrases' as const, phrases: ['Wait'], patterns: [] } } },
      { name: 'windows of 5', rule: { ...OTHER_RULES.windows, opener: { kind: 'windows' as const, size: 5 } } },
    ]
    const asked = { scope: { runId: runId }, rules, budget: 40, counted: 'thinking' as const, limit: 100 }
    const [own, windows] = await measureCuts(context, { ...asked, start: 'starter' }, {})
    const [known] = await segmentQueries(() => context.store).sensitivity(asked, { signal })
    expect([own!.measuredShare, windows!.measuredShare]).toEqual([1, 1])
    // With the answers counted too: what an answer costs is what that of the rollout did.
    const whole = { ...asked, rules: rules.slice(0, 1), budget: 60, counted: 'completion' as const }
    const [counting] = await measureCuts(context, { ...whole, start: 'starter' }, {})
    const [stored] = await segmentQueries(() => context.store).sensitivity(whole, { signal })
    expect(counting!.regret!.value).toBeCloseTo(stored!.regret!.value, 5)
    // At the boundaries of the record both have measured the same J.
    expect(own!.regret!.value).toBeCloseTo(known!.regret!.value, 5)
    expect(windows!.episodes!.value).toBeGreaterThan(own!.episodes!.value)
  })

  it('are cut in what their tokens say where the record has no text, or one that is spaced in another way', async () => {
    const runId = await measured()
    const rules = [{ name: 'windows', rule: { ...OTHER_RULES.windows, opener: { kind: 'windows' as const, size: 5 } } }]
    const asked = { scope: { runId }, rules, budget: 40, counted: 'thinking' as const, limit: 100, start: 'starter' }
    const written = await measureCuts(context, asked, {})
    const { store } = context
    for (const again of [() => '', (text: string) => text.replaceAll(' ', ' \n')]) {
      const readable = (id: number): RolloutDetail | null => {
        const detail = store.rollouts.readable(id)
        return detail && { ...detail, text: again(detail.text) }
      }
      const others = { ...context, store: { ...store, rollouts: { ...store.rollouts, readable } } }
      expect(await measureCuts(others, asked, {})).toEqual(written)
    }
    expect(written[0]!.rolloutCount).toBe(3)
  })

  it('are cut in eights, and told of as far as they are', async () => {
    const runId = await imported(
      'ten',
      '5 4 15 -> 79',
      Array.from({ length: 10 }, () => completions[1]!),
    )
    const rules = [{ name: 'windows', rule: { ...OTHER_RULES.windows, opener: { kind: 'windows' as const, size: 5 } } }]
    const reports: (readonly [number, number | null])[] = []
    const [row] = await measureCuts(
      context,
      { scope: { runId }, rules, budget: 40, counted: 'thinking', limit: 100, start: 'starter' },
      { onEvent: (event) => event.kind === 'progress' && reports.push([event.report.done, event.report.total]) },
    )
    expect([row!.rolloutCount, reports]).toEqual([
      10,
      [
        [8, 10],
        [10, 10],
      ],
    ])
  })

  it('vote for the tokens of their thinking and of every answer, drawn there or without thinking', async () => {
    const runId = await measured()
    const [first] = detailsOf(runId)
    const offsets = [0, ...first!.episodes.map(({ endToken }) => endToken)]
    const totals = new Set<number | null>()
    const { boundaries, direct, tokensGenerated, successive, parallel } = await drawVotes(
      context,
      { scope: { runId }, start: 'starter', samples: 2, limit: 1, ballots: 'plain' },
      { onEvent: (event) => event.kind === 'progress' && totals.add(event.report.total) },
    )
    expect([...totals]).toEqual([32 + 2 * 4])
    const answers = boundaries.map(({ votes: [one, two] }) => two!.tokens - one!.tokens)
    boundaries.forEach(({ votes: [one] }, at) => expect(one!.tokens - answers[at]!).toBeCloseTo(offsets[at]!, 9))
    const each = direct[0]!.tokens
    direct.forEach(({ size, tokens }) => expect(tokens).toBeCloseTo(size * each, 9))
    expect(tokensGenerated).toBeCloseTo(32 * each + answers.reduce((sum, tokens) => sum + 2 * tokens, 0), 6)
    const right = Math.round(32 * direct[0]!.any.value)
    expect(direct.map(({ any }) => any.value)).toEqual(direct.map(({ size }) => expect.closeTo(passAtK(32, right, size), 9) as number))
    expect(direct[0]!.majority.value).toBeCloseTo(right / 32, 9)
    expect([successive.length, parallel.length]).toEqual([3, 1])
    expect(successive[2]!.tokens).toBeCloseTo(offsets[3]! + answers.slice(1).reduce((sum, tokens) => sum + tokens, 0), 9)
  })

  it('vote together as far as every problem has thoughts, and once where none thought at all', async () => {
    const file = join(folder, 'two problems.jsonl')
    const empty = '</think> 5 * 15 , 75 + 4 <eos>'
    const rows = [
      ['5 4 15 -> 79', completions[0]!],
      ['5 4 15 -> 79', completions[1]!],
      ['5 4 15 -> 24', empty],
    ]
    writeFileSync(file, rows.map(([input, output]) => JSON.stringify({ input, output, gts: '79', score: 1, step: 1 })).join('\n'))
    const { runId } = await importInto(context.store, [file], { as: 'verl', name: 'two' }, () => 1)
    const asked = { scope: { runId: runId! }, start: 'starter', limit: 10, ballots: 'plain' as const }
    const two = await drawVotes(context, { ...asked, samples: 2 }, {})
    expect([two.rolloutCount, two.problemCount, two.parallel.length, two.successive.length]).toEqual([3, 2, 1, 3])
    expect(two.boundaries.map(({ votes }) => votes[0]!.value.n)).toEqual([2, 2, 2, 2])
    const thoughtless = await imported('thoughtless', '5 4 15 -> 24', [empty])
    const none = await drawVotes(context, { ...asked, scope: { runId: thoughtless }, samples: 8 }, {})
    expect([none.boundaries.length, none.successive.length, none.parallel.length, none.episodeRegret]).toEqual([1, 1, 1, []])
  })

  it('vote at every boundary beside direct answers', async () => {
    const runId = await measured()
    const votes = await drawVotes(context, { scope: { runId: runId }, start: 'starter', samples: 8, limit: 10, ballots: 'plain' }, {})
    expect(votes).toMatchObject({ rolloutCount: 3, problemCount: 1, sizes: [1, 2, 4, 8] })
    expect(votes.boundaries).toHaveLength(4)
    const tokens = votes.boundaries[3]!.votes.map((vote) => vote.tokens)
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b))
    expect(votes.direct.map(({ size }) => size)).toEqual([1, 2, 4, 8, 16, 32])
    for (const { majority, any } of votes.direct) expect(majority.value).toBeLessThanOrEqual(any.value + 1e-9)
    // One attempt votes as one answer at the first boundary does; each attempt adds its answer and the thinking up to it.
    expect(votes.successive.map(({ attempts }) => attempts)).toEqual([1, 2, 3])
    expect(votes.successive[0]!.value.value).toBeCloseTo(votes.boundaries[1]!.votes[0]!.value.value, 12)
    expect(votes.successive[0]!.tokens).toBeCloseTo(votes.boundaries[1]!.votes[0]!.tokens, 9)
    // So does one whole thought at the end of it; three cost three times as much.
    expect(votes.parallel.map(({ thoughts }) => thoughts)).toEqual([1, 2, 3])
    expect(votes.parallel[0]!.value.value).toBeCloseTo(votes.boundaries[3]!.votes[0]!.value.value, 12)
    expect(votes.parallel[2]!.tokens).toBeCloseTo(3 * votes.parallel[0]!.tokens, 9)
    // The same answers, weighed: one answer alone is worth what it was, and where the notebook halves their tokens they cost half.
    const asked = { scope: { runId: runId }, start: 'starter', samples: 8, limit: 10 }
    const [described, released] = [
      await drawVotes(context, { ...asked, ballots: 'described' }, {}),
      await drawVotes(context, { ...asked, ballots: 'released' }, {}),
    ]
    for (const weighed of [described, released]) {
      expect(weighed.boundaries.map((each) => each.votes[0]!.value)).toEqual(votes.boundaries.map((each) => each.votes[0]!.value))
      // A tie of two answers goes to the likelier.
      expect(weighed.boundaries.map((each) => each.votes[1]!.value.value)).not.toEqual(
        votes.boundaries.map((each) => each.votes[1]!.value.value),
      )
    }
    expect(described.boundaries[0]!.votes[3]!.tokens).toBeCloseTo(votes.boundaries[0]!.votes[3]!.tokens, 9)
    expect(released.boundaries[0]!.votes[3]!.tokens).toBeCloseTo(votes.boundaries[0]!.votes[3]!.tokens / 2, 9)
    // Three blocks between four boundaries, each a budget; a share of the comparator's area.
    expect(votes.episodeRegret.map(({ blocks, episodes }) => [blocks, episodes])).toEqual([
      [1, 6],
      [2, 11],
      [3, 16],
    ])
    for (const { value } of votes.episodeRegret)
      if (value !== null) {
        expect(value.value).toBeGreaterThanOrEqual(0)
        expect(value.value).toBeLessThan(1)
      }
  })
})

describe('rollouts that were drawn at another temperature than 1', () => {
  let runId: number
  beforeAll(async () => {
    runId = await createRun(
      context,
      microSpec('starter', { name: 'mrt-exact' }, { steps: 1, sampling: { temperature: 0.6 }, checkpointEvery: 1 }),
    )
    await trainRun(context, runId)
    await measureJ(context, request(runId), {})
  })
  const rows = () => context.store.rollouts.page({ filter: { runId }, sort: 'place', descending: false, limit: 100, after: null }).rollouts

  it('are measured at theirs, exactly as training measured them under the same weights, and the record says so', async () => {
    for (const { id } of rows()) {
      const [own, after] = context.store.rollouts.detail(id)!.progress
      expect([own!.estimator, after!.estimator]).toEqual([
        expect.objectContaining({ weights: 'current', temperature: 0.6 }),
        expect.objectContaining({ weights: 'checkpoint', temperature: 0.6 }),
      ])
      after!.estimates.forEach(({ value }, boundary) =>
        expect(Math.abs(value - Math.min(1, own!.estimates[boundary]!.value))).toBeLessThan(1e-5),
      )
    }
  })

  it('are measured by weights of a checkpoint under its name and step, and what is known of their steps stays as it was', async () => {
    const checkpoint = context.store.checkpoints.newest(runId)!
    const { metrics } = context.store.steps.get(runId, 1)!
    const asked = { ...request(runId), start: `checkpoint:${checkpoint.id}`, limit: 2 }
    expect(await measureJ(context, asked, {})).toMatchObject({ measured: 2, known: 0 })
    const estimators = rows().flatMap(({ id }) => context.store.rollouts.detail(id)!.progress.map(({ estimator }) => estimator))
    expect(estimators.filter(({ checkpointId }) => checkpointId === checkpoint.id)).toMatchObject([
      { step: 1, weights: 'checkpoint', temperature: 0.6 },
      { step: 1, weights: 'checkpoint', temperature: 0.6 },
    ])
    await expect(measureJ(context, asked, {})).rejects.toMatchObject({ code: 'measure.nothing', found: '2 rollouts, all of which have it' })
    expect(context.store.steps.get(runId, 1)!.metrics).toEqual(metrics)
  })

  it('are cut, voted on and answered for at theirs as well', async () => {
    const scope = { runId }
    const rules = [
      { name: 'markers', rule: { ...OTHER_RULES.markers, opener: { kind: 'phrases' as const, phrases: ['Wait'], patterns: [] } } },
    ]
    const asked = { scope, rules, budget: 24, counted: 'thinking' as const, limit: 100 }
    const [cut] = await measureCuts(context, { ...asked, start: 'starter' }, {})
    const [known] = await segmentQueries(() => context.store).sensitivity(asked, { signal })
    expect(cut!.regret!.value).toBeCloseTo(known!.regret!.value, 5)
    expect(await drawVotes(context, { scope, start: 'starter', samples: 2, limit: 4, ballots: 'plain' }, {})).toMatchObject({
      temperature: 0.6,
      episodeRegret: [],
    })
    expect(await stopHere(context, { rolloutId: rows()[0]!.id, boundary: 0, samples: 2, start: null }, {})).toMatchObject({
      temperature: 0.6,
    })
  })

  it('are answered for in the room that their run gave to answers', async () => {
    const tight = await createRun(
      context,
      microSpec('starter', { name: 'mrt-exact' }, { steps: 1, budget: { thinkingTokens: 24, answerTokens: 2 }, checkpointEvery: 1 }),
    )
    await trainRun(context, tight)
    const [first] = context.store.rollouts.page({
      filter: { runId: tight },
      sort: 'place',
      descending: false,
      limit: 1,
      after: null,
    }).rollouts
    const { answers } = await stopHere(context, { rolloutId: first!.id, boundary: 0, samples: 4, start: null }, {})
    expect(answers.map(({ tokens, finishReason }) => [tokens, finishReason])).toEqual(Array.from({ length: 4 }, () => [2, 'length']))
  })

  it('are told apart from the same measurement at another temperature', async () => {
    const signal = new AbortController().signal
    const { estimators } = calibrationQueries(() => context.store)
    expect((await estimators({ scope: { runId }, limit: 100 }, { signal })).map(({ key, title }) => [key, title])).toEqual(
      expect.arrayContaining([['exact-0-checkpoint-none-1-T0.6', 'exact, start weights, temperature 0.6']]),
    )
  })

  it('are refused where a single figure would mix temperatures, and measured apart where it would not', async () => {
    const { id: _id, ...first } = rows()[0]!
    const { rollout: _rollout, problem: _problem, ...detail } = context.store.rollouts.detail(rows()[0]!.id)!
    const other = context.store.runs.get(runId)!
    const mixed = context.store.runs.add({ ...other, name: 'mixed', createdAtMs: 1 }).id
    const drawnAt = (temperature: number, sample: number) => ({
      ...first,
      ...detail,
      sample,
      progress: [],
      provenance: { ...detail.provenance, sampling: { temperature } },
    })
    context.store.rollouts.add({ runId: mixed, evaluationId: null, phase: 'train', step: 1 }, [drawnAt(0.5, 0), drawnAt(1, 1)])
    await expect(
      drawVotes(context, { scope: { runId: mixed }, start: 'starter', samples: 2, limit: 4, ballots: 'plain' }, {}),
    ).rejects.toMatchObject({ code: 'measure.temperatures' })
    expect(await measureJ(context, request(mixed), {})).toMatchObject({ measured: 2 })
    const [cold, warm] = context.store.rollouts
      .page({ filter: { runId: mixed }, sort: 'place', descending: false, limit: 9, after: null })
      .rollouts.map(({ id }) => context.store.rollouts.detail(id)!.progress[0]!)
    expect([cold!.estimator.temperature, warm!.estimator.temperature]).toEqual([0.5, 1])
    expect(cold!.estimates.map(({ value }) => value)).not.toEqual(warm!.estimates.map(({ value }) => value))
  })
})

describe('what cannot be measured', () => {
  it('is refused where no rollout is in the words of the task', async () => {
    const runId = await imported('foreign', 'What is 2 + 2?', ['Let me think. It is 4.'])
    await expect(measureJ(context, request(runId), {})).rejects.toMatchObject({
      code: 'measure.unreadable',
      message: expect.stringMatching(/another tokenizer/),
    })
  })

  it('is counted with its reason where others can be', async () => {
    const runId = await imported('mixed', '5 4 15 -> 79', [completions[1]!, 'I give up'])
    expect(await measureJ(context, request(runId), {})).toEqual({
      measured: 1,
      known: 0,
      unreadable: { 'in words of another tokenizer': 1 },
    })
  })

  it('leaves what was done when it is cancelled', async () => {
    const runId = await imported(
      'cancelled',
      '5 4 15 -> 79',
      Array.from({ length: 40 }, () => completions[1]!),
    )
    const abort = new AbortController()
    await expect(
      measureJ(context, request(runId), {
        signal: abort.signal,
        onEvent: (event) => event.kind === 'progress' && event.report.done > 0 && abort.abort(),
      }),
    ).rejects.toThrow()
    const rows = context.store.rollouts.page({ filter: { runId }, sort: 'place', descending: false, limit: 100, after: null }).rollouts
    expect(rows.filter(({ progress }) => progress !== null)).toHaveLength(32)
  })

  it('leaves half as many where answers are sampled', async () => {
    const runId = await imported(
      'cancelled while sampling',
      '5 4 15 -> 79',
      Array.from({ length: 20 }, () => completions[1]!),
    )
    const abort = new AbortController()
    const onEvent = (event: { readonly kind: string; readonly report?: { readonly done: number } }): void => {
      if (event.kind === 'progress' && event.report!.done > 0) abort.abort()
    }
    await expect(
      measureJ(context, { ...request(runId), method: 'sampled', samples: 1 }, { signal: abort.signal, onEvent }),
    ).rejects.toThrow()
    expect(detailsOf(runId).filter(({ progress }) => progress.length > 0)).toHaveLength(16)
  })
})
