// Experiments that keep real records and compute nothing: a run of as many steps as it plans, one every few milliseconds, steered as
// the real one is. For tests of jobs, processes and faces.
import { setTimeout as pause } from 'node:timers/promises'
import type { Engine } from '../../src-main/engine/engine.ts'
import type { Experiments } from '../../src-main/lab/process/experiments.ts'
import { runSpec } from '../../src-preload/contract.ts'
import { LabError } from '../../src-preload/contract.ts'
import { rollout } from './records.ts'

const STEP_MS = 4

export const fakeEngine = { version: 'none', threads: 1, providers: ['CPUExecutionProvider'], dispose() {} } as unknown as Engine

export const fakeExperiments: Experiments = {
  openEngine: () => Promise.resolve(fakeEngine),
  environment: () => Promise.resolve({ cores: 2 }),
  async createRun({ store, now }, given, environment) {
    const spec = runSpec.parse(given)
    if (spec.algorithm.name === 'unheard-of')
      throw new LabError('run.algorithm', { expected: 'an algorithm', found: 'unheard-of', next: 'Choose one.' })
    return store.runs.add({
      name: spec.name,
      method: spec.algorithm.name,
      algorithm: spec.algorithm.name,
      config: { ...spec } as never,
      seed: spec.seed,
      groupKey: spec.name,
      modelId: store.models.list()[0]?.id ?? null,
      datasetId: null,
      parentRunId: null,
      parentStep: null,
      plannedSteps: spec.steps,
      environment,
      note: '',
      createdAtMs: now(),
    }).id
  },
  async trainRun({ store, now }, runId, { signal, control, onEvent }) {
    const tellRun = (): void => onEvent?.({ kind: 'run', run: store.runs.get(runId)! })
    const run = store.runs.get(runId)!
    store.runs.setStatus(runId, 'running', now())
    tellRun()
    const datasetId =
      store.datasets.list()[0]?.id ??
      store.datasets.add({ name: 'fake', kind: 'procedural', source: {}, roles: null, grader: 'none', note: '', createdAtMs: now() })
    const [problemId] = store.datasets.addProblems(datasetId, [
      { key: 'one', split: 'train', prompt: 'one', answer: 1, level: null, slices: {} },
    ])
    try {
      for (let step = (store.checkpoints.newestResumable(runId)?.step ?? 0) + 1; step <= run.plannedSteps; step++) {
        await pause(STEP_MS, undefined, { signal })
        if (run.name === 'fails' && step === 2)
          throw new LabError('run.failed', { expected: 'a run that goes on', found: 'one made to fail', next: 'Nothing.' })
        store.runs.rewind(runId, step - 1)
        store.steps.record({
          step: {
            runId,
            step,
            metrics: { reward: step / 100 },
            wallMs: STEP_MS,
            tokens: 12,
            estimateTokens: 0,
            flops: 1,
            learningRate: 1,
            seedState: {},
            createdAtMs: now(),
          },
          rollouts: [rollout(problemId!, 0, 0, true)],
          events: [],
        })
        onEvent?.({ kind: 'step', step: store.steps.get(runId, step)! })
        onEvent?.({
          kind: 'progress',
          runId,
          report: {
            job: '',
            label: run.name,
            done: step,
            total: run.plannedSteps,
            unit: 'steps',
            etaMs: null,
            tokensPerSecond: null,
            memoryBytes: null,
            atMs: now(),
          },
        })
        const wish = control?.() ?? 'go'
        if (wish !== 'go' || step % 5 === 0)
          store.checkpoints.add({
            contentId: `c${runId}-${step}`,
            runId,
            step,
            kind: 'full',
            modelId: null,
            bytes: 1,
            resumable: true,
            pinned: false,
            createdAtMs: now(),
          })
        if (wish !== 'go' && step < run.plannedSteps) return store.runs.setStatus(runId, 'paused', now())
      }
      store.runs.setStatus(runId, 'finished', now())
    } catch (error) {
      store.runs.setStatus(
        runId,
        signal?.aborted === true ? 'interrupted' : 'failed',
        now(),
        error instanceof LabError ? error.toJSON() : null,
      )
      if (signal?.aborted !== true) throw error
    } finally {
      tellRun()
    }
  },
  evaluateStart: () => Promise.resolve(),
  evaluateRun: () => Promise.resolve(1),
  stopHere: (_context, { boundary, samples }) =>
    Promise.resolve({
      boundary,
      tokenOffset: 0,
      start: 'checkpoint:1',
      temperature: 1,
      recorded: null,
      answers: Array.from({ length: samples }, () => ({ text: '9 * 5', tokens: 3, correct: true, finishReason: 'stop' as const })),
      estimate: { value: 1, low: 0.5, high: 1, n: samples },
    }),
  playground: (_context, { start }) =>
    Promise.resolve({
      start,
      question: '1 2 -> 3',
      prompt: '1 2 -> 3',
      promptTokens: 4,
      text: '1 + 2',
      textEnds: Int32Array.of(1, 3, 5),
      logps: new Float32Array(3),
      sampled: Uint8Array.of(1, 1, 1),
      episodes: [],
      thoughtEnd: 0,
      finish: 'stop' as const,
      J: null,
      noJ: 'computes nothing',
      grade: null,
      timing: { openMs: 0, writeMs: 0, measureMs: 0 },
    }),
  measureJ: () => Promise.resolve({ measured: 3, known: 1, unreadable: {} }),
  measureCuts: () => Promise.resolve([]),
  drawVotes: (_context, { samples, ballots }) =>
    Promise.resolve({
      rolloutCount: 0,
      problemCount: 0,
      samples,
      temperature: 1,
      model: 'none',
      ballots,
      tokensGenerated: 0,
      sizes: [1],
      boundaries: [],
      direct: [],
      successive: [],
      parallel: [],
      episodeRegret: [],
    }),
  writeText: () => Promise.reject(new Error('nothing is written here')),
  async *tryTasks() {},
  measureSpeed: () => Promise.resolve({ drawn: 10_000, read: 20_000 }),
  planStudy: () => Promise.reject(new Error('no study is planned here')),
  async runStudy({ store, now }, { id }, { control, only, onCell }) {
    const cells = store.studies.cells(id).filter(({ seed, status }) => status !== 'finished' && seed <= (only?.seeds ?? Infinity))
    for (const [index, { id: cellId, arm }] of cells.entries()) {
      const told = (state: 'begins' | 'ends'): void =>
        onCell?.(state, { cell: store.studies.cell(cellId), title: arm, index, count: cells.length, remainingMs: 7 - index })
      await pause(STEP_MS)
      if (control?.() === 'pause') return false
      told('begins')
      store.studies.setStatus(cellId, 'finished', STEP_MS, now())
      told('ends')
    }
    return true
  },
  reportStudy: () => Promise.resolve('# A report'),
  selfTest: (_engine, device) => Promise.resolve({ device, ok: true, checks: [], durationMs: 0 }),
}
