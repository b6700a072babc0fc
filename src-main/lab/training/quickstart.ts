// The first comparison a newcomer makes: the three quickstart runs over one or more seeds from the same start, each evaluated on the same
// problems as the start itself. Every part is an ordinary run or evaluation in the workspace.
import type { NewRun } from '../../../src-preload/contract.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import { knownStartEvaluation } from '../comparing/evaluateRun.ts'
import { experiments } from '../process/experiments.ts'
import { sum } from '../../numeric/stats.ts'
import { presets, quickstartPresets } from './presets.ts'
import { loadStart } from './start.ts'
import { parseSpec } from './runSpecs.ts'
import { createRun } from './createRun.ts'
import { wholeRun } from './wholeRun.ts'

export interface QuickstartOptions {
  readonly steps: number
  readonly seeds: number
  readonly evaluationProblems: number
  readonly evaluationSamples: number
  /** Steps between evaluations during training; 0, unless given, evaluates at the end only. */
  readonly evaluateEvery?: number
  readonly environment: NewRun['environment']
}

export interface Quickstart {
  /** In the order trained: seed by seed, method by method. */
  readonly runIds: readonly number[]
  /** The evaluation of the weights that all runs start from. */
  readonly startEvaluationId: number
  readonly trainingMs: number
  readonly evaluationMs: number
}

/** What newcomers see unless they ask for something else: minutes on two cores. */
export const QUICKSTART_DEFAULTS = { steps: 30, seeds: 1, evaluationProblems: 256, evaluationSamples: 2 } as const

export async function quickstart(context: LabContext, options: QuickstartOptions, job: JobOptions): Promise<Quickstart> {
  const { store, now } = context
  const specOf = (preset: string, seed: number): unknown => ({
    ...presets[preset]!.spec,
    preset,
    seed,
    steps: options.steps,
    group: `quickstart ${preset} ${options.steps} steps`,
    evaluation: { problems: options.evaluationProblems, samples: options.evaluationSamples, every: options.evaluateEvery ?? 0 },
  })
  const first = parseSpec(specOf(quickstartPresets[0], 1))
  const start = await loadStart(store, first.start, now)
  const known = knownStartEvaluation(context, first, start.modelId)
  const runIds: number[] = []
  for (let seed = 1; seed <= options.seeds; seed++)
    for (const preset of quickstartPresets) {
      const runId = await createRun(context, specOf(preset, seed), options.environment)
      runIds.push(runId)
      await wholeRun(experiments, context, runId, job)
    }
  const startEvaluation = knownStartEvaluation(context, first, start.modelId)!
  const evaluated = [...(known === null ? [startEvaluation] : []), ...runIds.map((runId) => store.evaluations.ofRun(runId).at(-1)!)]
  return {
    runIds,
    startEvaluationId: startEvaluation.id,
    trainingMs: sum(runIds.map((runId) => store.runs.get(runId)!.activeMs)),
    evaluationMs: sum(evaluated.map(({ wallMs }) => wallMs)),
  }
}
