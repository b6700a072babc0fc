// What the lab answers about a workspace whose figures can be worked out by hand, asked through the contract with every answer checked.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runSpec, type Json, type RunEstimate } from '../../src-preload/contract.ts'
import { tokenEndsOf } from '../../src-main/lab/answers/tokenizerOfRollout.ts'
import { estimateRun } from '../../src-main/lab/training/estimateRun.ts'
import { forwardFlopsPerToken, STARTER_CONFIG } from '../../src-main/model/config.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'
import { specOf } from './records.ts'

let lab: LocalLab
beforeAll(async () => {
  lab = await openLocalLab()
})
afterAll(() => lab.close())

const close = (value: number | undefined, expected: number): void => expect(value).toBeCloseTo(expected, 5)

describe('workspaces', () => {
  it('answers what is open and remembers it', async () => {
    const { client, folder } = lab
    const open = await client.workspace.info()
    expect(open).toMatchObject({ folder, access: { mode: 'write' }, counts: { runs: 4, evaluations: 5 } })
    expect(await client.workspace.recents()).toMatchObject([{ folder, exists: true }])
  })

  it('keeps the open workspace when another cannot be opened', async () => {
    const { client, folder } = lab
    await expect(client.workspace.open({ folder: '/nowhere/at/all' })).rejects.toMatchObject({ code: 'workspace.missing' })
    expect((await client.workspace.info())!.folder).toBe(folder)
  })

  it('says that no sample came with the program', async () => {
    await expect(lab.client.workspace.openSample()).rejects.toMatchObject({ code: 'workspace.noSample' })
  })

  it('reads without ever loading the engine', async () => {
    const fresh = await openLocalLab()
    try {
      await fresh.client.runs.list()
      const { devices, ...engine } = (await fresh.client.system.info()).engine
      expect(engine).toEqual({ loaded: false, version: null, threads: null })
      expect(devices.filter(({ refused }) => refused === '').map(({ name }) => name)).toEqual(['cpu'])
    } finally {
      await fresh.close()
    }
  })
})

describe('descriptions', () => {
  it('gives every algorithm with its options, ranges and reasons', async () => {
    const algorithms = await lab.client.algorithms.list()
    const exact = algorithms.find(({ name }) => name === 'mrt-exact')!
    expect(exact.needs).toEqual({ data: 'rollouts', J: 'exact' })
    expect(exact.options.find(({ name }) => name === 'alpha')).toMatchObject({ kind: 'number' })
    for (const { options } of algorithms) for (const option of options) expect(option.reason.length, option.name).toBeGreaterThan(10)
  })

  it('gives every task with its dial, the default among the choices', async () => {
    const tasks = await lab.client.tasks.list()
    expect(tasks.map(({ name }) => name)).toEqual(expect.arrayContaining(['countdown', 'arithmetic', 'dataset']))
    for (const { options } of tasks)
      for (const { kind, choices, default: otherwise } of options) if (kind === 'choice') expect(Object.keys(choices)).toContain(otherwise)
  })

  it('gives presets that can be started as they are', async () => {
    const presets = await lab.client.presets.list()
    expect(presets.filter(({ quickstart }) => quickstart)).toHaveLength(3)
    for (const { id, spec } of presets) expect(spec.preset).toBe(id)
  })

  it('explains every metric that a run of ours reports under a known name or pattern', async () => {
    const described = await lab.client.glossary.metrics()
    const patterns = described.map(
      ({ name }) => new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/<[^>]+>/g, '[^/]+')}$`),
    )
    const names = await lab.client.runs.metricNames({ runIds: lab.filled.runIds })
    expect(names.filter((name) => !patterns.some((pattern) => pattern.test(name)))).toEqual([])
    expect(await lab.client.glossary.list()).not.toEqual([])
  })

  it('lists the fields of a specification with their defaults', async () => {
    const fields = await lab.client.runs.specFields()
    expect(fields.find(({ path }) => path === 'budget.thinkingTokens')).toMatchObject({
      kind: 'number',
      default: 120,
      min: 1,
      integer: true,
    })
    expect(fields.find(({ path }) => path === 'optimizer.schedule')).toMatchObject({
      kind: 'choice',
      choices: ['constant', 'linear', 'cosine'],
    })
  })
})

describe('runs', () => {
  it('lists them, and gives one with its metrics and where it could go on', async () => {
    const { client, filled } = lab
    expect((await client.runs.list()).map(({ run }) => run.id)).toEqual(filled.runIds)
    const detail = await client.runs.get({ runId: filled.runIds[0]! })
    expect(detail).toMatchObject({
      resumableStep: 4,
      job: null,
      evaluationCount: 1,
      metricNames: ['completions/mean_length', 'loss', 'reward', 'rewards/outcome/mean'],
    })
    await expect(client.runs.get({ runId: 999 })).rejects.toMatchObject({ code: 'run.unknown' })
  })

  it('gives several series at once, with the other x axes', async () => {
    const [reward, loss] = await lab.client.runs.series({ runId: lab.filled.runIds[0]!, metrics: ['reward', 'loss'] })
    expect(reward).toMatchObject({
      metric: 'reward',
      exact: true,
      step: [1, 2, 3, 4],
      value: [0.1, 0.2, 0.3, 0.4],
      tokens: [48, 96, 144, 192],
    })
    close(loss!.value[3], 0.4)
  })

  it('puts the settings side by side and marks what differs', async () => {
    const [a, , b] = lab.filled.runIds
    const rows = await lab.client.runs.configDiff({ runIds: [a!, b!] })
    expect(rows.filter(({ differs }) => differs).map(({ section, key }) => `${section} ${key}`)).toEqual([
      'config name',
      'config algorithm.name',
      'run name',
      'run method',
      'run algorithm',
    ])
    expect(rows.find(({ key }) => key === 'algorithm.name')!.cells).toEqual([
      { kind: 'value', value: 'dr-grpo' },
      { kind: 'value', value: 'mrt-exact' },
    ])
  })

  it('gives health findings with the rollouts that caused them', async () => {
    const [finding] = await lab.client.health.list({ runId: lab.filled.runIds[0]! })
    expect(finding).toMatchObject({
      code: 'groups.noSignal',
      step: 2,
      title: 'Groups agree, so there is little to learn from',
      rollouts: { steps: [1, 2] },
    })
    const page = await lab.client.rollouts.query({ filter: finding!.rollouts, sort: 'place', descending: false, limit: 100, after: null })
    expect(page.rollouts).toHaveLength(8)
  })

  it('moves a run to the bin and back, and empties the bin only when told', async () => {
    const other = await openLocalLab()
    try {
      const { client, filled } = other
      const runId = filled.runIds[3]!
      expect(await client.runs.footprint({ runId })).toMatchObject({
        steps: 4,
        rollouts: 16,
        evaluations: 1,
        checkpoints: 1,
        checkpointBytes: 1000,
      })
      await client.runs.remove({ runId })
      expect((await client.runs.list()).map(({ run }) => run.id)).not.toContain(runId)
      expect((await client.runs.bin()).map(({ id }) => id)).toEqual([runId])
      await client.runs.restore({ runId })
      expect((await client.runs.list()).map(({ run }) => run.id)).toContain(runId)
      await client.runs.remove({ runId })
      expect(await client.runs.emptyBin()).toMatchObject({ steps: 4, rollouts: 16 })
      expect(await client.runs.bin()).toEqual([])
      expect(other.events.filter((event) => event.kind === 'changed' && event.noun === 'runs').length).toBeGreaterThanOrEqual(4)
    } finally {
      await other.close()
    }
  })

  it('estimates from runs like it where there are any, and says which', async () => {
    const measured = await lab.client.runs.estimate({ spec: specOf('dr-grpo', 1) })
    expect(measured).toMatchObject({ basis: 'measured' })
    // 1000 ms for a step of 32 x 8 rollouts; 4 such steps and, at half the price, 256 x (8 + 2) evaluated rollouts and 4 of the watch list.
    close((measured.timeMs.low * 1.2) / 1000, 4 + 5 + 2 / 256)
    const timed = await lab.client.runs.estimate({ spec: specOf('gspo', 1) })
    expect(timed.basis).toBe('timed')
    // 1024 rollouts, and 2560 evaluated ones and 4 of the watch list at half the price; each 13 tokens, drawn at 10,000 a second; observed and trained on at 20,000.
    close((timed.timeMs.low * 1.5) / 1000, (1024 + 1280 + 2) * (13 / 10_000 + ((4 / 32) * 2 * 13 + 3 * (12 + 13)) / 20_000))
    expect(timed.memoryBytes).toBeGreaterThan(1e8)
  })

  it('estimates on a machine that cannot be timed as on one that reads at 60 GFLOP/s and draws at half of that', async () => {
    const store = lab.lab.workspaces.store()
    const spec = runSpec.parse(specOf('gspo', 1))
    const perToken = forwardFlopsPerToken(STARTER_CONFIG, spec.budget.thinkingTokens / 2)
    const middle = ({ timeMs }: RunEstimate): number => Math.sqrt(timeMs.low * timeMs.high)
    for (const config of [STARTER_CONFIG, { ...STARTER_CONFIG, layers: 3 * STARTER_CONFIG.layers }]) {
      const untimed = await estimateRun(store, spec, () => Promise.resolve(null), config)
      // What is timed is the starter.
      const timed = await estimateRun(store, spec, () => Promise.resolve({ drawn: 30e9 / perToken, read: 60e9 / perToken }), config)
      expect([untimed.basis, timed.basis]).toEqual(['modelled', 'timed'])
      expect(middle(untimed) / middle(timed)).toBeCloseTo(1, 12)
      expect(untimed.timeMs.high / untimed.timeMs.low).toBeGreaterThan(timed.timeMs.high / timed.timeMs.low)
    }
  })

  it('takes the newest of several runs like it', async () => {
    const other = await openLocalLab()
    try {
      const store = other.lab.workspaces.store()
      const near = store.runs.get(other.filled.runIds[0]!)!
      const lastMs = [5000, 3000, 7000, 2000]
      for (const [at, wallMs] of lastMs.entries()) {
        const { id: _id, uid: _uid, ...same } = near
        const { id } = store.runs.add({ ...same, name: `later ${at}`, createdAtMs: near.createdAtMs + at + 1 })
        store.steps.record({ step: { ...store.steps.get(near.id, 1)!, runId: id, wallMs }, rollouts: [], events: [] })
      }
      const { timeMs, because } = await other.client.runs.estimate({ spec: specOf('dr-grpo', 1) })
      expect(because).toContain('later 3')
      close((timeMs.low * 1.2) / 2000, 4 + 5 + 2 / 256)
    } finally {
      await other.close()
    }
  })

  it('takes nothing from runs of another machine for an estimate on this one', async () => {
    const other = await openLocalLab()
    try {
      const store = other.lab.workspaces.store()
      const near = store.runs.get(other.filled.runIds[0]!)!
      const { id } = store.runs.add({
        name: 'far',
        method: 'rloo',
        algorithm: 'rloo',
        config: specOf('rloo', 1) as unknown as Json,
        seed: 1,
        groupKey: 'far',
        modelId: near.modelId,
        datasetId: near.datasetId,
        parentRunId: null,
        parentStep: null,
        plannedSteps: 4,
        environment: { cpu: 'Another processor', cores: 2 },
        note: '',
        createdAtMs: 1,
      })
      store.steps.record({ step: { ...store.steps.get(near.id, 1)!, runId: id }, rollouts: [], events: [] })
      expect((await other.client.runs.estimate({ spec: specOf('rloo', 1) })).basis).toBe('timed')
    } finally {
      await other.close()
    }
  })
})

describe('rollouts', () => {
  const first = async () =>
    (await lab.client.rollouts.query({ filter: { runId: lab.filled.runIds[0]! }, sort: 'place', descending: false, limit: 1, after: null }))
      .rollouts[0]!

  it('knows where each token ends in a text of as many words, unless it came from elsewhere', async () => {
    const store = lab.lab.workspaces.store()
    const written = { ...store.rollouts.detail(1)!, text: '15 - 9 = 6', tokens: new Int32Array(5) }
    expect([...(await tokenEndsOf(store, written))!]).toEqual([3, 5, 7, 9, 10])
    expect(await tokenEndsOf(store, { ...written, tokens: new Int32Array(6) })).toBeNull()
    expect(await tokenEndsOf(store, { ...written, provenance: { ...written.provenance, source: 'imported' } })).toBeNull()
  })

  it('reads one with what its progress says', async () => {
    const { detail, thinking, textEnds } = await lab.client.rollouts.get({ rolloutId: (await first()).id })
    // Thirteen words, twelve tokens: which characters a token covers is not said.
    expect(textEnds).toBeNull()
    expect(await lab.client.rollouts.steps({ runId: lab.filled.runIds[0]! })).toEqual([1, 2, 3, 4])
    expect(detail.tokens).toBeInstanceOf(Int32Array)
    const [view] = thinking
    expect(view!.J).toEqual([0.1, 0.3, 0.9])
    view!.progress.forEach((value, index) => close(value, [0.2, 0.6][index]!))
    view!.cumulativeRegret.forEach((value, index) => close(value, [0.9, 1.6][index]!))
    expect(view).toMatchObject({ bestBoundary: 2, stableBoundary: 2, usefulTokens: 9, overthinkTokens: 0, tokensForwarded: 9 })
  })

  it('gives the group around a rollout', async () => {
    expect((await lab.client.rollouts.group({ rolloutId: (await first()).id })).map(({ sample }) => sample)).toEqual([0, 1, 2, 3])
  })

  it('says what each method would have paid, by hand for two of them', async () => {
    const explanations = await lab.client.rollouts.explain({
      rolloutId: (await first()).id,
      methods: [
        { label: 'outcome', algorithm: 'dr-grpo' },
        { label: 'exact', algorithm: 'mrt-exact' },
        { label: 'arms', algorithm: 'mrt-termination' },
      ],
    })
    const [outcome, exact] = explanations.map((each) => (each.kind === 'paid' ? each.payslips : null))
    // Dr. GRPO: reward minus the mean of the group, 1 - 0.5.
    expect(outcome!.map((slip) => slip.outcome)).toEqual([0.5, -0.5, 0.5, -0.5])
    expect(exact![0]!.bonuses).toHaveLength(2)
    expect(exact![0]!.bonuses[1]!).toBeGreaterThan(exact![0]!.bonuses[0]!)
  })

  it('compares with the own method and the usual three when none is named', async () => {
    const explanations = await lab.client.rollouts.explain({ rolloutId: (await first()).id })
    expect(explanations).toHaveLength(3)
    expect(explanations[0]!.label).toContain('(this run)')
  })

  it('refuses a method that does not exist with a coded error', async () => {
    await expect(
      lab.client.rollouts.explain({ rolloutId: (await first()).id, methods: [{ label: 'x', algorithm: 'nothing' }] }),
    ).rejects.toMatchObject({ code: 'rl.algorithm' })
  })

  it('finds text, picks samples and counts histograms', async () => {
    const { client, filled } = lab
    const filter = { runId: filled.runIds[0]! }
    expect(await client.rollouts.search({ filter: { ...filter, text: 'Wait' } })).toHaveLength(16)
    expect((await client.rollouts.picks({ scope: filter })).mostProgress!.correct).toBe(true)
    const { counts } = await client.rollouts.histogram({ filter, column: 'reward', bins: 2 })
    expect(counts).toEqual([8, 8])
    expect(await client.rollouts.throughTraining({ problemId: filled.problemIds[0]!, runId: filter.runId })).toHaveLength(4)
  })

  it('asks for answers from a boundary without training having to end', async () => {
    expect(await lab.client.rollouts.stopHere({ rolloutId: (await first()).id, boundary: 1, samples: 4 })).toMatchObject({
      boundary: 1,
      answers: [{ correct: true }, {}, {}, {}],
    })
  })
})

describe('thinking', () => {
  it('sums up a run: J by episode, progress, where the tokens went', async () => {
    const summary = await lab.client.thinking.summary({ scope: { runId: lab.filled.runIds[0]! } })
    expect(summary).toMatchObject({ rolloutCount: 16, readCount: 16, measuredCount: 16 })
    summary.curve.forEach(({ value }, index) => close(value, [0.1, 0.25, 0.5][index]!))
    close(summary.progress!.value, 0.4)
    // 8 right ones: all 9 tokens useful. 8 wrong ones spent what was enough for another: futile.
    expect(summary.account.tokens).toEqual({ useful: 72, overthinking: 0, futile: 72, starved: 0 })
  })

  it('thins a large scope evenly and says so', async () => {
    expect(await lab.client.thinking.summary({ scope: { runId: lab.filled.runIds[0]! }, limit: 4 })).toMatchObject({
      rolloutCount: 16,
      readCount: 4,
      measuredCount: 4,
    })
  })

  it('computes regret at budgets, extrapolation marked', async () => {
    const points = await lab.client.thinking.regret({ scope: { runId: lab.filled.runIds[0]! }, budgets: [9, 40], counted: 'thinking' })
    // Mean curve 0.1, 0.25, 0.5 at 0, 5, 9 thinking tokens; (0, 0) stands before it at the same place.
    close(points[0]!.value, 1 - (5 * 0.175 + 4 * 0.375) / 9)
    expect(points.map(({ extrapolated }) => extrapolated)).toEqual([false, true])
  })

  it('says how J and what was graded agree', async () => {
    const report = await lab.client.thinking.calibration({ scope: { runId: lab.filled.runIds[0]! }, bins: 2 })
    close(report.brier!.value, 0.01)
    close(report.error!, 0.1)
    expect(report).toMatchObject({ n: 16, problemCount: 4, auroc: { value: 1, n: 4 } })
  })

  it('previews the cuts of a rule, and refuses one that cannot cut', async () => {
    const text = 'a\n\nb\n\nc\n\nWait, d\n\ne'
    const rule = { opener: { kind: 'phrases' as const, phrases: ['Wait'], patterns: [] }, minGap: 3, maxCuts: null, groupSize: 1 }
    expect((await lab.client.thinking.segment({ text, rule })).map(({ textStart, textEnd }) => text.slice(textStart, textEnd))).toEqual([
      'a\n\nb\n\nc',
      'Wait, d\n\ne',
    ])
    await expect(
      lab.client.thinking.segment({ text, rule: { ...rule, opener: { ...rule.opener, patterns: ['('] } } }),
    ).rejects.toMatchObject({ code: 'segment.rule' })
    expect((await lab.client.thinking.rules()).map(({ name }) => name)).toContain('regret')
  })
})

describe('comparisons', () => {
  const table = (budget: number, more = {}) => lab.client.compare.table({ runIds: lab.filled.runIds, budget, ...more })

  it('makes a row per configuration over its seeds, the shared start first', async () => {
    const { rows, exact } = await table(40, { baseline: lab.filled.runIds[0]! })
    expect(exact).toBe(true)
    expect(rows.map(({ title, runIds }) => [title, runIds.length])).toEqual([
      ['Start', 0],
      ['dr-grpo', 2],
      ['mrt-exact', 2],
    ])
    close(rows[1]!.accuracy!.value, 0.5)
    close(rows[2]!.accuracy!.value, 0.7)
    close(rows[2]!.regret!.value, 0.65)
    close(rows[2]!.meanTokens!.value, 13)
    expect(rows[2]!.accuracy!.n).toBe(4)
    expect(rows[2]!).toMatchObject({
      extrapolated: true,
      cost: { steps: 8, tokens: 384, estimateTokens: 96, flops: 8e9, wallMs: 8000 },
      account: null,
    })
    expect(rows.map(({ accuracy }) => accuracy!.basis)).toEqual([0, 2, 2].map((seeds) => ({ clusters: 4, seeds, df: seeds === 0 ? 3 : 1 })))
  })

  it('pairs differences problem by problem, so that a constant gain has no spread', async () => {
    const { rows, baseline } = await table(40, { baseline: lab.filled.runIds[0]! })
    expect(baseline).toBe(rows[1]!.key)
    expect(rows[1]!.against).toBeNull()
    const { accuracy } = rows[2]!.against!
    for (const value of [accuracy.value, accuracy.low!, accuracy.high!]) close(value, 0.2)
    // Without spread no resample reaches 0, and p is the least that 2000 of them can say.
    expect(accuracy.p).toBeCloseTo(1 / 2001, 9)
    expect(accuracy.basis).toEqual({ clusters: 4, seeds: 2, df: 1 })
  })

  it('reads a budget between two measured ones off the line between them, and says so', async () => {
    const { rows, exact } = await table(30)
    expect(exact).toBe(false)
    close(rows[1]!.accuracy!.value, (0.25 + 0.5) / 2)
    expect((await table(20)).rows[1]!.extrapolated).toBe(false)
  })

  it('keeps single runs apart when asked', async () => {
    expect((await table(40, { groupBy: 'run' })).rows.map(({ runIds }) => runIds)).toEqual([[], ...lab.filled.runIds.map((id) => [id])])
  })

  it('overlays means over seeds with the band asked for', async () => {
    const runIds = lab.filled.runIds
    const curve = async (band: 'none' | 'range' | 'deviation' | 'error' | 'bootstrap') =>
      (await lab.client.compare.curves({ runIds, metric: 'reward', band, x: 'tokens' }))[0]!
    const range = await curve('range')
    expect(range.x).toEqual([48, 96, 144, 192])
    expect(range.n).toEqual([2, 2, 2, 2])
    close(range.value[0], 0.105)
    close(range.low![0], 0.1)
    close(range.high![0], 0.11)
    // Two values 0.01 apart: sd = 0.01 / sqrt 2, its standard error half the distance.
    close((await curve('deviation')).high![0]! - 0.105, 0.01 / Math.SQRT2)
    close((await curve('error')).high![0]! - 0.105, 0.005)
    // With one degree of freedom t is 12.706: two runs hardly tell anything.
    close((await curve('bootstrap')).low![0], 0.105 - 12.706204736 * 0.005)
    expect((await curve('none')).low).toBeNull()
  })

  it('gives no band for a single run and no points for a metric it does not have', async () => {
    const [alone] = await lab.client.compare.curves({ runIds: [lab.filled.runIds[0]!], metric: 'reward' })
    expect(alone!.low).toBeNull()
    const [nothing] = await lab.client.compare.curves({ runIds: [lab.filled.runIds[0]!], metric: 'kl' })
    expect(nothing!.value).toEqual([])
  })

  it('draws accuracy and regret against budget, with what is beyond training marked', async () => {
    const [curve] = await lab.client.compare.budgetCurves({ runIds: lab.filled.runIds, quantity: 'accuracy' })
    expect(curve!.trainedBudget).toBe(20)
    expect(curve!.points.map(({ budget, extrapolated }) => [budget, extrapolated])).toEqual([
      [10, false],
      [20, false],
      [40, true],
    ])
    close(curve!.points[2]!.value, 0.5)
    expect(await lab.client.compare.budgets({ runIds: lab.filled.runIds })).toEqual({
      budgets: [10, 20, 40],
      trainedBudget: 20,
      steps: [4],
    })
  })

  it('maps accuracy against tokens from the start on, with lines of equal regret', async () => {
    const { paths, equalRegret } = await lab.client.compare.map({ runIds: lab.filled.runIds, budget: 40 })
    expect(paths[0]!.dots.map(({ runId, tokens }) => [runId, tokens])).toEqual([
      [null, 13],
      [lab.filled.runIds[0], 13],
      [lab.filled.runIds[1], 13],
    ])
    // The way of the arm: the start, then the mean of its two seeds.
    expect(paths[1]!.path.map(({ step, n }) => [step, n])).toEqual([
      [0, 1],
      [4, 2],
    ])
    close(paths[1]!.path[1]!.accuracy, 0.7)
    // The records here state regrets that no such curve gives, and then none is drawn.
    expect(equalRegret).toEqual([])
  })

  it('gives the tables and maps of many budgets at once, the same as one by one', async () => {
    const budgets = [10, 30, 40]
    const chosen = { runIds: lab.filled.runIds, baseline: lab.filled.runIds[0]! }
    expect(await lab.client.compare.tables({ ...chosen, budgets })).toEqual(
      await Promise.all(budgets.map((budget) => table(budget, { baseline: chosen.baseline }))),
    )
    expect(await lab.client.compare.maps({ runIds: lab.filled.runIds, budgets })).toEqual(
      await Promise.all(budgets.map((budget) => lab.client.compare.map({ runIds: lab.filled.runIds, budget }))),
    )
  })

  it('takes the shared start as the baseline, and as an arm of the curves', async () => {
    const { rows, baseline } = await table(40, { baseline: 'start' })
    expect(baseline).toBe('start')
    expect(rows[0]!.against).toBeNull()
    close(rows[1]!.against!.accuracy.value, 0.5 - 0.3)
    const curves = await lab.client.compare.budgetCurves({ runIds: lab.filled.runIds, quantity: 'accuracy', start: true })
    expect(curves.map(({ key }) => key)[0]).toBe('start')
    close(curves[0]!.points[2]!.value, 0.3)
  })

  it('reads the evaluation at or before a step, and before a run’s first one what it started from', async () => {
    const before = await table(40, { step: 3 })
    expect(before.rows.map(({ evaluatedSteps }) => evaluatedSteps)).toEqual([[0], [0, 0], [0, 0]])
    close(before.rows[1]!.accuracy!.value, 0.3)
    expect((await table(40, { step: 4 })).rows[1]!.evaluationIds).toEqual(lab.filled.evaluationIds.slice(0, 2))
    expect((await lab.client.compare.map({ runIds: lab.filled.runIds, budget: 40, step: 3 })).paths[0]!.dots).toHaveLength(1)
    expect(await lab.client.compare.wins({ a: lab.filled.runIds[0]!, b: lab.filled.runIds[2]!, step: 3 })).toBeNull()
  })

  it('says with how many tokens each arm reaches an accuracy, and how many times fewer than the baseline', async () => {
    // Accuracy is 0.125, 0.25, 0.5 of the outcome arm and 0.175, 0.35, 0.7 of the other, at 10, 20 and 40 tokens.
    const { rows, levels, accuracy } = await lab.client.compare.tokensFor({
      runIds: lab.filled.runIds,
      accuracy: 0.3,
      baseline: lab.filled.runIds[0]!,
    })
    expect(accuracy).toBe(0.3)
    expect(levels[0]).toBe(0.1)
    close(rows[1]!.tokens!.value, 24)
    close(rows[2]!.tokens!.value, 10 + (10 * 0.125) / 0.175)
    close(rows[2]!.efficiency!.value, 24 / rows[2]!.tokens!.value)
    expect(rows[1]!).toMatchObject({ extrapolated: true, efficiency: null })
    expect(rows[2]!.extrapolated).toBe(false)
    expect(rows[2]!.efficiency!.low!).toBeLessThanOrEqual(rows[2]!.efficiency!.value)
  })

  it('asks at the highest whole percentage that all arms reach within training, unless told; an accuracy nobody has is nobody’s', async () => {
    expect((await lab.client.compare.tokensFor({ runIds: lab.filled.runIds })).accuracy).toBe(0.25)
    const { rows } = await lab.client.compare.tokensFor({ runIds: lab.filled.runIds, accuracy: 0.99, baseline: 'start' })
    expect(rows.map(({ tokens, efficiency }) => [tokens, efficiency])).toEqual([
      [null, null],
      [null, null],
      [null, null],
    ])
  })

  it('says nothing about the tokens of an arm that was not evaluated, and all about the others', async () => {
    const other = await openLocalLab()
    try {
      const store = other.lab.workspaces.store()
      const { id: _id, uid: _uid, ...near } = store.runs.get(other.filled.runIds[0]!)!
      const { id } = store.runs.add({ ...near, name: 'unevaluated', groupKey: 'unevaluated' })
      const { rows } = await other.client.compare.tokensFor({ runIds: [...other.filled.runIds, id], accuracy: 0.3 })
      expect(rows.at(-1)).toMatchObject({ tokens: null, reached: 0, efficiency: null, extrapolated: false })
      expect(rows.filter(({ tokens }) => tokens !== null).length).toBeGreaterThanOrEqual(2)
    } finally {
      await other.close()
    }
  })

  it('pairs arms over all their seeds, at every budget, and says whose answers were kept', async () => {
    const { runIds, evaluationIds } = lab.filled
    const pairs = (await lab.client.compare.pairs({ a: runIds.slice(0, 2), b: runIds.slice(2) }))!
    expect(pairs).toMatchObject({ evaluationsA: evaluationIds.slice(0, 2), evaluationsB: evaluationIds.slice(2) })
    expect(pairs.scores.map(({ budget, wins, losses, ties }) => [budget, wins, losses, ties])).toEqual([
      [10, 4, 0, 0],
      [20, 4, 0, 0],
      [40, 4, 0, 0],
    ])
    close(pairs.scores[2]!.accuracy.value, 0.2)
    expect(pairs.problems[0]).toMatchObject({ problem: { key: 'p1' }, keptA: false, keptB: false, tokensA: 10 })
    close(pairs.problems[0]!.accuracyB[2]!, 0.4)
    const start = (await lab.client.compare.pairs({ a: [], b: runIds.slice(2) }))!
    expect(start.evaluationsA).toEqual([lab.filled.startEvaluationId])
  })

  it('counts wins on the same problems', async () => {
    const [a, , b] = lab.filled.runIds
    const wins = await lab.client.compare.wins({ a: a!, b: b!, budget: 40 })
    expect(wins).toMatchObject({ wins: 4, losses: 0, ties: 0 })
    close(wins!.accuracy.value, 0.2)
    expect(wins!.pairs[0]).toMatchObject({ problem: { key: 'p1' } })
    const [first, , third] = lab.filled.evaluationIds
    expect(await lab.client.evaluations.paired({ a: first!, b: third! })).toMatchObject({ wins: 4, budget: null })
  })
})

describe('exports', () => {
  it('writes metrics, the specification, rollouts and a copy of the database where the page can fetch them', async () => {
    const runId = lab.filled.runIds[0]!
    const metrics = await lab.client.exports.write({ kind: 'metrics', runId })
    expect(metrics.href).toBe(`./exports/${metrics.fileName}`)
    expect(readFileSync(metrics.path, 'utf8').trim().split('\n')).toHaveLength(4)
    const rollouts = await lab.client.exports.write({ kind: 'rollouts', filter: { runId } })
    expect(JSON.parse(readFileSync(rollouts.path, 'utf8').split('\n')[0]!)).toMatchObject({ step: 1, correct: true, episodes: [{}, {}] })
    expect(JSON.parse(readFileSync((await lab.client.exports.write({ kind: 'config', runId })).path, 'utf8'))).toMatchObject({
      algorithm: { name: 'dr-grpo' },
    })
    const copy = await lab.client.exports.write({ kind: 'workspace' })
    expect(existsSync(join(lab.folder, 'exports', copy.fileName))).toBe(true)
    await expect(lab.client.exports.write({ kind: 'metrics', runId: 99 })).rejects.toMatchObject({ code: 'run.unknown' })
  })
})

describe('calls', () => {
  it('name the field that is wrong', async () => {
    const ask = lab.client.rollouts.picks as (input: unknown) => Promise<unknown>
    await expect(ask({ scope: { runId: 'one' } })).rejects.toMatchObject({
      code: 'call.badInput',
      expected: 'scope.runId as rollouts.picks takes it',
    })
  })

  it('answer the lists that come straight from the store', async () => {
    const { client, filled } = lab
    expect(await client.steps.list({ runId: filled.runIds[0]!, from: 2, to: 3 })).toHaveLength(2)
    expect(await client.steps.get({ runId: filled.runIds[0]!, step: 99 })).toBeNull()
    expect((await client.groups.list({ runId: filled.runIds[0]!, step: 1 }))[0]).toMatchObject({ rolloutCount: 4, correctCount: 2 })
    const [dataset] = await client.datasets.list()
    expect(await client.datasets.get({ datasetId: dataset!.id })).toEqual(dataset)
    expect(await client.problems.list({ datasetId: dataset!.id, split: 'heldout' })).toHaveLength(4)
    expect(await client.problems.get({ problemId: filled.problemIds[0]! })).toMatchObject({ key: 'p1' })
    expect(await client.models.list()).toHaveLength(1)
    const [checkpoint] = await client.checkpoints.list({ runId: filled.runIds[0]! })
    await client.checkpoints.setPinned({ checkpointId: checkpoint!.id, pinned: true })
    expect((await client.checkpoints.list({ runId: filled.runIds[0]! }))[0]!.pinned).toBe(true)
    expect(await client.evaluations.list({ runId: filled.runIds[0]! })).toHaveLength(1)
    expect(await client.evaluations.list()).toHaveLength(5)
    expect(await client.evaluations.curves({ evaluationId: filled.evaluationIds[0]! })).toHaveLength(3)
    expect(await client.evaluations.results({ evaluationId: filled.evaluationIds[0]! })).toHaveLength(4)
    expect(await client.events.list({ runId: filled.runIds[0]!, kind: 'health' })).toHaveLength(1)
    expect((await client.events.list()).length).toBeGreaterThanOrEqual(4)
    await client.settings.set({ key: 'page', value: { open: 'runs' } })
    expect(await client.settings.get({ key: 'page' })).toEqual({ open: 'runs' })
    expect(await client.health.rules()).not.toEqual([])
  })
})
