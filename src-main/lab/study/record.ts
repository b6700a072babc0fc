// A study as one JSON: everything that its report is made of, problem by problem, so that every printed figure can be worked out again
// without the workspace. Values are whole ten-thousandths (tokens: hundredths), in the order of the problems of their set.
import type { EvaluationResult, Json, RunSpec } from '../../../src-preload/contract.ts'
import type { Study } from '../../store/studies.ts'
import { clusterOf, clustersOf } from '../comparing/clusters.ts'
import type { LabContext } from '../process/context.ts'
import { knownStartEvaluation } from '../comparing/evaluateRun.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { conditionsOf, isSweep, presetOf, STUDY_SPLITS, sweptRates, type CellNotes, type Conditions, type StudySplit } from './grid.ts'
import { checkpointAtCost, costByStep, evaluationOf } from './run.ts'

export const SHARES = 10_000
export const TOKENS = 100

/** [problems], or [budgets][problems] */
export interface Values {
  /** Chance of being right when natural thinking is cut at each budget. */
  readonly natural: readonly (readonly number[])[]
  /** The same of thinking that was kept going, after its last whole attempt. */
  readonly kept: readonly (readonly number[])[]
  /** Regret of natural thinking up to the training budget. */
  readonly regret: readonly number[]
  /** Tokens of an answer whose thinking ends where it ends. */
  readonly tokens: readonly number[]
}

export interface RecordedCell {
  readonly arm: string
  readonly seed: number
  readonly status: string
  readonly learningRate: number
  readonly steps: number
  readonly revision: string | null
  readonly engine: string
  readonly wallMs: number
  /** The study of the workspace whose run this is as well. */
  readonly from?: string
  /** Of training alone, estimates of J included: tokens sampled, tokens forwarded for estimates, operations. */
  readonly cost: { readonly tokens: number; readonly estimateTokens: number; readonly flops: number }
  readonly evaluations: { readonly [split in StudySplit]?: Values }
  /** The weights that had cost at most what the baseline of the same seed cost in all; null where there are none. */
  readonly equalCost: { readonly step: number; readonly flops: number; readonly values: Values } | null
  readonly validation: readonly { readonly step: number; readonly accuracy: number; readonly regret: readonly number[] }[]
}

export interface StudyRecord {
  readonly format: 1
  readonly study: string
  readonly title: string
  readonly uid: string
  readonly conditions: Conditions
  readonly spec: Pick<RunSpec, 'task' | 'budget' | 'sampling' | 'promptsPerStep' | 'groupSize' | 'start'> & {
    readonly kept: number
    readonly seed: number
  }
  readonly environment: Json
  readonly start: {
    readonly parameters: number
    readonly sha256: string
    readonly evaluations: { readonly [split in StudySplit]?: Values }
  }
  readonly budgets: readonly number[]
  readonly trainedBudget: number
  readonly baseline: string
  readonly subject: string
  /** Every arm of the preset, run or not. */
  readonly arms: readonly {
    readonly key: string
    readonly title: string
    readonly role: string
    readonly algorithm: string
    readonly options: Json
    readonly sweep: readonly { readonly rate: number; readonly accuracy: number }[]
  }[]
  /** [problems] the cluster of each problem */
  readonly clusters: { readonly [split in StudySplit | 'validation']?: readonly number[] }
  readonly cells: readonly RecordedCell[]
}

const shares = (values: Iterable<number>): number[] => Array.from(values, (value) => Math.round(value * SHARES))

function valuesOf(results: readonly EvaluationResult[], budgets: readonly number[], trained: number): Values {
  const at = budgets.indexOf(trained)
  return {
    natural: budgets.map((_, budget) => shares(results.map(({ accuracyAtBudget }) => accuracyAtBudget[budget]!))),
    kept: budgets.map((_, budget) => shares(results.map(({ keptWholeAtBudget }) => keptWholeAtBudget[budget]!))),
    regret: shares(results.map(({ regretAtBudget }) => regretAtBudget[at]!)),
    tokens: results.map(({ meanTokens }) => Math.round(meanTokens * TOKENS)),
  }
}

/** Everything that is finished of a study. */
export function recordOf(context: Pick<LabContext, 'store'>, study: Study): StudyRecord {
  const { store } = context
  const preset = presetOf(study.name)
  const all = store.studies.cells(study.id)
  const cells = all.filter((cell) => !isSweep(cell))
  const spec = parseSpec(cells[0]!.spec)
  const finished = cells.filter((cell) => cell.status === 'finished' && cell.runId !== null && store.runs.get(cell.runId) !== null)
  const model = finished.length === 0 ? null : store.models.get(store.runs.get(finished[0]!.runId!)!.modelId!)
  const startEvaluations = Object.fromEntries(
    STUDY_SPLITS.flatMap((split) => {
      const known = knownStartEvaluation(context, spec, model?.id ?? null, split)
      return known === null ? [] : [[split, known]]
    }),
  )
  const first = Object.values(startEvaluations)[0]
  const budgets = first?.budgets ?? []
  const trained = spec.budget.thinkingTokens
  const clusters: Record<string, number[]> = {}
  const read = (evaluationId: number, split: StudySplit): Values => {
    const results = store.evaluations.results(evaluationId).toSorted((a, b) => a.problemId - b.problemId)
    clusters[split] ??= [...clustersOf(results.map(({ problemId }) => clusterOf(store.datasets.problem(problemId)!)))]
    return valuesOf(results, budgets, trained)
  }
  const start = Object.fromEntries(Object.entries(startEvaluations).map(([split, { id }]) => [split, read(id, split as StudySplit)]))

  const recorded = cells.map((cell): RecordedCell => {
    const run = cell.runId === null ? null : store.runs.get(cell.runId)
    const { revision = null, onnxruntime = '' } = (run?.environment ?? {}) as {
      readonly revision?: string | null
      readonly onnxruntime?: string
    }
    const steps = run === null ? [] : store.steps.range(run.id, 1, Number.MAX_SAFE_INTEGER)
    const done = finished.includes(cell)
    const notes = cell.notes as CellNotes
    if (done && notes.clusters !== undefined) clusters.validation ??= [...notes.clusters]
    const base = finished.find((each) => each.arm === preset.baseline && each.seed === cell.seed)
    const reached = done && base !== undefined && run !== null ? checkpointAtCost(context, base.runId!, run.id) : null
    const equal = reached === null ? null : evaluationOf(context, run!.id, reached.step, 'heldout')
    return {
      arm: cell.arm,
      seed: cell.seed,
      status: cell.status,
      steps: steps.length,
      revision,
      engine: onnxruntime,
      wallMs: Math.round(cell.wallMs),
      ...(notes.from !== undefined && { from: notes.from }),
      learningRate: (run === null ? spec : parseSpec(run.config)).optimizer.lr,
      cost: {
        tokens: steps.reduce((sum, step) => sum + step.tokens, 0),
        estimateTokens: steps.reduce((sum, step) => sum + step.estimateTokens, 0),
        flops: run === null ? 0 : (costByStep(context, run.id).at(-1) ?? 0),
      },
      evaluations: !done
        ? {}
        : Object.fromEntries(
            STUDY_SPLITS.flatMap((split) => {
              const evaluation = evaluationOf(context, run!.id, run!.lastStep!, split)
              return evaluation === null ? [] : [[split, read(evaluation.id, split)]]
            }),
          ),
      equalCost:
        equal === null
          ? null
          : { step: reached!.step, flops: costByStep(context, run!.id)[reached!.step - 1]!, values: read(equal.id, 'heldout') },
      validation: !done ? [] : (notes.validation ?? []).map(({ step, accuracy, regret }) => ({ step, accuracy, regret: shares(regret) })),
    }
  })
  return {
    format: 1,
    study: study.name,
    title: preset.title,
    uid: study.uid,
    conditions: conditionsOf(study),
    spec: {
      task: spec.task,
      budget: spec.budget,
      sampling: spec.sampling,
      promptsPerStep: spec.promptsPerStep,
      groupSize: spec.groupSize,
      start: spec.start,
      kept: spec.evaluation.kept,
      seed: spec.evaluation.seed,
    },
    environment: study.environment,
    start: { parameters: model?.parameterCount ?? 0, sha256: model?.sha256 ?? '', evaluations: start },
    budgets,
    trainedBudget: trained,
    baseline: preset.baseline,
    subject: preset.subject,
    arms: preset.arms.map(({ key, title, role, spec: { algorithm } }) => ({
      key,
      title,
      role,
      algorithm: algorithm.name,
      options: (algorithm.options ?? {}) as Json,
      sweep: sweptRates(all, key),
    })),
    clusters,
    cells: recorded,
  }
}

/** As text, one cell a line, so that what changed can be seen. */
export function recordText({ cells, ...rest }: StudyRecord): string {
  return `${JSON.stringify(rest).slice(0, -1)},"cells":[\n${cells.map((cell) => JSON.stringify(cell)).join(',\n')}\n]}\n`
}
