// The evaluation of the start is made once and shared by runs: by those whose start and conditions are the very same, and by no others.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Json, RunSpec, RunSpecInput } from '../../src-preload/contract.ts'
import { conditionsUnder, startEvaluation } from '../../src-main/lab/comparing/compareArms.ts'
import { evaluateRun, knownStartEvaluation } from '../../src-main/lab/comparing/evaluateRun.ts'
import { loadStart } from '../../src-main/lab/training/start.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterAll(() => bench.dispose())

it('from before a format or a device could be chosen had the usual ones, and what it counted is told by its settings, however it was once put', () => {
  const old = conditionsUnder({ config: { problems: 4, counted: 'thinking', tokensCounted: 'only what was thought' } })
  const format = { thoughts: 'auto', episodes: 'lines', examples: 0 }
  const now = { problems: 4, counted: 'thinking', format, device: 'cpu', tokensCounted: 'thinking alone' }
  expect(old).toEqual(conditionsUnder({ config: now }))
  for (const other of [
    { counted: 'all' },
    { problems: 5 },
    { device: 'cuda' },
    { format: { ...format, examples: 2 } },
    { estimator: 'mu of 4 sampled answers' },
  ])
    expect(old).not.toEqual(conditionsUnder({ config: { ...now, ...other } as Json }))
})

it('is known again only under the same weights, task level, problems, samples, budgets, seed, sampling and split', async () => {
  const context = bench.open('known')
  try {
    const input = microSpec(bench.start, { name: 'dr-grpo' }, { steps: 1, evaluation: { problems: 4, samples: 2, budgets: [8, 24] } })
    const spec = parseSpec(input)
    const { modelId } = await loadStart(context.store, spec.start, context.now)
    const id = await evaluateRun(context, { startOf: spec })
    expect(knownStartEvaluation(context, spec, modelId)?.id).toBe(id)
    expect(knownStartEvaluation(context, { ...spec, seed: 9, steps: 7, evaluation: { ...spec.evaluation, every: 3 } }, modelId)?.id).toBe(
      id,
    )

    const others: Record<string, RunSpec> = {
      level: { ...spec, task: { ...spec.task, options: { level: '4' } } },
      problems: { ...spec, evaluation: { ...spec.evaluation, problems: 5 } },
      samples: { ...spec, evaluation: { ...spec.evaluation, samples: 3 } },
      budgets: { ...spec, evaluation: { ...spec.evaluation, budgets: [8, 16] } },
      seed: { ...spec, evaluation: { ...spec.evaluation, seed: 1 } },
      temperature: { ...spec, sampling: { ...spec.sampling, temperature: 0.7 } },
      counted: { ...spec, evaluation: { ...spec.evaluation, counted: 'thinking' } },
      topP: { ...spec, sampling: { ...spec.sampling, topP: 0.9 } },
      thinking: { ...spec, budget: { ...spec.budget, thinkingTokens: 20 } },
    }
    for (const [what, other] of Object.entries(others)) expect([what, knownStartEvaluation(context, other, modelId)]).toEqual([what, null])
    expect(knownStartEvaluation(context, spec, modelId + 1)).toBeNull()

    // One that counted otherwise is none of those that do not say what they count.
    const counting: RunSpec = { ...others.counted!, evaluation: { ...others.counted!.evaluation, seed: 2 } }
    await evaluateRun(context, { startOf: counting })
    expect(knownStartEvaluation(context, { ...spec, evaluation: { ...spec.evaluation, seed: 2 } }, modelId)).toBeNull()

    // A checkpoint carries the model that its run started from, and is other weights all the same.
    const parent = await createRun(context, input)
    await trainRun(context, parent)
    await evaluateRun(context, { runId: parent })
    const branch: RunSpecInput = { ...input, start: `checkpoint:${context.store.checkpoints.newestResumable(parent)!.id}` }
    const branched = await loadStart(context.store, branch.start!, context.now)
    expect(knownStartEvaluation(context, parseSpec(branch), branched.modelId)).toBeNull()
    const child = await createRun(context, branch)
    await trainRun(context, child)
    await evaluateRun(context, { runId: child })
    const runs = (...ids: number[]) => ids.map((each) => context.store.runs.get(each)!)
    expect(startEvaluation(context.store, runs(parent))?.id).toBe(id)
    expect(startEvaluation(context.store, runs(child))).toBeNull()
    const own = await evaluateRun(context, { startOf: parseSpec(branch) })
    expect(knownStartEvaluation(context, parseSpec(branch), branched.modelId)?.id).toBe(own)
    expect(startEvaluation(context.store, runs(child))?.id).toBe(own)
    expect(startEvaluation(context.store, runs(parent))?.id).toBe(id)
    expect(startEvaluation(context.store, runs(parent, child))).toBeNull()
  } finally {
    context.close()
  }
})

it('a run is evaluated whose newest weights cannot be trained on from, as those of the sample cannot', async () => {
  const context = bench.open('weights only')
  try {
    const { checkpoints } = context.store
    const runId = await createRun(
      context,
      microSpec(bench.start, { name: 'dr-grpo' }, { steps: 1, evaluation: { problems: 4, samples: 2, budgets: [8, 24] } }),
    )
    await trainRun(context, runId)
    const { id, ...kept } = checkpoints.newest(runId)!
    checkpoints.remove(id)
    const left = checkpoints.add({ ...kept, resumable: false })
    const evaluation = await evaluateRun(context, { runId })
    expect(context.store.evaluations.get(evaluation)).toMatchObject({ status: 'finished', checkpointId: left })
  } finally {
    context.close()
  }
})

it('is known again for the runs of the sample that ships, on both sets of problems', () => {
  cpSync(join(import.meta.dirname, '../../resources/sample'), join(bench.folder, 'sample'), { recursive: true })
  const context = bench.open('sample')
  try {
    for (const { run } of context.store.runs.list())
      for (const split of ['heldout', 'heldout-targets'] as const)
        expect(knownStartEvaluation(context, parseSpec(run.config), run.modelId, split)).toMatchObject({ status: 'finished', split })
    const runs = context.store.runs.list().map(({ run }) => run)
    expect(startEvaluation(context.store, runs)).toMatchObject({ runId: null, step: 0, split: 'heldout' })
  } finally {
    context.close()
  }
})
