// A process that records steps of a new run into the workspace of its first argument, as fast as it can, until it is killed.
// Every step has 6 rollouts of 2 episodes and 3 estimates, and an event; every third step also has an evaluation, and every 25th
// is taken back together with the two before it, as a resumed run does.

import { openStore } from '../../src-main/store/openStore.ts'
import { newEvaluation, newRun, rolloutOf, stepOf } from './runRecord.ts'

const store = openStore(process.argv[2]!)
const [problem] = store.datasets.problems(1, 'train', 0, 1)
const run = store.runs.add(newRun({ datasetId: 1, plannedSteps: 1_000_000 }))
store.runs.setStatus(run.id, 'running', 1)
for (let written = 0, step = 0; ; written++, step++) {
  store.steps.record({
    step: stepOf(run.id, step, { reward: step }),
    rollouts: Array.from({ length: 6 }, (_, sample) => rolloutOf(problem!.id, { sample, text: `step ${step} sample ${sample}` })),
    events: [{ runId: run.id, step, kind: 'log', level: 'info', code: 'test.step', message: '', data: null, atMs: step }],
  })
  if (written === 0) console.log('recording')
  if (written % 3 === 2) {
    const { id } = store.evaluations.add(newEvaluation(1, { runId: run.id, step }))
    const point = { curve: 'accuracy', x: 0, value: 1, low: null, high: null, n: 1, extrapolated: false }
    store.evaluations.finish(id, { status: 'finished', atMs: step, wallMs: 1, tokens: 1, metrics: {}, points: [point] })
  }
  if (written % 25 === 24) {
    store.runs.rewind(run.id, step - 3)
    step -= 3
  }
}
