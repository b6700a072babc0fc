// What goes into the store comes out of it, noun by noun.

import { describe, expect, it } from 'vitest'
import {
  newModel,
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

  it('an answer that came later is added, and one that is there stays', () => {
    const store = newStore()
    const set = addDataset(store)
    const [id] = store.datasets.addProblems(set, [{ ...problemNamed('a'), answer: null, extra: { hint: 'h' } }])
    store.datasets.addProblems(set, [{ ...problemNamed('a'), answer: null }])
    expect(store.datasets.problem(id!)).toMatchObject({ answer: null, extra: { hint: 'h' } })
    for (const answer of ['first', 'second']) store.datasets.addProblems(set, [{ ...problemNamed('a'), answer }])
    expect(store.datasets.problem(id!)!.answer).toBe('first')
    expect([store.datasets.problem(id! + 1), store.datasets.readable(id! + 1)]).toEqual([null, null])
  })

  it('a set is walked whole and in order, however many pages it takes', () => {
    const store = newStore()
    for (const count of [0, 1, 1000, 2001]) {
      const set = addDataset(store)
      const ids = store.datasets.addProblems(
        set,
        Array.from({ length: count }, (_, at) => problemNamed(`p${at}`)),
      )
      expect([...store.datasets.each(set)].map(({ id }) => id)).toEqual(ids)
    }
  })

  it('splits are drawn anew by key while nobody relies on them', () => {
    const store = newStore()
    const set = addDataset(store)
    store.datasets.addProblems(
      set,
      ['a', 'b', 'c'].map((key) => problemNamed(key)),
    )
    store.datasets.split(set, (key) => (key === 'b' ? 'eval' : 'train'))
    expect(store.datasets.get(set)!.splits).toEqual({ train: 2, eval: 1 })
    expect(store.datasets.uses(set)).toEqual({ runs: 0, evaluations: 0, rollouts: false })
    const evaluation = store.evaluations.add(newEvaluation(set))
    expect(thrownBy(() => store.datasets.split(set, () => 'train'))).toMatchObject({
      code: 'dataset.inUse',
      found: '0 runs and 1 evaluations that do',
    })
    expect(thrownBy(() => store.datasets.remove(set)).code).toBe('dataset.inUse')
    store.evaluations.remove(evaluation.id)
    const run = store.runs.add(newRun({ datasetId: set }))
    expect(thrownBy(() => store.datasets.split(set, () => 'train')).code).toBe('dataset.inUse')
    store.runs.remove(run.id)
    store.datasets.split(set, () => 'train')
    expect(store.datasets.get(set)!.splits).toEqual({ train: 3 })
  })

  it('a dataset whose problems have rollouts without a run cannot be removed', () => {
    const store = newStore()
    const set = addDataset(store)
    const [id] = store.datasets.addProblems(set, [problemNamed('a')])
    store.rollouts.add({ runId: null, evaluationId: null, phase: 'imported', step: 0 }, [rolloutOf(id!)])
    expect(store.datasets.uses(set)).toEqual({ runs: 0, evaluations: 0, rollouts: true })
    expect(thrownBy(() => store.datasets.remove(set))).toMatchObject({
      code: 'dataset.inUse',
      found: expect.stringContaining('with rollouts'),
    })
  })

  it('its words and its origin can be changed, each without the other', () => {
    const store = newStore()
    const [set, other] = [addDataset(store), addDataset(store)]
    const before = store.datasets.get(other)
    store.datasets.setWords(set, { name: 'renamed', note: 'why', grader: 'integer' })
    store.datasets.setOrigin(set, { source: { file: 'a' }, roles: { prompt: 'q' }, grader: 'text' })
    expect(store.datasets.get(set)).toMatchObject({
      name: 'renamed',
      note: 'why',
      source: { file: 'a' },
      roles: { prompt: 'q' },
      grader: 'text',
    })
    expect(store.datasets.get(other)).toEqual(before)
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
    expect(store.models.readable(id)).toEqual({ id, ...model })
    expect([store.models.get(id + 1), store.models.readable(id + 1)]).toEqual([null, null])
  })

  it('a model is kept by an evaluation or a checkpoint of it as by a run, and goes when nothing refers to it', () => {
    const store = newStore()
    const { run, datasetId } = startedRun(store)
    const modelId = store.models.add(newModel('m', 'm'))
    const refused = (): unknown => thrownBy(() => store.models.remove(modelId))
    const evaluation = store.evaluations.add(newEvaluation(datasetId, { modelId }))
    expect(refused()).toMatchObject({ code: 'model.inUse', found: '0 runs, 1 evaluations and 0 checkpoints that do' })
    expect(store.evaluations.ofModel(modelId)).toEqual([evaluation])
    store.evaluations.remove(evaluation.id)
    store.evaluations.add(newEvaluation(datasetId, { modelId: null }))
    expect(store.evaluations.ofModel(modelId)).toEqual([])
    const checkpoint = store.checkpoints.add({
      contentId: 'x',
      runId: run.id,
      step: 2,
      kind: 'full',
      modelId,
      bytes: 1,
      resumable: false,
      pinned: false,
      createdAtMs: 1,
    })
    expect(refused()).toMatchObject({ code: 'model.inUse', found: '0 runs, 0 evaluations and 1 checkpoints that do' })
    store.checkpoints.remove(checkpoint)
    store.models.remove(modelId)
    expect(store.models.list()).toEqual([])
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
    store.steps.record({ step: stepOf(run.id, 5, { loss: 8, 'mrt/progress_mean': 4, reward: 3 }), rollouts: [], events: [] })
    store.runs.add(newRun({ name: 'without steps' }))
    const [after, empty] = store.runs.list()
    expect(after!.sparklines).toEqual([
      { metric: 'reward', exact: true, step: [0, 1, 2, 5], value: [0, 1, 2, 3] },
      { metric: 'mrt/progress_mean', exact: true, step: [5], value: [4] },
      { metric: 'loss', exact: true, step: [5], value: [8] },
    ])
    expect(empty).toMatchObject({ latest: {}, sparklines: [], rolloutCount: 0, run: { lastStep: null } })
  })

  it('a long sparkline keeps its extremes and says that it is not exact; one that fits is', () => {
    const store = newStore()
    const { run } = startedRun(store)
    for (let step = 0; step < 48; step++)
      store.steps.record({ step: stepOf(run.id, step, { reward: step === 20 ? 99 : 1 }), rollouts: [], events: [] })
    expect(store.runs.list()[0]!.sparklines[0]).toMatchObject({ exact: true, step: { length: 48 } })
    store.steps.record({ step: stepOf(run.id, 48, { reward: -99 }), rollouts: [], events: [] })
    const { exact, step, value } = store.runs.list()[0]!.sparklines[0]!
    expect(exact).toBe(false)
    expect(step.length).toBeLessThanOrEqual(48)
    expect(value[step.indexOf(20)]).toBe(99)
    expect(value.at(-1)).toBe(-99)
  })

  it('labels and the number of planned steps can be changed', () => {
    const store = newStore()
    const { id } = store.runs.add(newRun())
    store.runs.setLabels(id, { name: 'renamed', note: 'why' })
    store.runs.setPlannedSteps(id, 99)
    expect(store.runs.get(id)).toMatchObject({ name: 'renamed', note: 'why', plannedSteps: 99 })
    expect(store.runs.readable(id)).toEqual(store.runs.get(id))
    expect([store.runs.get(id + 1), store.runs.readable(id + 1)]).toEqual([null, null])
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

  it('all steps of a run come to their sums, and none to nothing', () => {
    const store = newStore()
    const { run } = startedRun(store)
    expect(store.steps.totals(run.id)).toEqual({ steps: 0, tokens: 0, estimateTokens: 0, flops: 0, wallMs: 0 })
    for (const step of [0, 1]) store.steps.record({ step: stepOf(run.id, step), rollouts: [], events: [] })
    expect(store.steps.totals(run.id)).toEqual({ steps: 2, tokens: 100, estimateTokens: 40, flops: 2e9, wallMs: 200 })
    expect(store.steps.range(run.id, 1, 1).map(({ step }) => step)).toEqual([1])
    expect(store.steps.get(run.id, 2)).toBeNull()
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

  it('their progress is from the first boundary to the last, in whatever order the estimates come, and takes two of them', () => {
    const store = newStore()
    const { run, problemId } = startedRun(store)
    const [start, middle, end] = rolloutOf(problemId).progress[0]!.estimates
    const curve = (...estimates: (typeof start)[]) => ({ progress: [{ estimator: exact, estimates: estimates.map((each) => each!) }] })
    const ids = store.steps.record({
      step: stepOf(run.id, 0),
      rollouts: [
        rolloutOf(problemId, curve(end, start, middle)),
        rolloutOf(problemId, { sample: 1, ...curve(middle, end, start) }),
        rolloutOf(problemId, { sample: 2, ...curve(start, middle) }),
        rolloutOf(problemId, { sample: 3, ...curve(end) }),
      ],
      events: [],
    })
    // J is 0.25, 0.125 and 0.75 at the three boundaries.
    expect(ids.map((id) => store.rollouts.get(id)!.progress)).toEqual([0.5, 0.5, -0.125, null])
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
    expect(store.checkpoints.newest(run.id)).toMatchObject({ id: weightsOnly, step: 9, resumable: false })
    expect([store.checkpoints.newest(999), store.checkpoints.get(999)]).toEqual([null, null])
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
    const ofNoStep = store.evaluations.add(newEvaluation(datasetId))
    const [answer] = store.evaluations.addResults(ofNoStep.id, [], [rolloutOf(ids[0]!)])
    expect(store.rollouts.get(answer!)).toMatchObject({ phase: 'eval', runId: null, step: 0 })
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

describe('studies', () => {
  const grid = { name: 'controls', title: 'Controls', conditions: { steps: 4 }, environment: { cpu: 'test' }, createdAtMs: 1 }

  it('are found again by what was asked, whichever came first', () => {
    const store = newStore()
    const [first, second] = [store.studies.add(grid), store.studies.add(grid)]
    expect(first).toEqual({ id: first.id, uid: first.uid, ...grid })
    expect(second.uid).not.toBe(first.uid)
    expect(store.studies.asked('controls', { steps: 4 })).toEqual(first)
    expect([store.studies.asked('controls', { steps: 5 }), store.studies.asked('other', { steps: 4 }), store.studies.get(99)]).toEqual([
      null,
      null,
      null,
    ])
    store.studies.remove(first.id)
    expect(store.studies.list()).toEqual([second])
  })

  it('keep their cells as they are when these are asked for again, and add up the time worked on them', () => {
    const store = newStore()
    const { id } = store.studies.add(grid)
    const cell = (arm: string, seed: number) => ({ arm, seed, spec: { group: arm } })
    store.studies.addCells(id, [cell('a', 1), cell('a', 2)])
    const [first, second] = store.studies.cells(id)
    expect(second).toEqual({
      id: second!.id,
      studyId: id,
      ...cell('a', 2),
      runId: null,
      status: 'waiting',
      notes: {},
      wallMs: 0,
      finishedAtMs: null,
    })
    const run = store.runs.add(newRun())
    store.studies.setRun(first!.id, run.id)
    expect(store.studies.cell(first!.id)).toMatchObject({ runId: run.id, status: 'running' })
    store.studies.setStatus(first!.id, 'failed', 5, null)
    store.studies.setStatus(first!.id, 'finished', 7, 99)
    store.studies.setNotes(first!.id, { best: 3 })
    store.studies.addCells(id, [cell('a', 1), cell('b', 1)])
    expect(store.studies.cells(id)).toMatchObject([
      { id: first!.id, status: 'finished', wallMs: 12, finishedAtMs: 99, notes: { best: 3 }, runId: run.id },
      { id: second!.id, status: 'waiting' },
      { arm: 'b', seed: 1, status: 'waiting' },
    ])
    store.runs.remove(run.id)
    expect(store.studies.cell(first!.id).runId).toBeNull()
    store.studies.remove(id)
    expect(store.studies.cells(id)).toEqual([])
  })
})
