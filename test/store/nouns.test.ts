// What goes into the store comes out of it, noun by noun.

import { describe, expect, it } from 'vitest'
import {
  addDataset,
  exact,
  newEvaluation,
  newRun,
  newStore,
  problemNamed,
  provenance,
  rolloutOf,
  startedRun,
  stepOf,
  thrownBy,
} from './records.ts'

describe('datasets', () => {
  it('a problem added twice keeps its id and its first content', () => {
    const store = newStore()
    const set = addDataset(store)
    const first = store.datasets.addProblems(set, [problemNamed('a'), problemNamed('b', 'eval')])
    const again = store.datasets.addProblems(set, [problemNamed('c'), { ...problemNamed('a'), prompt: 'changed' }])
    expect(again[1]).toBe(first[0])
    expect(store.datasets.problem(first[0]!)).toEqual({ id: first[0], datasetId: set, ...problemNamed('a') })
    expect(store.datasets.get(set)).toMatchObject({ name: 'countdown', roles: null, problemCount: 3, splits: { eval: 1, train: 2 } })
    expect(store.datasets.list()).toEqual([store.datasets.get(set)])
  })

  it('problems are paged by id within a split', () => {
    const store = newStore()
    const set = addDataset(store)
    const ids = store.datasets.addProblems(
      set,
      ['a', 'b', 'c', 'd'].map((key) => problemNamed(key, key === 'b' ? 'eval' : 'train')),
    )
    expect(store.datasets.problems(set, 'train', 0, 2).map((problem) => problem.id)).toEqual([ids[0], ids[2]])
    expect(store.datasets.problems(set, 'train', ids[2]!, 2).map((problem) => problem.id)).toEqual([ids[3]])
  })

  it('a dataset that a run refers to cannot be removed, and an unused one can', () => {
    const store = newStore()
    const { datasetId } = startedRun(store)
    expect(thrownBy(() => store.datasets.remove(datasetId)).code).toBe('dataset.inUse')
    const unused = addDataset(store)
    store.datasets.addProblems(unused, [problemNamed('a')])
    store.datasets.remove(unused)
    expect(store.datasets.get(unused)).toBeNull()
  })
})

describe('models', () => {
  it('a model is found again by what is in it', () => {
    const store = newStore()
    const model = {
      name: 'starter',
      kind: 'starter',
      family: 'llama',
      config: { layers: 4 },
      tokenizer: { vocabulary: 416 },
      parameterCount: 5_000_000,
      bytes: 20_000_000,
      path: 'resources/starter',
      sha256: 'abc',
      provenance: { licence: 'MIT' },
      createdAtMs: 3,
    } as const
    const id = store.models.add(model)
    expect(store.models.bySha256('abc')).toEqual({ id, ...model })
    expect(store.models.bySha256('other')).toBeNull()
    expect(store.models.list()).toEqual([store.models.get(id)])
    store.runs.add(newRun({ modelId: id }))
    expect(thrownBy(() => store.models.remove(id)).code).toBe('model.inUse')
  })
})

describe('runs', () => {
  it('names repeat and ids do not', () => {
    const store = newStore()
    const [a, b] = [store.runs.add(newRun()), store.runs.add(newRun({ seed: 2 }))]
    expect(a.name).toBe(b.name)
    expect(a.id).not.toBe(b.id)
    expect(a.uid).not.toBe(b.uid)
    expect(store.runs.group('g').map((run) => run.seed)).toEqual([1, 2])
    expect(a).toMatchObject({
      ...newRun(),
      status: 'queued',
      startedAtMs: null,
      finishedAtMs: null,
      activeMs: 0,
      lastStep: null,
      error: null,
    })
  })

  it('the clock starts at the first start, survives a pause, and stops at the end', () => {
    const store = newStore()
    const { id } = store.runs.add(newRun())
    store.runs.setStatus(id, 'running', 10)
    store.runs.setStatus(id, 'paused', 20)
    store.runs.setStatus(id, 'running', 30)
    expect(store.runs.get(id)).toMatchObject({ status: 'running', startedAtMs: 10, finishedAtMs: null })
    const error = { code: 'run.diverged', expected: 'a finite loss', found: 'NaN', next: 'Lower the learning rate.' }
    store.runs.setStatus(id, 'failed', 40, error)
    expect(store.runs.get(id)).toMatchObject({ status: 'failed', startedAtMs: 10, finishedAtMs: 40, error })
  })

  it('the list shows newest metrics, sparklines and counts', () => {
    const store = newStore()
    const { run, problemId } = startedRun(store)
    for (const step of [0, 1, 2])
      store.steps.record({ step: stepOf(run.id, step, { reward: step, entropy: 1 }), rollouts: [rolloutOf(problemId)], events: [] })
    const [item] = store.runs.list()
    expect(item).toMatchObject({
      latest: { reward: 2, entropy: 1 },
      rolloutCount: 3,
      checkpointCount: 0,
      run: { lastStep: 2, activeMs: 300 },
    })
    expect(item!.sparklines).toEqual([{ metric: 'reward', exact: true, step: [0, 1, 2], value: [0, 1, 2] }])
  })

  it('rewinding forgets what came after a step and nothing before it', () => {
    const store = newStore()
    const { run, datasetId, problemId } = startedRun(store)
    for (const step of [0, 1, 2])
      store.steps.record({
        step: stepOf(run.id, step),
        rollouts: [rolloutOf(problemId, { text: `step number ${step}` })],
        events: [{ runId: run.id, step, kind: 'log', level: 'info', code: 'test.step', message: '', data: null, atMs: 1 }],
      })
    store.checkpoints.add({
      contentId: 'x',
      runId: run.id,
      step: 2,
      kind: 'full',
      modelId: null,
      bytes: 1,
      resumable: true,
      pinned: false,
      createdAtMs: 1,
    })
    store.evaluations.add(newEvaluation(datasetId, { runId: run.id, step: 2 }))
    expect(store.runs.rewind(run.id, 0)).toEqual({ steps: 2, rollouts: 2, evaluations: 1, checkpoints: 1, events: 2 })
    expect(store.steps.range(run.id, 0, 9).map((step) => step.step)).toEqual([0])
    expect(store.rollouts.search({ text: 'step' }, 0, 10)).toHaveLength(1)
    expect(store.runs.list()[0]).toMatchObject({ rolloutCount: 1, run: { lastStep: 0, activeMs: 100 } })
    store.steps.record({ step: stepOf(run.id, 1), rollouts: [rolloutOf(problemId)], events: [] })
    expect(store.runs.get(run.id)!.lastStep).toBe(1)
  })

  it('rewinding leaves on record that the run was interrupted after its last checkpoint', () => {
    const store = newStore()
    const { run } = startedRun(store)
    const common = { runId: run.id, step: 2, level: 'warn', message: '', data: null, atMs: 1 } as const
    store.events.add({ ...common, kind: 'health', code: 'test.finding' })
    store.events.add({ ...common, kind: 'lifecycle', code: 'run.interrupted' })
    expect(store.runs.rewind(run.id, 1).events).toBe(1)
    expect(store.events.ofRun(run.id, null, 0, 9).map(({ code }) => code)).toEqual(['run.interrupted'])
  })

  it('removing a run takes its rollouts along and leaves the dataset and other runs', () => {
    const store = newStore()
    const { run, problemId } = startedRun(store)
    const other = store.runs.add(newRun({ parentRunId: run.id, parentStep: 0 }))
    store.steps.record({ step: stepOf(run.id, 0), rollouts: [rolloutOf(problemId)], events: [] })
    expect(store.runs.remove(run.id)).toMatchObject({ steps: 1, rollouts: 1 })
    expect(store.runs.get(other.id)).toMatchObject({ parentRunId: null, parentStep: 0 })
    expect(store.workspace().counts).toMatchObject({ runs: 1, rollouts: 0, datasets: 1 })
    expect(store.rollouts.search({ text: 'Wait' }, 0, 10)).toEqual([])
  })
})

describe('steps', () => {
  it('a step is recorded whole or not at all', () => {
    const store = newStore()
    const { run, problemId } = startedRun(store)
    const unknownProblem = 999
    expect(() =>
      store.steps.record({ step: stepOf(run.id, 0), rollouts: [rolloutOf(problemId), rolloutOf(unknownProblem)], events: [] }),
    ).toThrow(/FOREIGN KEY/)
    expect(store.steps.get(run.id, 0)).toBeNull()
    expect(store.workspace().counts.rollouts).toBe(0)
    expect(store.runs.list()[0]).toMatchObject({ rolloutCount: 0, run: { activeMs: 0 } })
  })

  it('a step cannot be recorded twice', () => {
    const store = newStore()
    const { run } = startedRun(store)
    const record = { step: stepOf(run.id, 0), rollouts: [], events: [] }
    store.steps.record(record)
    expect(() => store.steps.record(record)).toThrow(/UNIQUE/)
  })

  it('a metric that is not a number is left out and named in an event', () => {
    const store = newStore()
    const { run } = startedRun(store)
    store.steps.record({ step: stepOf(run.id, 0, { reward: 1, kl: NaN, loss: Infinity }), rollouts: [], events: [] })
    expect(store.steps.get(run.id, 0)!.metrics).toEqual({ reward: 1 })
    expect(store.events.ofRun(run.id, 'log', 0, 10)).toMatchObject([
      { code: 'metric.notFinite', level: 'warn', step: 0, data: ['kl', 'loss'] },
    ])
  })

  it('a series carries every x axis, skips steps without the metric, and says when it is decimated', () => {
    const store = newStore()
    const { run } = startedRun(store)
    const values = [5, 0, 9, 1, 2, 3, 8, 7]
    values.forEach((value, step) =>
      store.steps.record({ step: stepOf(run.id, step, step === 1 ? { loss: 1 } : { 'ttc/regret@64': value }), rollouts: [], events: [] }),
    )
    expect(store.steps.series(run.id, 'ttc/regret@64', 100)).toEqual({
      runId: run.id,
      metric: 'ttc/regret@64',
      exact: true,
      pointCount: 7,
      step: [0, 2, 3, 4, 5, 6, 7],
      value: [5, 9, 1, 2, 3, 8, 7],
      tokens: [50, 150, 200, 250, 300, 350, 400],
      wallMs: [100, 300, 400, 500, 600, 700, 800],
      flops: [1e9, 3e9, 4e9, 5e9, 6e9, 7e9, 8e9],
    })
    const few = store.steps.series(run.id, 'ttc/regret@64', 4)
    expect(few).toMatchObject({ exact: false, pointCount: 7, step: [2, 3, 4, 6], value: [9, 1, 2, 8] })
    expect(store.steps.metricNames(run.id)).toEqual(['loss', 'ttc/regret@64'])
  })

  it('groups of a step are summed up with their problem', () => {
    const store = newStore()
    const { run, datasetId, problemId } = startedRun(store)
    const [second] = store.datasets.addProblems(datasetId, [problemNamed('p1')])
    store.steps.record({
      step: stepOf(run.id, 4),
      events: [],
      rollouts: [
        rolloutOf(problemId, { reward: 1, correct: true }),
        rolloutOf(problemId, { sample: 1, reward: 0, correct: false, used: false, discardReason: 'all agree' }),
        rolloutOf(second!, { group: 1, reward: null, correct: null, progress: [] }),
      ],
    })
    const [first, other] = store.steps.groups({ runId: run.id, step: 4 })
    expect(first).toMatchObject({
      group: 0,
      problem: { id: problemId },
      rolloutCount: 2,
      usedCount: 1,
      correctCount: 1,
      meanReward: 0.5,
      minReward: 0,
      maxReward: 1,
      meanTokens: 5,
      meanProgress: 0.5,
    })
    expect(other).toMatchObject({
      group: 1,
      problem: { key: 'p1' },
      rolloutCount: 1,
      correctCount: 0,
      meanReward: null,
      meanProgress: null,
    })
  })
})

describe('rollouts', () => {
  it('everything recorded about a rollout comes back', () => {
    const store = newStore()
    const { run, problemId } = startedRun(store)
    const written = rolloutOf(problemId, { group: 2, sample: 5 })
    const [id] = store.steps.record({ step: stepOf(run.id, 7), rollouts: [written], events: [] })
    const { rollout, problem, ...body } = store.rollouts.detail(id!)!
    const { provenance: from, text, promptTokens, tokens, logps, sampled, advantages, episodes, progress, ...facts } = written
    expect(body).toEqual({ provenance: from, text, promptTokens, tokens, logps, sampled, advantages, episodes, progress })
    expect(rollout).toEqual({
      ...facts,
      keptThinking: false,
      id,
      runId: run.id,
      evaluationId: null,
      phase: 'train',
      step: 7,
      promptTokenCount: 7,
      tokenCount: 5,
      episodeCount: 2,
      progress: 0.5,
    })
    expect(problem.key).toBe('p0')
    expect(store.rollouts.get(id!)).toEqual(rollout)
    expect(store.rollouts.detail(id! + 1)).toBeNull()
  })

  it('a view into a larger array is stored as the view', () => {
    const store = newStore()
    const { run, problemId } = startedRun(store)
    const [id] = store.steps.record({
      step: stepOf(run.id, 0),
      rollouts: [rolloutOf(problemId, { tokens: Int32Array.of(9, 8, 7, 6).subarray(1, 3) })],
      events: [],
    })
    expect(store.rollouts.detail(id!)!.tokens).toEqual(Int32Array.of(8, 7))
  })

  it('estimates made later are added beside the first ones, and the list keeps the first', () => {
    const store = newStore()
    const { run, problemId } = startedRun(store)
    const [id, bare] = store.steps.record({
      step: stepOf(run.id, 0),
      rollouts: [rolloutOf(problemId), rolloutOf(problemId, { sample: 1, progress: [], episodes: [] })],
      events: [],
    })
    const curve = {
      estimator: { ...exact, method: 'sampled' as const, samples: 8 },
      estimates: [
        { boundary: 0, tokenOffset: 0, value: 0.5, low: 0.25, high: 0.75, tokensForwarded: 90 },
        { boundary: 2, tokenOffset: 5, value: 0.625, low: 0.5, high: 1, tokensForwarded: 95 },
      ],
    }
    for (const rollout of [id!, bare!]) store.rollouts.addProgress(rollout, curve)
    store.rollouts.setEpisodes(bare!, rolloutOf(problemId).episodes)
    expect(store.rollouts.detail(id!)!).toMatchObject({ rollout: { progress: 0.5 }, progress: [rolloutOf(problemId).progress[0], curve] })
    expect(store.rollouts.detail(bare!)!).toMatchObject({
      rollout: { progress: 0.125, episodeCount: 2 },
      progress: [curve],
      episodes: rolloutOf(problemId).episodes,
    })
  })

  it('imported rollouts need no run', () => {
    const store = newStore()
    const [problemId] = store.datasets.addProblems(addDataset(store), [problemNamed('x')])
    const place = { runId: null, evaluationId: null, phase: 'imported', step: 3 } as const
    const file = { name: '3.jsonl', format: 'verl', sha256: 'abc' }
    const [id] = store.rollouts.add(place, [rolloutOf(problemId!, { provenance: { ...provenance, source: 'imported', file } })])
    expect(store.rollouts.detail(id!)).toMatchObject({
      rollout: { runId: null, phase: 'imported', step: 3 },
      provenance: { source: 'imported', file },
    })
  })
})

describe('checkpoints', () => {
  it('the newest one that training can go on from is found, and shared content is referred to once', () => {
    const store = newStore()
    const { run } = startedRun(store)
    const at = (step: number, contentId: string, resumable: boolean) =>
      store.checkpoints.add({
        contentId,
        runId: run.id,
        step,
        kind: 'full',
        modelId: null,
        bytes: 10,
        resumable,
        pinned: false,
        createdAtMs: 1,
      })
    const [first, second] = [at(0, 'same', true), at(5, 'same', true)]
    const weightsOnly = at(9, 'other', false)
    expect(store.checkpoints.newestResumable(run.id)).toMatchObject({ id: second, step: 5, resumable: true, pinned: false })
    expect(store.checkpoints.referenced()).toEqual(new Set(['same', 'other']))
    store.checkpoints.remove(weightsOnly)
    store.checkpoints.setPinned(first, true)
    expect(store.checkpoints.get(first)!.pinned).toBe(true)
    expect(store.checkpoints.ofRun(run.id).map((checkpoint) => checkpoint.step)).toEqual([0, 5])
    expect(store.checkpoints.referenced()).toEqual(new Set(['same']))
    expect(store.checkpoints.newestResumable(999)).toBeNull()
  })
})

describe('evaluations', () => {
  it('an evaluation keeps its curves, its results and its answers', () => {
    const store = newStore()
    const { run, datasetId } = startedRun(store)
    const ids = store.datasets.addProblems(datasetId, [problemNamed('e0', 'eval'), problemNamed('e1', 'eval')])
    const { id } = store.evaluations.add(newEvaluation(datasetId, { runId: run.id, step: 40 }))
    const results = ids.map((problemId, index) => ({
      problemId,
      samples: 2,
      accuracy: 0.5 + index / 2,
      meanTokens: 60,
      accuracyAtBudget: Float32Array.of(0.25, 0.5, 0.5 + index / 2),
      regretAtBudget: Float32Array.of(0.9, 0.8, 0.7),
      keptAtBudget: Float32Array.of(0, 0, 0.25),
      keptWholeAtBudget: Float32Array.of(0.25, 0.25, 0.5),
      keptRegretAtBudget: Float32Array.of(1, 0.9, 0.8),
    }))
    const answers = store.evaluations.addResults(id, results, [rolloutOf(ids[0]!), rolloutOf(ids[1]!, { group: 1 })])
    const points = [
      { curve: 'natural', x: 64, value: 0.5, low: 0.4, high: 0.6, n: 2, extrapolated: false },
      { curve: 'natural-regret', x: 120, value: 0.3, low: null, high: null, n: 2, extrapolated: true },
    ]
    store.evaluations.finish(id, { status: 'finished', atMs: 99, wallMs: 12, tokens: 240, metrics: { accuracy: 0.75 }, points })
    expect(store.evaluations.get(id)).toMatchObject({
      status: 'finished',
      finishedAtMs: 99,
      wallMs: 12,
      tokens: 240,
      metrics: { accuracy: 0.75 },
      problemCount: 2,
      budgets: [0, 64, 120],
    })
    expect(store.evaluations.points(id)).toEqual(points)
    expect(store.evaluations.results(id)).toEqual(results)
    expect(store.rollouts.get(answers[1]!)).toMatchObject({ phase: 'eval', evaluationId: id, runId: run.id, step: 40, group: 1 })
    expect(store.steps.groups({ evaluationId: id }).map((group) => group.problem.key)).toEqual(['e0', 'e1'])
    expect(store.evaluations.ofRun(run.id)).toEqual([store.evaluations.get(id)])
  })

  it('two evaluations pair on the problems they share', () => {
    const store = newStore()
    const datasetId = addDataset(store)
    const ids = store.datasets.addProblems(
      datasetId,
      ['a', 'b', 'c'].map((key) => problemNamed(key, 'eval')),
    )
    const evaluate = (over: number[], accuracy: number): number => {
      const { id } = store.evaluations.add(newEvaluation(datasetId))
      store.evaluations.addResults(
        id,
        over.map((problemId) => ({
          problemId,
          samples: 1,
          accuracy,
          meanTokens: 50,
          accuracyAtBudget: Float32Array.of(0, accuracy),
          regretAtBudget: Float32Array.of(1, 1 - accuracy / 2),
          keptAtBudget: new Float32Array(0),
          keptWholeAtBudget: new Float32Array(0),
          keptRegretAtBudget: new Float32Array(0),
        })),
        [],
      )
      return id
    }
    const [a, b] = [evaluate([ids[0]!, ids[1]!], 1), evaluate([ids[2]!, ids[1]!], 0)]
    const pairs = store.evaluations.paired(a, b)
    expect(pairs).toHaveLength(1)
    expect(pairs[0]).toMatchObject({
      problem: { key: 'b' },
      a: { accuracy: 1, accuracyAtBudget: Float32Array.of(0, 1) },
      b: { accuracy: 0 },
    })
    store.evaluations.remove(b)
    expect(store.evaluations.paired(a, b)).toEqual([])
  })
})

describe('events and settings', () => {
  it('events are read in order, by run and kind, a page at a time', () => {
    const store = newStore()
    const { run } = startedRun(store)
    const told = (kind: 'log' | 'health', code: string, runId: number | null) =>
      store.events.add({ runId, step: null, kind, level: 'info', code, message: code, data: { n: 1 }, atMs: 4 })
    const ids = [told('log', 'a.b', run.id), told('health', 'c.d', run.id), told('log', 'e.f', null), told('log', 'g.h', run.id)]
    expect(store.events.list(0, 10).map((event) => event.id)).toEqual(ids)
    expect(store.events.list(ids[1]!, 1).map((event) => event.code)).toEqual(['e.f'])
    expect(store.events.ofRun(run.id, null, 0, 10).map((event) => event.code)).toEqual(['a.b', 'c.d', 'g.h'])
    expect(store.events.ofRun(run.id, 'health', 0, 10)).toEqual([
      { id: ids[1], runId: run.id, step: null, kind: 'health', level: 'info', code: 'c.d', message: 'c.d', data: { n: 1 }, atMs: 4 },
    ])
  })

  it('a setting is kept, replaced and forgotten', () => {
    const store = newStore()
    store.settings.set('draft.run', { steps: 40 })
    store.settings.set('page', 'compare')
    store.settings.set('draft.run', { steps: 80 })
    expect(store.settings.all()).toEqual({ 'draft.run': { steps: 80 }, page: 'compare' })
    store.settings.set('page', null)
    expect(store.settings.get('page')).toBeNull()
  })
})
