// A study through the laboratory, small enough for a test: killed in the middle of a cell it ends with the numbers of one that was not, finished
// cells are never worked on again, and merging takes it along.
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, RunSpec } from '../../src-preload/contract.ts'
import type { LabContext } from '../../src-main/lab/process/context.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { recordOf } from '../../src-main/lab/study/recording.ts'
import { renderReport } from '../../src-main/lab/study/report.ts'
import { imagineStudy, openStudy, type CellNotes } from '../../src-main/lab/study/grid.ts'
import { twinOf } from '../../src-main/lab/study/twins.ts'
import { evaluate } from '../../src-main/lab/comparing/evaluate.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import { loadStart, vocabularyOf } from '../../src-main/lab/training/start.ts'
import { openProblems } from '../../src-main/lab/training/tasks.ts'
import { loadWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import { allPresets } from '../../src-main/lab/training/textPresets.ts'
import { runStudy, type StudyJob } from '../../src-main/lab/study/run.ts'
import { planOf } from '../../src-main/lab/study/plan.ts'
import type { StudyCell } from '../../src-main/store/studies.ts'
import type { StudyRequest } from '../../src-main/lab/study/grid.ts'
import { openBench } from './micro.ts'
import type { Bench } from './micro.ts'

let bench: Bench
let whole: OpenedContext
let request: StudyRequest
const SLOW = 300_000
beforeAll(async () => {
  bench = await openBench()
  request = {
    steps: 4,
    problems: 8,
    samples: 2,
    learningRate: 'fixed',
    validation: 4,
    checkpointEvery: 1,
    arms: ['outcome', 'mrt-exact'],
    seeds: 2,
    changes: {
      start: bench.start,
      promptsPerStep: 3,
      groupSize: 4,
      observeGroups: 1,
      budget: { thinkingTokens: 24, answerTokens: 8 },
      optimizer: { lr: 1e-3 },
      evaluation: { budgets: [8, 24, 48, 72] },
    },
  }
  whole = bench.open('whole')
  await runStudy(whole, openStudy(whole, 'headline', request, {}), { environment: {} })
}, SLOW)
afterAll(() => {
  whole.close()
  bench.dispose()
})

const studyOf = ({ store }: Pick<LabContext, 'store'>) => store.studies.list()[0]!
/** What must not depend on when or how often the study was interrupted. */
function numbersOf(context: LabContext) {
  const { cells, start, clusters } = recordOf(context, studyOf(context))
  return { start, clusters, cells: cells.map(({ wallMs: _, ...cell }) => cell) }
}

describe('a study', () => {
  it('evaluates every cell on both held-out sets and its last checkpoints on validation problems', () => {
    const { cells, start, clusters } = numbersOf(whole)
    expect(cells.map(({ arm, seed, status }) => [arm, seed, status])).toEqual([
      ['outcome', 1, 'finished'],
      ['outcome', 2, 'finished'],
      ['mrt-exact', 1, 'finished'],
      ['mrt-exact', 2, 'finished'],
    ])
    for (const cell of cells) {
      expect(Object.keys(cell.evaluations).sort()).toEqual(['heldout', 'heldout-targets'])
      expect(cell.evaluations.heldout!.natural.map(({ length }) => length)).toEqual([8, 8, 8, 8])
      expect(cell.validation.map(({ step, regret }) => [step, regret.length])).toEqual([
        [3, 4],
        [4, 4],
      ])
    }
    expect(Object.keys(start.evaluations).sort()).toEqual(['heldout', 'heldout-targets'])
    expect(Object.keys(clusters).sort()).toEqual(['heldout', 'heldout-targets', 'validation'])
  })

  it('evaluates as its preset does, save what is asked for', () => {
    const evaluationOf = (changes: Json) => {
      const { cells } = imagineStudy(whole, 'words', { ...request, arms: ['mrt-exact'], changes })
      return parseSpec(cells[0]!.spec).evaluation
    }
    const own = parseSpec(allPresets['gsm-lora']!.spec).evaluation
    expect(own.budgets).not.toEqual(parseSpec(allPresets['countdown-outcome']!.spec).evaluation.budgets)
    expect(evaluationOf({})).toEqual({ ...own, problems: 8, samples: 2 })
    expect(evaluationOf({ evaluation: { budgets: [5, 48] } })).toEqual({ ...own, problems: 8, samples: 2, budgets: [5, 48] })
  })

  it('records what each run cost and what its evaluations said of each problem, in whole parts of ten thousand', () => {
    const { store } = whole
    const { cells, budgets, trainedBudget, start, conditions, arms, baseline, subject, spec } = recordOf(whole, studyOf(whole))
    expect([budgets, trainedBudget, baseline, subject]).toEqual([[8, 24, 48, 72], 24, 'outcome', 'mrt-exact'])
    expect([spec.kept, spec.groupSize, conditions.problems]).toEqual([2, 4, 8])
    expect(arms.every(({ sweep }) => sweep.length === 0)).toBe(true)
    const stored = store.studies.cells(studyOf(whole).id)
    for (const cell of cells) {
      const { runId, wallMs } = stored.find(({ arm, seed }) => arm === cell.arm && seed === cell.seed)!
      const steps = store.steps.range(runId!, 1, 100)
      const sum = (of: (step: (typeof steps)[number]) => number): number => steps.reduce((all, step) => all + of(step), 0)
      expect(cell).toMatchObject({ steps: 4, wallMs: Math.round(wallMs), learningRate: 1e-3, revision: null, engine: '' })
      expect(cell.cost).toEqual({
        tokens: sum(({ tokens }) => tokens),
        estimateTokens: sum(({ estimateTokens }) => estimateTokens),
        flops: sum(({ flops }) => flops),
      })
      for (const split of ['heldout', 'heldout-targets'] as const) {
        const { id } = store.evaluations.ofRun(runId!).find((each) => each.split === split && each.step === 4)!
        const results = store.evaluations.results(id).toSorted((a, b) => a.problemId - b.problemId)
        const shares = (of: (result: (typeof results)[number]) => number): number[] =>
          results.map((result) => Math.round(10_000 * of(result)))
        expect(cell.evaluations[split]).toEqual({
          natural: budgets.map((_, at) => shares(({ accuracyAtBudget }) => accuracyAtBudget[at]!)),
          kept: budgets.map((_, at) => shares(({ keptWholeAtBudget }) => keptWholeAtBudget[at]!)),
          regret: shares(({ regretAtBudget }) => regretAtBudget[1]!),
          tokens: results.map(({ meanTokens }) => Math.round(100 * meanTokens)),
        })
      }
    }
    expect(start.parameters).toBe(store.models.list()[0]!.parameterCount)
    expect(start.evaluations.heldout!.natural).toHaveLength(4)
  })

  it('measures weights on validation problems with two rollouts of each, at the budget of training', async () => {
    const { store, engine, now } = whole
    const [cell] = store.studies.cells(studyOf(whole).id)
    const run = parseSpec(store.runs.get(cell!.runId!)!.config)
    const spec = { ...run, evaluation: { ...run.evaluation, problems: 4, samples: 2, budgets: [24], longest: 24 } }
    const start = await loadStart(store, `checkpoint:${store.checkpoints.newest(cell!.runId!)!.id}`, now)
    const weights = await loadWeights(engine, start.config, start.weights)
    const policy = await openPolicy(engine, start.config, weights, { rows: 16, maxLength: 64 })
    try {
      const source = openProblems(store, spec, now, vocabularyOf(start))
      const { problems, metrics } = await evaluate(policy, source, spec, { split: 'validation' })
      const known = (cell!.notes as CellNotes).validation!.at(-1)!
      expect([known.step, known.accuracy]).toEqual([4, expect.closeTo(metrics['ttc/acc@24']!, 6)])
      expect(known.regret).toEqual(problems.map(({ regretAtBudget }) => expect.closeTo(regretAtBudget[0]!, 6) as number))
    } finally {
      policy.dispose()
      weights.dispose()
    }
  })

  it('counts estimates of J as cost, and reads a dearer arm where it had cost no more than the baseline', () => {
    const { cells } = numbersOf(whole)
    const [outcome, exact] = [cells[0]!, cells[2]!]
    expect(exact.cost.estimateTokens).toBeGreaterThan(outcome.cost.estimateTokens)
    for (const cell of cells.filter(({ equalCost }) => equalCost !== null))
      expect(cell.equalCost!.flops).toBeLessThanOrEqual(
        cells.find(({ arm, seed }) => arm === 'outcome' && seed === cell.seed)!.cost.flops * (1 + 1e-9),
      )
  })

  it(
    'killed in the middle of its second cell, it goes on to the numbers of one that was not, without touching the first',
    async () => {
      const folder = join(bench.folder, 'killed')
      const child = fork(join(import.meta.dirname, 'studyChild.ts'), [folder, JSON.stringify(request)], { stdio: 'inherit' })
      await new Promise<void>((resolve) => {
        child.on('message', ({ runId, step }: { runId: number; step: number }) => {
          if (runId === 2 && step === 3) child.kill('SIGKILL')
        })
        child.on('exit', () => resolve())
      })
      expect(child.signalCode).toBe('SIGKILL')
      const context = bench.open('killed')
      try {
        const before = context.store.studies.cells(studyOf(context).id)
        expect(before.map(({ status }) => status).filter((status) => status === 'finished')).toHaveLength(1)
        const first = before.find(({ status }) => status === 'finished')!
        const begun: string[] = []
        expect(renderReport(recordOf(context, studyOf(context)))).toContain('This is a part of the grid')
        const done = await runStudy(context, openStudy(context, 'headline', request, {}), {
          environment: {},
          onCell: (state, { cell }) => {
            if (state === 'begins') begun.push(`${cell.arm} ${cell.seed}`)
          },
        })
        expect(done).toBe(true)
        expect(begun).toHaveLength(3)
        expect(context.store.studies.cell(first.id)).toEqual(first)
        expect(context.store.runs.list()).toHaveLength(4)
        expect(numbersOf(context)).toEqual(numbersOf(whole))
      } finally {
        context.close()
      }
    },
    SLOW,
  )

  it(
    'divided over two workspaces and merged, is the study that was worked on in one',
    async () => {
      const mine = bench.open('half-mine')
      const theirs = bench.open('half-theirs')
      const mineAsked = { arms: ['outcome'], seeds: 2 }
      const theirsAsked = { arms: ['mrt-exact'], seeds: 2 }
      try {
        await runStudy(mine, openStudy(mine, 'headline', { ...request, ...mineAsked }, {}), { environment: {}, only: mineAsked })
        await runStudy(theirs, openStudy(theirs, 'headline', { ...request, ...theirsAsked }, {}), { environment: {}, only: theirsAsked })
        // The grid is known here in full and half of it waits, as it does after a study that was stopped.
        openStudy(mine, 'headline', request, {})
        expect(studyOf(mine).uid).not.toBe(studyOf(theirs).uid)
        await mine.store.others.merge(theirs.store.folder, { uids: null, now: Date.now })
        expect(mine.store.studies.list()).toHaveLength(1)
        expect(mine.store.studies.cells(studyOf(mine).id).map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'finished'))
        const begun: string[] = []
        expect(
          await runStudy(mine, studyOf(mine), { environment: {}, onCell: (state, { cell }) => begun.push(`${state} ${cell.arm}`) }),
        ).toBe(true)
        expect(begun).toEqual([])
        expect(numbersOf(mine)).toEqual(numbersOf(whole))
        // Merged once more, nothing changes.
        await mine.store.others.merge(theirs.store.folder, { uids: null, now: Date.now })
        expect(numbersOf(mine)).toEqual(numbersOf(whole))
      } finally {
        mine.close()
        theirs.close()
      }
    },
    SLOW,
  )

  it('does nothing when it is asked again, and adds only the cells that a larger grid lacks', async () => {
    const copy = bench.open('asked-again')
    try {
      await copy.store.others.merge(whole.store.folder, { uids: null, now: Date.now })
      const begun: string[] = []
      const onCell = (state: string, { cell }: { readonly cell: { readonly arm: string; readonly seed: number } }): void => {
        if (state === 'begins') begun.push(`${cell.arm} ${cell.seed}`)
      }
      expect(await runStudy(copy, openStudy(copy, 'headline', request, {}), { environment: {}, onCell })).toBe(true)
      expect(begun).toEqual([])
      const larger = openStudy(copy, 'headline', { ...request, arms: ['length-0.5'], seeds: 1 }, {})
      expect(larger.id).toBe(studyOf(copy).id)
      expect(await runStudy(copy, larger, { environment: {}, control: () => 'pause', onCell })).toBe(false)
      expect(
        copy.store.studies
          .cells(larger.id)
          .map(({ arm, status }) => `${arm} ${status}`)
          .filter((text) => text.startsWith('length')),
      ).toEqual(['length-0.5 waiting'])
      // Asked for less than the grid holds, it works on that alone.
      begun.length = 0
      expect(await runStudy(copy, larger, { environment: {}, only: { arms: ['outcome'], seeds: 1 }, onCell })).toBe(true)
      expect(begun).toEqual([])
    } finally {
      copy.close()
    }
  })

  it('comes along when its workspace is merged, its cells naming the runs under their new ids', async () => {
    const other = bench.open('merged')
    try {
      await other.store.others.merge(whole.store.folder, { uids: null, now: Date.now })
      const cells = other.store.studies.cells(studyOf(other).id).filter(({ runId }) => runId !== null)
      expect(cells).toHaveLength(4)
      for (const cell of cells) expect(other.store.runs.get(cell.runId!)!.seed).toBe(cell.seed)
    } finally {
      other.close()
    }
  })

  it('takes over what another study of the workspace has finished with the same specification, and nothing else', async () => {
    const { store } = whole
    const [runs, evaluations] = [store.runs.list().length, store.evaluations.list().length]
    const alpha = openStudy(whole, 'alpha', { ...request, arms: ['outcome', 'alpha-1'] }, {})
    const told: string[] = []
    const job: StudyJob = {
      environment: {},
      only: { arms: ['outcome', 'alpha-1'], seeds: 2 },
      onCell: (state, { cell }) => told.push(`${state} ${cell.status}`),
    }
    // Alpha is 1 where nothing is said, so that this arm is MRT-exact by another name.
    expect(await runStudy(whole, alpha, job)).toBe(true)
    expect([store.runs.list().length, store.evaluations.list().length]).toEqual([runs, evaluations])
    expect(told).toEqual(Array.from({ length: 4 }, () => ['begins waiting', 'ends finished']).flat())
    const { cells } = recordOf(whole, alpha)
    const first = numbersOf(whole).cells.filter(({ arm }) => arm === 'outcome' || arm === 'mrt-exact')
    expect(cells.map(({ wallMs: _, from, ...cell }) => ({ ...cell, arm: cell.arm.replace('alpha-1', 'mrt-exact'), from }))).toEqual(
      first.map((cell) => ({ ...cell, from: 'headline' })),
    )
    expect(renderReport(recordOf(whole, alpha))).toContain('outcome seed 1 (headline)')
    // Its time is the time that it took there.
    const tookThere = store.studies.cells(studyOf(whole).id).map(({ wallMs }) => wallMs)
    for (const [at, { wallMs }] of store.studies.cells(alpha.id).entries()) expect(wallMs).toBeGreaterThanOrEqual(tookThere[at]!)
    const spec = parseSpec(store.studies.cells(alpha.id).find(({ arm }) => arm === 'alpha-1')!.spec)
    expect(twinOf(whole, alpha, spec, {})).toMatchObject({ arm: 'mrt-exact', seed: 1 })
    const others: readonly [RunSpec, Json][] = [
      [spec, { revision: 'another commit' }],
      [{ ...spec, optimizer: { ...spec.optimizer, lr: 2e-3 } }, {}],
      [{ ...spec, seed: 3 }, {}],
      [{ ...spec, algorithm: { name: 'mrt-exact', options: { alpha: 2 } } }, {}],
    ]
    for (const [changed, environment] of others) expect(twinOf(whole, alpha, changed, environment)).toBeNull()
    store.settings.set('bin', [twinOf(whole, alpha, spec, {})!.runId])
    expect(twinOf(whole, alpha, spec, {})).toBeNull()
    store.settings.set('bin', null)
    const there = twinOf(whole, alpha, spec, {})!
    for (const status of ['waiting', 'running', 'failed'] as const) {
      store.studies.setStatus(there.id, status, 0, null)
      expect(twinOf(whole, alpha, spec, {})).toBeNull()
    }
    store.studies.setStatus(there.id, 'finished', 0, there.finishedAtMs)
    const longer = openStudy(whole, 'alpha', { ...request, arms: ['alpha-1'], validation: 5 }, {})
    expect(twinOf(whole, longer, spec, {})).toBeNull()
    for (const { id } of [alpha, longer]) store.studies.remove(id)
  })

  it('can be imagined before it is made: the same cells and specifications, and nothing written', () => {
    const other = bench.open('imagined')
    try {
      const { study, cells } = imagineStudy(other, 'headline', request)
      expect(other.store.studies.list()).toEqual([])
      const made = openStudy(other, 'headline', request, {})
      const opened = other.store.studies.cells(made.id)
      expect(study.conditions).toEqual(made.conditions)
      const known = ({ arm, seed, spec, status }: StudyCell) => ({ arm, seed, status, spec: { ...(spec as object), group: null } })
      expect(cells.map(known).sort((a, b) => a.arm.localeCompare(b.arm) || a.seed - b.seed)).toEqual(
        opened.map(known).sort((a, b) => a.arm.localeCompare(b.arm) || a.seed - b.seed),
      )
      const plan = planOf(other, study, cells)
      expect({ cells: plan.cells, open: plan.open, seeds: plan.power.seeds }).toEqual({ cells: 4, open: 4, seeds: 2 })
      // More seeds see smaller differences.
      const more = imagineStudy(other, 'headline', { ...request, seeds: 8 })
      expect(planOf(other, more.study, more.cells).power.smallest).toBeLessThan(plan.power.smallest)
    } finally {
      other.close()
    }
  })

  it('takes as long as its cells, each step, rollout and validation problem alike, until one has been timed', () => {
    const fresh = bench.open('untimed')
    try {
      const leftMs = (changed: Partial<StudyRequest>): number => {
        const { study, cells } = imagineStudy(fresh, 'headline', { ...request, ...changed })
        const plan = planOf(fresh, study, cells)
        expect(plan.assumed).toBe(true)
        return plan.leftMs
      }
      for (const key of ['steps', 'problems', 'samples', 'validation', 'seeds'] as const) {
        const [one, two, three] = [8, 16, 24].map((value) => leftMs({ [key]: value })) as [number, number, number]
        expect(two - one).toBeGreaterThan(1000)
        expect((three - two) / (two - one)).toBeCloseTo(1, 9)
      }
      // Each of the two evaluations reads its problems once for every sample and once for every kept one.
      const perSample = (leftMs({ samples: 3 }) - leftMs({ samples: 2 })) / 4
      expect(leftMs({ problems: 16 }) - leftMs({ problems: 8 })).toBeCloseTo(4 * perSample * (2 + 2), 6)
    } finally {
      fresh.close()
    }
  })

  it('says before a start whose spread its power is reckoned from: of its own task and budget, wherever that is on record', () => {
    const fresh = bench.open('unspread')
    try {
      const because = (asked: StudyRequest): string => {
        const { study, cells } = imagineStudy(fresh, 'headline', asked)
        return planOf(fresh, study, cells).because
      }
      const { changes: _, ...usual } = request
      expect(because(usual)).toContain('in the study that ships with the program')
      const shorter = { ...usual, changes: { budget: { thinkingTokens: 60, answerTokens: 24 } } }
      expect(because(shorter)).toContain('since no pair of runs is on record')
      const other = { ...usual, changes: { task: { name: 'countdown', options: { level: '4' } } } }
      expect(because(other)).toContain('since no pair of runs is on record')
    } finally {
      fresh.close()
    }
    for (const [steps, from] of [
      [4, 'in this study'],
      [5, 'in the study headline of this workspace'],
    ] as const) {
      const { study, cells } = imagineStudy(whole, 'headline', { ...request, steps })
      expect(planOf(whole, study, cells).because).toContain(from)
    }
    // What this workspace has of another budget says nothing of this one.
    const changes = { ...(request.changes as object), budget: { thinkingTokens: 20, answerTokens: 8 } }
    const { study, cells } = imagineStudy(whole, 'headline', { ...request, changes })
    expect(planOf(whole, study, cells).because).toContain('since no pair of runs is on record')
  })

  it('refuses names and arms that it does not know', () => {
    expect(() => openStudy(whole, 'nonsense', request, {})).toThrow(expect.objectContaining({ code: 'study.unknown' }))
    expect(() => openStudy(whole, 'headline', { ...request, arms: ['nonsense'] }, {})).toThrow(
      expect.objectContaining({ code: 'study.arm' }),
    )
  })
})
