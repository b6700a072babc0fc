// What a step leaves in a workspace, worked out on paper from rollouts that are written by hand: metrics, costs, groups, provenance and warnings.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Measured } from '../../src-main/lab/training/estimate.ts'
import { gradedRollout, type Entry } from '../../src-main/lab/training/gather.ts'
import type { LearnerResult } from '../../src-main/lab/training/learner.ts'
import { recordStep } from '../../src-main/lab/training/recordStep.ts'
import type { Running, StepOutcome } from '../../src-main/lab/training/step.ts'
import { openProblems, type ProblemRecords, type ProblemSource } from '../../src-main/lab/training/tasks.ts'
import { forwardFlopsPerToken, trainFlopsPerToken } from '../../src-main/model/config.ts'
import { createMethod } from '../../src-main/rl/algorithms.ts'
import { pay } from '../../src-main/rl/pay.ts'
import type { Credit } from '../../src-main/rl/types.ts'
import { openStore, type Store } from '../../src-main/store/openStore.ts'
import type { Json, RunSpecInput } from '../../src-preload/contract.ts'
import { MICRO_CONFIG } from './micro.ts'
import { ABORTED, entryOf, rightAfter, writtenSpec, wrongAfter } from './written.ts'

const AT_MS = 1_800_000_000_000
let folder: string
let store: Store
let problems: ProblemSource & ProblemRecords
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mrt-record-'))
  store = openStore(folder, { create: true, now: () => AT_MS })
  problems = openProblems(store, writtenSpec({ task: { name: 'countdown', options: { level: '3' } } }), () => AT_MS, {
    size: 416,
    tokenizer: null,
  })
})
afterAll(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

function runningOf(algorithm: RunSpecInput['algorithm'], more: Partial<RunSpecInput> = {}, ray: unknown = null): Running {
  const spec = writtenSpec({ algorithm, observeGroups: 2, ...more })
  const run = store.runs.add({
    name: 'written',
    method: 'outcome',
    algorithm: spec.algorithm.name,
    config: spec as unknown as Json,
    seed: spec.seed,
    groupKey: 'written',
    modelId: null,
    datasetId: problems.datasetId,
    parentRunId: null,
    parentStep: null,
    plannedSteps: spec.steps,
    environment: {},
    note: '',
    createdAtMs: AT_MS,
  })
  const running = {
    context: { store, now: () => AT_MS, engine: { version: 'an engine' } },
    runId: run.id,
    spec,
    method: createMethod(spec.algorithm.name, spec.algorithm.options),
    problems,
    config: MICRO_CONFIG,
    ray,
    options: {},
  }
  return running as unknown as Running
}

/** Boundaries at 0, 6 and 13, five tokens behind the thought of a wrong one. */
const THOUGHT = '1 + 2 = 3 no Wait 3 + 4 = 7 yes'
const at = (group: number, sample: number, more: Parameters<typeof entryOf>[3] = {}, right = false): Entry => {
  const problem = problems.ofStep(1, 20)[group]!
  return entryOf(problems, problem, right ? rightAfter(problems, problem, THOUGHT) : wrongAfter(THOUGHT), { group, sample, ...more })
}
const exactly = (...J: number[]): Measured => ({
  boundaries: [0, 6, 13],
  J: Float64Array.from(J),
  intervals: null,
  method: 'exact',
  samples: 0,
})
const gradedOf = (entry: Entry, measured: Measured | null = null) => gradedRollout(entry, entry.rollout.boundaries, measured?.J ?? null)
const creditOf = (entry: Entry, more: Partial<Credit> = {}): Credit => ({
  ...pay(gradedOf(entry), { parts: { outcome: Number(entry.grade.correct) }, outcomeAdvantage: 1 }),
  ...more,
})
const updated = (loss: number, more: Partial<LearnerResult> = {}): LearnerResult => ({
  loss,
  gradNorm: 1,
  applied: true,
  metrics: { entropy: loss, 'sampling/sampling_logp_difference/max': loss },
  logps: [],
  forwardedTokens: 100,
  ...more,
})
const outcomeOf = (entries: readonly Entry[], more: Partial<StepOutcome> = {}): StepOutcome => ({
  entries,
  endings: [],
  graded: entries.map((entry, index) => gradedOf(entry, more.measured?.[index])),
  measured: entries.map(() => null),
  observed: [],
  apart: false,
  list: null,
  credits: entries.map((entry) => creditOf(entry)),
  endingCredits: [],
  updates: [updated(2)],
  estimateTokens: 0,
  learningRate: 0.125,
  times: { sample: 1000, mu: 2000, train: 3000, watch: 4000 },
  elsewhere: {},
  ...more,
})
const rowsOf = ({ runId }: Running, step = 1) =>
  store.rollouts
    .page({ filter: { runId, steps: [step, step] }, sort: 'place', descending: false, limit: 500, after: null })
    .rollouts.map((row) => ({ ...row, detail: store.rollouts.detail(row.id)! }))
const four = (): Entry[] => [at(0, 0, {}, true), at(0, 1), at(1, 0), at(1, 1)]
const lengthsOf = (entries: readonly Entry[]): number => entries.reduce((sum, { rollout }) => sum + rollout.tokens.length, 0)

describe('what a step cost', () => {
  it('is the tokens that were drawn, without the prefixes that were there, and the operations of drawing, measuring and learning', () => {
    const running = runningOf({ name: 'dr-grpo' })
    const ended = at(4, 0, { ending: true, rollout: { prefixTokens: 6 } })
    const entries = [...four().slice(0, 3), at(1, 1, { rollout: { prefixTokens: 4 } })]
    const outcome = outcomeOf(entries, {
      endings: [ended],
      endingCredits: [creditOf(ended)],
      estimateTokens: 50,
      updates: [updated(2), updated(4)],
    })
    const step = recordStep(running, 1, outcome, 2500, 1000)
    const tokens = lengthsOf([...entries, ended]) - 4 - 6
    expect(step).toMatchObject({ step: 1, tokens, estimateTokens: 50, wallMs: 2500, learningRate: 0.125, createdAtMs: AT_MS })
    // Half of the thinking budget stands for the context.
    const flops = forwardFlopsPerToken(MICRO_CONFIG, 12) * (tokens + 50) + trainFlopsPerToken(MICRO_CONFIG, 12) * 200
    expect(step.flops / flops).toBeCloseTo(1, 12)
    expect(step.metrics).toMatchObject({
      num_tokens: 1000 + tokens,
      step_time: 2.5,
      'time/sample': 1,
      'time/mu': 2,
      'time/train': 3,
      learning_rate: 0.125,
    })
    expect(step.metrics).not.toHaveProperty(['time/watch'])
    expect(store.steps.get(running.runId, 1)).toEqual(step)
  })

  it('tells of the updates their mean loss, the last of what they measured, and how far the sampler was off before the first', () => {
    const running = runningOf({ name: 'grpo', options: { updatesPerBatch: 2 } })
    const { metrics } = recordStep(running, 1, outcomeOf(four(), { updates: [updated(2), updated(5)] }), 1, 0)
    expect(metrics).toMatchObject({ loss: 3.5, entropy: 5, 'sampling/sampling_logp_difference/max': 2 })
    const none = recordStep(running, 2, outcomeOf(four(), { updates: [] }), 1, 0)
    for (const name of ['loss', 'entropy']) expect(none.metrics).not.toHaveProperty(name)
  })

  it('says what a cluster did', () => {
    const { metrics } = recordStep(runningOf({ name: 'dr-grpo' }), 1, outcomeOf(four(), { elsewhere: { 'ray/workers': 3 } }), 1, 0)
    expect(metrics['ray/workers']).toBe(3)
  })
})

describe('what a step was like', () => {
  it('says how answers ended, those left out that were aborted or kept going, and no end that was planned', () => {
    const entries = [
      at(0, 0, { rollout: { forcedStop: true } }),
      at(0, 1, { arm: 'terminate', rollout: { forcedStop: true } }),
      { ...at(1, 0), grade: { correct: false, extracted: null, reason: 'no-answer' as const } },
      at(1, 1),
      at(1, 2, { rollout: { ...ABORTED, forcedStop: true } }),
      at(1, 3, { kept: 72, rollout: { forcedStop: true } }),
    ]
    const { metrics } = recordStep(runningOf({ name: 'dr-grpo' }), 1, outcomeOf(entries), 1, 0)
    expect([metrics['completions/forced_stop_ratio'], metrics['completions/unparsable_ratio']]).toEqual([0.25, 0.25])
    const aborted = [at(0, 0, { rollout: ABORTED })]
    const none = recordStep(runningOf({ name: 'dr-grpo' }), 1, outcomeOf(aborted), 1, 0)
    expect(Object.keys(none.metrics).filter((name) => name.startsWith('completions/'))).toEqual([])
    const taught = recordStep(runningOf({ name: 'sft' }), 1, outcomeOf(four()), 1, 0)
    expect(taught.metrics).not.toHaveProperty(['completions/unparsable_ratio'])
  })

  it('tells progress of the observed groups by its plain name, of all whose J credit needed by one of its own', () => {
    const entries = four()
    const measured = [exactly(0, 0.2, 0.6), exactly(0, 0, 0), exactly(0, 0.4, 0.2), exactly(0, 0, 0)]
    const observed = [0, 1].map((index) => ({ entry: entries[index]!, measured: measured[index]! }))
    const needed = recordStep(runningOf({ name: 'mrt-exact' }), 1, outcomeOf(entries, { measured, observed }), 1, 0).metrics
    expect(needed['mrt/progress_mean']).toBeCloseTo(0.6 / 4, 12)
    expect(needed['mrt/batch_progress_mean']).toBeCloseTo(0.8 / 8, 12)
    expect(needed['mrt/batch_j_end_mean']).toBeCloseTo(0.2, 12)
    expect(needed['mrt/batch_progress_pos_frac']).toBeCloseTo(3 / 8, 12)
    expect(needed['mrt/batch_j_start_mean']).toBe(0)
    expect(needed['ttc/accuracy']).toBe(0.5)
    expect(needed['mrt/alpha']).toBe(1)
    const other = recordStep(runningOf({ name: 'dr-grpo' }), 1, outcomeOf(entries, { measured, observed }), 1, 0).metrics
    expect(other['mrt/progress_mean']).toBeCloseTo(0.6 / 4, 12)
    expect(Object.keys(other).filter((name) => name.includes('batch_'))).toEqual([])
    const unwatched = recordStep(runningOf({ name: 'dr-grpo' }), 1, outcomeOf(entries, { measured }), 1, 0).metrics
    for (const name of ['mrt/progress_mean', 'ttc/accuracy', 'ttc/regret@24']) expect(unwatched).not.toHaveProperty([name])
  })

  it('has the regret of the observed groups at the thinking budget, each group counted once', () => {
    const entries = [at(0, 0), at(0, 1), at(1, 0)]
    const of = (...J: readonly Measured[]) =>
      recordStep(
        runningOf({ name: 'dr-grpo' }, { evaluation: { counted: 'thinking' } }),
        1,
        outcomeOf(entries, { observed: J.map((measured, index) => ({ entry: entries[index]!, measured })) }),
        1,
        0,
      ).metrics['ttc/regret@24']!
    const [sure, never] = [exactly(1, 1, 1), exactly(0, 0, 0)]
    expect(of(sure, sure, sure)).toBeCloseTo(0, 12)
    expect(of(never, never, sure)).toBeCloseTo(0.5, 12)
    expect(of(sure, never, sure)).toBeCloseTo(0.25, 12)
  })

  it('of imitation says how many texts were kept of those drawn, endings among them, and how long they are', () => {
    const entries = four()
    const ended = at(4, 0, { ending: true })
    const credits = entries.map((entry, index) => creditOf(entry, { used: index === 0 }))
    const { metrics } = recordStep(
      runningOf({ name: 'mrt-star' }),
      1,
      outcomeOf(entries, { credits, endings: [ended], endingCredits: [creditOf(ended)] }),
      1,
      0,
    )
    expect(metrics['mrt/used_frac']).toBe(2 / 4)
    expect(metrics['completions/mean_kept_length']).toBe(lengthsOf([entries[0]!, ended]) / 2)
    const none = recordStep(
      runningOf({ name: 'mrt-star' }),
      1,
      outcomeOf(entries, { credits: entries.map((entry) => creditOf(entry, { used: false })) }),
      1,
      0,
    ).metrics
    expect(none['mrt/used_frac']).toBe(0)
    expect(none).not.toHaveProperty(['completions/mean_kept_length'])
  })
})

describe('the rollouts of a step', () => {
  it('are recorded with what they were paid and what they were drawn from', () => {
    const running = runningOf(
      { name: 'dr-grpo' },
      { sampling: { temperature: 0.5 }, budget: { thinkingTokens: 24, answerTokens: 8, stages: [0.5, 1] } },
    )
    const measured = [exactly(0, 0.5, 1), null, null, null]
    recordStep(running, 2, outcomeOf(four(), { measured }), 1, 0)
    const rows = rowsOf(running, 2)
    expect(rows.map(({ group, sample, reward, used }) => [group, sample, reward, used])).toEqual([
      [0, 0, 1, true],
      [0, 1, 0, true],
      [1, 0, 0, true],
      [1, 1, 0, true],
    ])
    expect(rows[0]!.detail.provenance).toMatchObject({
      source: 'sampled',
      policyStep: 1,
      device: 'cpu',
      engine: 'an engine',
      template: 'bare',
      checkpointId: null,
      sampling: running.spec.sampling,
      file: null,
    })
    expect(rows.map(({ budgetTokens }) => budgetTokens)).toEqual([12, 12, 12, 12])
    expect(rows[0]!.detail.progress.map(({ estimator }) => estimator)).toMatchObject([
      { method: 'exact', weights: 'current', checkpointId: null, step: 1, prover: 1, template: 'bare', temperature: 0.5 },
    ])
    expect(rows.map(({ detail }) => detail.progress.length)).toEqual([1, 0, 0, 0])
    expect(rows.map(({ problemId }) => problemId)).toEqual(
      problems.idsOf(
        'train',
        four().map(({ problem }) => problem),
      ),
    )
  })

  it.each([
    [{ name: 'mrt-exact', options: { mu: 'start', bestOf: 3 } }, undefined, { weights: 'frozen', checkpointId: null, step: 0, prover: 3 }],
    [{ name: 'mrt-exact', options: { mu: 'ema' } }, undefined, { weights: 'ema', checkpointId: null, step: 0 }],
    [{ name: 'mrt-exact', options: { mu: 'given' } }, 'checkpoint:7', { weights: 'checkpoint', checkpointId: 7, step: null }],
    [{ name: 'mrt-exact', options: { mu: 'given' } }, 'starter', { weights: 'checkpoint', checkpointId: null, step: null }],
  ])('say by whose answers J was measured: %o with the prover %s', (algorithm, prover, expected) => {
    const running = runningOf(algorithm, prover === undefined ? {} : { prover })
    recordStep(running, 1, outcomeOf(four(), { measured: four().map(() => exactly(0, 0, 0)) }), 1, 0)
    expect(rowsOf(running)[0]!.detail.progress[0]!.estimator).toMatchObject(expected)
  })

  it('that were drawn anew after learning began anew were drawn by the weights of then, and are watched by the start', () => {
    const running = runningOf({ name: 'mrt-star', options: { iterations: 2, restart: 'start' } })
    const observed = [{ entry: at(0, 0), measured: exactly(0, 0, 0) }]
    recordStep(running, 3, outcomeOf(four(), { apart: true, observed }), 1, 0)
    expect(rowsOf(running, 3).map(({ detail: { provenance } }) => provenance.policyStep)).toEqual([2, 2, 2, 2, 0])
  })

  it('were drawn by whoever drew them', () => {
    const running = runningOf({ name: 'dr-grpo' }, {}, { device: 'workers' })
    recordStep(running, 1, outcomeOf(four()), 1, 0)
    expect(rowsOf(running)[0]!.detail.provenance.device).toBe('workers')
  })

  it('that were only watched are groups of their own behind the others, and those of the watch list behind these', () => {
    const running = runningOf({ name: 'mrt-star', options: { iterations: 2 } })
    const ended = at(3, 0, { ending: true })
    const observed = [at(0, 0), at(1, 1, {}, true)].map((entry) => ({ entry, measured: exactly(0, 0.5, 0.5) }))
    const looked = [
      { entry: at(0, 0), measured: exactly(0, 0, 0) },
      { entry: at(1, 0), measured: null },
    ]
    const outcome = outcomeOf(four(), {
      endings: [ended],
      endingCredits: [creditOf(ended)],
      apart: true,
      observed,
      list: { looked, tokens: 17 },
    })
    const { metrics, tokens } = recordStep(running, 4, outcome, 1, 0)
    expect(metrics).toMatchObject({ 'time/watch': 4, 'watch/num_tokens': 17 })
    expect(tokens).toBe(lengthsOf([...four(), ended]))
    expect(
      rowsOf(running, 4).map(({ group, sample, used, discardReason, reward, detail: { provenance } }) => [
        group,
        sample,
        used,
        discardReason,
        reward,
        provenance.policyStep,
      ]),
    ).toEqual([
      [0, 0, true, null, 1, 2],
      [0, 1, true, null, 0, 2],
      [1, 0, true, null, 0, 2],
      [1, 1, true, null, 0, 2],
      [3, 0, true, null, 0, 2],
      [4, 0, false, 'observed-only', 0, 3],
      [5, 1, false, 'observed-only', 1, 3],
      [6, 0, false, 'watch-list', 0, 3],
      [7, 0, false, 'watch-list', 0, 3],
    ])
    expect(rowsOf(running, 4).map(({ detail: { progress } }) => progress.length)).toEqual([0, 0, 0, 0, 0, 1, 1, 1, 0])
  })

  it('of the watch list follow the groups of the step where those that are watched are among them', () => {
    const running = runningOf({ name: 'dr-grpo' })
    const entries = four()
    const observed = [{ entry: entries[0]!, measured: exactly(0, 0, 0) }]
    recordStep(running, 1, outcomeOf(entries, { observed, list: { looked: [{ entry: at(0, 0), measured: null }], tokens: 3 } }), 1, 0)
    expect(rowsOf(running).map(({ group, discardReason }) => [group, discardReason])).toEqual([
      [0, null],
      [0, null],
      [1, null],
      [1, null],
      [2, 'watch-list'],
    ])
  })
})

describe('the warnings of a step', () => {
  const codesOf = ({ runId }: Running): (readonly [number | null, string, string, string])[] =>
    store.events.ofRun(runId, null, 0, 100).map(({ step, kind, level, code }) => [step, kind, level, code] as const)

  it('are what the health rules find in the history of its run, said once', () => {
    const running = runningOf({ name: 'dr-grpo' })
    const alike = (): Entry[] => [at(0, 0), at(0, 1), at(1, 0), at(1, 1)]
    for (const step of [1, 2, 3, 4]) recordStep(running, step, outcomeOf(alike()), 1, 0)
    expect(codesOf(running)).toEqual([[3, 'health', 'warn', 'groups.noSignal']])
    expect(store.events.ofRun(running.runId, null, 0, 100)[0]).toMatchObject({
      message: expect.stringMatching(/\S/) as unknown,
      data: { share: 1, rollouts: { runId: running.runId, steps: [1, 3] } },
      atMs: AT_MS,
    })
  })

  it('say that no update can be clipped where there is one and a ratio', () => {
    const clipped = { updates: [updated(1, { metrics: { 'clip_ratio/region_mean': 0 } })] }
    const events = [{ name: 'dr-grpo' }, { name: 'dr-grpo', options: { updatesPerBatch: 2 } }, { name: 'sft' }].map((algorithm) => {
      const running = runningOf(algorithm)
      recordStep(running, 1, outcomeOf(four(), clipped), 1, 0)
      return codesOf(running).map(([, , , code]) => code)
    })
    expect(events).toEqual([['updates.single'], [], []])
  })

  it('say of each update that was not applied that it was not', () => {
    const running = runningOf({ name: 'dr-grpo' })
    recordStep(running, 1, outcomeOf(four(), { updates: [updated(1), updated(2, { applied: false })] }), 1, 0)
    expect(codesOf(running)).toEqual([[1, 'health', 'error', 'update.notFinite']])
    expect(store.events.ofRun(running.runId, null, 0, 100)[0]).toMatchObject({
      message: 'The update of step 1 had no finite loss or gradient and was not applied.',
      data: {},
      atMs: AT_MS,
    })
  })
})
