// The record of a study, out of its workspace.
import type { EvaluationResult, Json } from '../../../src-preload/contract.ts'
import type { Study } from '../../store/studies.ts'
import { clusterOf, clustersOf } from '../comparing/clusters.ts'
import type { LabContext } from '../process/context.ts'
import { knownStartEvaluation } from '../comparing/evaluateRun.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { conditionsOf, isSweep, presetOf, STUDY_SPLITS, sweptRates, type CellNotes, type StudySplit } from './grid.ts'
import { checkpointAtCost, costByStep, costOfBaseline, evaluationOf } from './reached.ts'
import { SHARES, TOKENS, type RecordedCell, type StudyRecord, type Values } from './record.ts'

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

/** Everything that is finished of a study. @param beside what other places have finished of it: it may hold the costs of the baseline */
export function recordOf(context: Pick<LabContext, 'store'>, study: Study, beside?: StudyRecord): StudyRecord {
  const { store } = context
  const preset = presetOf(study.name)
  const all = store.studies.cells(study.id)
  const cells = all.filter((cell) => !isSweep(cell))
  const spec = parseSpec(cells[0]!.spec)
  const finished = cells.filter((cell) => cell.status === 'finished' && cell.runId !== null && store.runs.get(cell.runId) !== null)
  const model = finished.length === 0 ? null : store.models.get(store.runs.get(finished[0]!.runId!)!.modelId!)
  const { counted } = (finished.length === 0 ? spec : parseSpec(store.runs.get(finished[0]!.runId!)!.config)).evaluation
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
    const limit = done ? costOfBaseline(context, study, cell.seed, beside) : null
    const reached = limit !== null && run !== null ? checkpointAtCost(context, limit, run.id) : null
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
      ...(counted && { counted }),
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
