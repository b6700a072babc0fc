// The questions that screens ask of a workspace, with what they promise: a first paint within a second, a filter within a tenth of one.
// Asked of the store itself, without the lab process and the page around it (those are in ui.ts).

import type { Store } from '../src-main/store/openStore.ts'

export interface WorkspaceQuestion {
  readonly name: string
  readonly limitMs: number
  readonly ask: (store: Store) => unknown
}

const ANY = { sort: 'place', descending: false, limit: 50, after: null } as const

/** The questions, about the last run with training steps and its last step. */
export function workspaceQuestions(store: Store): readonly WorkspaceQuestion[] {
  const runs = store.runs.list().map((item) => item.run)
  const run = runs.at(-1)!
  const runId = run.id
  const step = Math.floor(run.lastStep! / 2)
  const [evaluationA, evaluationB] = [store.evaluations.ofRun(runs[0]!.id).at(-1)!.id, store.evaluations.ofRun(runId).at(-1)!.id]
  const [sample] = store.rollouts.group({ runId, steps: [step, step], group: 0 })
  return [
    { name: 'runs, with metrics and sparklines', limitMs: 1000, ask: () => store.runs.list() },
    { name: 'one metric of one run', limitMs: 100, ask: () => store.steps.series(runId, 'entropy', 2000) },
    { name: 'steps of a run', limitMs: 1000, ask: () => store.steps.range(runId, 0, 1e9) },
    { name: 'groups of a step', limitMs: 100, ask: () => store.steps.groups({ runId, step }) },
    { name: 'rollouts of a group', limitMs: 100, ask: () => store.rollouts.group({ runId, steps: [step, step], group: 3 }) },
    { name: 'one rollout, with episodes and progress', limitMs: 100, ask: () => store.rollouts.detail(sample!.id) },
    { name: 'the same problem through training', limitMs: 100, ask: () => store.rollouts.throughTraining(sample!.problemId, runId) },
    { name: 'first page of a run', limitMs: 100, ask: () => store.rollouts.page({ ...ANY, filter: { runId } }) },
    {
      name: 'filter: wrong, long, not cut off',
      limitMs: 100,
      ask: () => store.rollouts.page({ ...ANY, filter: { runId, correct: false, tokens: [90, null], finishReason: 'stop' } }),
    },
    {
      name: 'filter that nothing passes',
      limitMs: 100,
      ask: () => store.rollouts.page({ ...ANY, filter: { runId, finishReason: 'error' } }),
    },
    {
      name: 'sorted by progress, filtered',
      limitMs: 100,
      ask: () => store.rollouts.page({ ...ANY, filter: { runId, correct: true }, sort: 'progress', descending: true }),
    },
    { name: 'picks of a run', limitMs: 100, ask: () => store.rollouts.picks({ runId }, 1) },
    { name: 'picks of a step', limitMs: 100, ask: () => store.rollouts.picks({ runId, steps: [step, step] }, 1) },
    { name: 'histogram of reward in a run', limitMs: 100, ask: () => store.rollouts.histogram({ runId }, 'reward', 30) },
    { name: 'histogram of tokens in a filter', limitMs: 100, ask: () => store.rollouts.histogram({ runId, correct: false }, 'tokens', 30) },
    { name: 'search a word everywhere', limitMs: 100, ask: () => store.rollouts.search({ text: 'wait' }, 0, 50) },
    { name: 'search a phrase in a run', limitMs: 100, ask: () => store.rollouts.search({ runId, text: '"40 + 41 = 81"' }, 0, 50) },
    {
      name: 'search two numbers, wrong answers only',
      limitMs: 100,
      ask: () => store.rollouts.search({ runId, correct: false, text: '97 181' }, 0, 50),
    },
    {
      name: 'search, longest first',
      limitMs: 100,
      ask: () => store.rollouts.page({ ...ANY, filter: { runId, text: 'wait 97' }, sort: 'tokens', descending: true }),
    },
    { name: 'everywhere: first page', limitMs: 100, ask: () => store.rollouts.page({ ...ANY, filter: {} }) },
    {
      name: 'everywhere: wrong, most tokens first',
      limitMs: 100,
      ask: () => store.rollouts.page({ ...ANY, filter: { correct: false }, sort: 'tokens', descending: true }),
    },
    { name: 'everywhere: a word, in order', limitMs: 100, ask: () => store.rollouts.page({ ...ANY, filter: { text: 'wait' } }) },
    { name: 'everywhere: histogram of reward', limitMs: 100, ask: () => store.rollouts.histogram({}, 'reward', 24) },
    {
      name: 'everywhere: histogram of a word in 4 of 5',
      limitMs: 100,
      ask: () => store.rollouts.histogram({ text: 'wait' }, 'reward', 24),
    },
    { name: 'curves of an evaluation', limitMs: 100, ask: () => store.evaluations.points(evaluationB) },
    { name: 'two evaluations paired', limitMs: 100, ask: () => store.evaluations.paired(evaluationA, evaluationB) },
    { name: 'events of a run', limitMs: 100, ask: () => store.events.ofRun(runId, null, 0, 200) },
    { name: 'counts of the workspace', limitMs: 1000, ask: () => store.workspace() },
  ]
}
