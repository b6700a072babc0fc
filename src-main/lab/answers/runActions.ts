// What a person does to runs: start, pause, go on, stop, branch, save, evaluate. Each becomes a job in the queue; the experiments are
// handed in. A run that is trained to its end is evaluated in the same job. Going on after a pause, a crash or a failure is a new job
// that starts from the newest checkpoint, which is the experiment's own business.

import { LabError, type Answers, type Job, type LabEvent, type RayCluster, type Run } from '../../../src-preload/contract.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Store } from '../../store/openStore.ts'
import type { Split } from '../../tasks/types.ts'
import type { DeviceTests } from '../process/deviceTests.ts'
import type { EvaluationTarget } from '../process/context.ts'
import type { Experiments } from '../process/experiments.ts'
import type { Jobs } from '../process/jobs.ts'
import { onRay, raySettings } from '../training/raySettings.ts'
import { parseSpec } from '../training/runSpecs.ts'
import { watchEvaluations, wholeRun } from '../training/wholeRun.ts'
import { found } from '../process/found.ts'

export interface ActionParts {
  readonly open: () => Store
  /** The same as it is shown: lists go on without rows that cannot be read. */
  readonly shown: () => Store
  readonly jobs: Jobs
  readonly engine: () => Promise<Engine>
  readonly experiments: Experiments
  readonly deviceTests: DeviceTests
  readonly tell: (event: LabEvent) => void
  readonly now: () => number
}

type Actions = Pick<
  Answers<'runs'>['runs'],
  'start' | 'startAll' | 'done' | 'pause' | 'resume' | 'stopAfterStep' | 'cancel' | 'saveCheckpoint' | 'branch'
> &
  Pick<Answers<'evaluations'>['evaluations'], 'startOf'> & { readonly evaluate: Answers<'evaluations'>['evaluations']['start'] }

/** How a run is worked on. */
interface Working {
  /** Before whatever else waits. */
  readonly first?: boolean
  /** Evaluated once it is trained; so unless told otherwise. */
  readonly evaluated?: boolean
  /** Without the cluster that it was started on. */
  readonly here?: boolean
}

/** Without a job, a run that says it is running was left so by a disk that refused to record its end. */
const RESUMABLE = new Set<Run['status']>(['queued', 'running', 'paused', 'interrupted', 'failed'])

export function runActions({ open, jobs, engine, experiments, deviceTests, tell, now }: Omit<ActionParts, 'shown'>): Actions {
  /** Runs that pause only to save a checkpoint, until somebody asks them to stop after all. */
  const saving = new Set<number>()
  const run = (id: number): Run => found('run', id, open().runs.get(id))
  const tellRun = (id: number): void => {
    const told = open().runs.get(id)
    if (told !== null) tell({ kind: 'run', run: told })
  }

  function jobOf(runId: number): Job {
    const { name } = run(runId)
    const job = jobs.ofRun(runId)
    if (job === null)
      throw new LabError('run.idle', { expected: `${name} to be at work`, found: 'no job for it', next: 'Start or resume it first.' })
    return job
  }

  /** Whether the evaluation that follows training is there; one that was interrupted is made again. */
  function isEvaluated(runId: number): boolean {
    const newest = open().checkpoints.newestResumable(runId)
    return (
      newest === null ||
      open()
        .evaluations.ofRun(runId)
        .some(({ status, step }) => status === 'finished' && (step ?? newest.step) >= newest.step)
    )
  }

  /** A job that never starts, or dies before the experiment says so, leaves no run looking alive. */
  function queue(runId: number, { first = false, evaluated = true, here = false }: Working = {}): void {
    const store = open()
    const { name, seed } = run(runId)
    const { done } = jobs.add({
      kind: 'train',
      label: `${name}, seed ${seed}`,
      runId,
      lane: 'heavy',
      first,
      async work(control) {
        const context = { store, engine: await engine(), now, deviceTests }
        const job = { ...control, ...(here && { here }) }
        await (evaluated ? wholeRun(experiments, context, runId, job) : experiments.trainRun(context, runId, job))
      },
    })
    done.catch(() => {
      if (!['queued', 'running'].includes(store.runs.get(runId)?.status ?? '')) return
      store.runs.setStatus(runId, 'interrupted', now())
      tellRun(runId)
    })
  }

  async function create(spec: unknown, ray?: RayCluster): Promise<Run> {
    const store = open()
    if (store.access.mode === 'read')
      throw new LabError('workspace.readOnly', {
        expected: 'a workspace that can be written',
        found: 'one that is open for reading only',
        next: 'Close the other program that has it open, or open another workspace.',
      })
    const id = await experiments.createRun(
      { store, now, deviceTests },
      ...onRay(spec, await experiments.environment(await engine()), ray === undefined ? null : raySettings(ray)),
    )
    tellRun(id)
    return run(id)
  }

  /** Queues an evaluation; the job gives its id. */
  function evaluation(title: string, runId: number | null, target: EvaluationTarget): Job {
    return jobs.add({
      kind: 'evaluate',
      label: `Evaluating ${title}`,
      runId,
      lane: 'heavy',
      async work(control) {
        const id = await experiments.evaluateRun({ store: open(), engine: await engine(), now, deviceTests }, target, control)
        if (runId !== null) watchEvaluations({ store: open(), now }, runId, control.onEvent)
        return id
      },
    }).job
  }

  return {
    async start({ spec, ray, evaluated }) {
      const created = await create(spec, ray)
      queue(created.id, { evaluated })
      return created
    },
    async startAll({ specs, ray, evaluated }) {
      // Every specification is turned into a run before any is queued, so that a mistake in the last one starts none.
      const created: Run[] = []
      try {
        for (const spec of specs) created.push(await create(spec, ray))
      } catch (error) {
        for (const { id } of created) open().runs.remove(id)
        tell({ kind: 'changed', noun: 'runs', ids: [] })
        throw error
      }
      for (const { id } of created) queue(id, { evaluated })
      return created
    },
    async branch({ checkpointId, spec }) {
      found('checkpoint', checkpointId, open().checkpoints.get(checkpointId))
      const created = await create({ ...spec, start: `checkpoint:${checkpointId}` })
      queue(created.id)
      return created
    },
    async done({ runId }) {
      await jobs.outcome({ runId })
      return null
    },
    pause({ runId }) {
      saving.delete(runId)
      jobs.pause(jobOf(runId).id)
      return null
    },
    stopAfterStep({ runId }) {
      saving.delete(runId)
      jobs.stopAfterStep(jobOf(runId).id)
      return null
    },
    resume({ runId, evaluated, here }) {
      const { status, name } = run(runId)
      const job = jobs.ofRun(runId)
      if (job !== null) jobs.resume(job.id)
      else if (RESUMABLE.has(status) || (evaluated && !isEvaluated(runId))) queue(runId, { evaluated, here })
      else
        throw new LabError('run.finished', {
          expected: 'a run with steps left',
          found: `${name}, which is ${status}`,
          next: 'Branch from its last checkpoint to train on.',
        })
      return null
    },
    cancel({ runId }) {
      const { status } = run(runId)
      const job = jobs.ofRun(runId)
      if (job !== null) jobs.cancel(job.id)
      else if (status === 'paused' || status === 'queued') {
        open().runs.setStatus(runId, 'interrupted', now())
        tellRun(runId)
      }
      return null
    },
    saveCheckpoint({ runId }) {
      // Training saves when it pauses; it goes on at once, before anything else that waits.
      const job = jobOf(runId)
      if (job.kind !== 'train')
        throw new LabError('run.ofStudy', {
          expected: 'a run that was started by itself',
          found: 'one that a study works on, which saves by itself',
          next: 'Pause the study, or wait for the next checkpoint.',
        })
      if (job.state !== 'running')
        throw new LabError('run.notRunning', {
          expected: 'a run between two steps of training',
          found: `one that is ${job.state}`,
          next: 'Try again once it runs.',
        })
      jobs.pause(job.id)
      saving.add(runId)
      jobs.whenEnded(job.id, () => {
        if (saving.delete(runId) && open().runs.get(runId)?.status === 'paused') queue(runId, { first: true })
      })
      return null
    },
    evaluate({ runId, checkpointId, split }) {
      const { name } = run(runId)
      return evaluation(name, runId, { runId, split: split as Split, ...(checkpointId !== null && { checkpointId }) })
    },
    startOf: ({ spec, split }) => evaluation(spec.start, null, { startOf: parseSpec(spec), split: split as Split }),
  }
}
