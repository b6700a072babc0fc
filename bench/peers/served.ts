// Whether a served model says what the engine says of the same weights: `npm run bench -- served`. Rollouts of an evaluation that was made through a
// server are scored by the engine here, token for token, and J at their boundaries is measured by both. Say where they are in the environment:
// SERVED_WORKSPACE (a workspace), SERVED_EVALUATION (an evaluation in it, of a served model), SERVED_WEIGHTS (the same weights here, such as model:1).
//
//   mrt models fetch smollm2-135m --yes --workspace W && mrt models export model:1 --to F --workspace W
//   python -m vllm.entrypoints.openai.api_server --model F --served-model-name smol --host 127.0.0.1 --dtype float32 --max-model-len 1024 &
//   mrt models connect http://127.0.0.1:8000/v1 --model smol --tokenizer model:1 --workspace W
//   mrt evaluate --model model:2 --preset countdown-grpo --set 'task={"name":"arithmetic","options":{"level":"2"}}' --workspace W
import { resolve } from 'node:path'
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { listed, readRollouts } from '../../src-main/lab/thinking/taskRollouts.ts'
import { loadStart } from '../../src-main/lab/training/start.ts'
import { loadWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import type { Answer, Question } from '../question.ts'

const { SERVED_WORKSPACE: workspace, SERVED_EVALUATION: evaluation, SERVED_WEIGHTS: weights = 'model:1' } = process.env

export const question: Question = { title: 'A served model beside the engine, the same weights', ask }

async function ask(): Promise<Answer> {
  if (workspace === undefined || evaluation === undefined)
    throw new Error('set SERVED_WORKSPACE and SERVED_EVALUATION, see bench/peers/served.ts')
  const context = openContext({ folder: resolve(workspace), create: false, program: 'bench' })
  try {
    const { store, engine, now } = context
    const page = store.rollouts.page({
      filter: { evaluationId: Number(evaluation) },
      sort: 'place',
      descending: false,
      limit: 1000,
      after: null,
    })
    const details = page.rollouts.map(({ id }) => store.rollouts.detail(id)!)
    const { task, rollouts } = await readRollouts(store, now, details, weights)
    const start = await loadStart(store, weights, now)
    const parameters = await loadWeights(engine, start.config, start.weights)
    const longest = Math.max(...rollouts.map(({ problem, tokens }) => problem.promptTokens.length + tokens.length))
    const policy = await openPolicy(engine, start.config, parameters, { rows: 1, maxLength: longest + 48 })
    const scored = await policy.score(rollouts.map(({ problem, tokens }) => ({ prompt: problem.promptTokens, completion: tokens })))
    let [tokens, furthest] = [0, 0]
    rollouts.forEach(({ detail: { logps, sampled } }, index) =>
      logps?.forEach((logp, at) => {
        if (sampled !== null && sampled[at] === 0) return
        tokens++
        furthest = Math.max(furthest, Math.abs(logp - scored[index]![at]!))
      }),
    )
    const mu = await policy.measure(
      rollouts.map(({ problem, tokens: completion, boundaries }) => ({
        prompt: problem.promptTokens,
        completion,
        cuts: boundaries,
        answers: listed(task, problem),
      })),
      task.format.terminationSuffix,
    )
    let [cuts, apart] = [0, 0]
    rollouts.forEach(({ detail: { progress }, boundaries }, index) => {
      const said = progress.find(({ estimator }) => estimator.served !== undefined && estimator.method === 'exact')
      boundaries.forEach((offset, at) => {
        const value = said?.estimates.find(({ tokenOffset }) => tokenOffset === offset)?.value
        if (value === undefined) return
        cuts++
        apart = Math.max(apart, Math.abs(value - mu.J[index]![at]!))
      })
    })
    policy.dispose()
    parameters.dispose()
    return {
      checks: [
        { what: `log-probs of ${tokens} drawn tokens of ${rollouts.length} rollouts`, difference: furthest, limit: 1e-3 },
        { what: `J at ${cuts} boundaries`, difference: apart, limit: 1e-3 },
      ],
      figures: [],
      ratios: [],
    }
  } finally {
    context.close()
  }
}
