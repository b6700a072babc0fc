// Puts the laboratory together: a workspace, the queue of jobs and the experiments become one object that answers the contract. The
// engine is opened when a job first needs it; reading a workspace never loads it. Knows nothing of processes, windows or sockets.

import { arch, cpus, freemem, platform, totalmem } from 'node:os'
import {
  LabError,
  specFields,
  type Answers,
  type Json,
  type LabEvent,
  type LabNoun,
  type OwnAnswers,
} from '../../../src-preload/contract.ts'
import type { Engine } from '../../engine/engine.ts'
import { awaited } from './awaited.ts'
import { datasetAnswers, modelAnswers } from '../answers/collections.ts'
import { describeAlgorithms, describePresets, describeTasks } from '../training/describe.ts'
import { describeDevices } from './describeDevices.ts'
import { openDeviceTests } from './deviceTests.ts'
import { estimateRun } from '../training/estimateRun.ts'
import { experiments as realExperiments, type Experiments } from './experiments.ts'
import { exportFile, exportLabels, sizesOf } from '../files/exportFile.ts'
import { metricDescriptions, terms } from './glossary.ts'
import { createFollowing } from '../files/following.ts'
import { importAnswers } from '../answers/imports.ts'
import { createJobs } from './jobs.ts'
import type { MachineSpeed } from './machineSpeed.ts'
import { newestFinished } from '../comparing/compareArms.ts'
import { compareReport } from '../comparing/report.ts'
import { mergeWorkspace } from '../files/mergeWorkspace.ts'
import { compareQueries } from '../answers/queriesCompare.ts'
import { ownAnswers } from '../answers/ownAnswers.ts'
import { playgroundAnswers } from '../answers/playgroundAnswers.ts'
import { rolloutQueries } from '../answers/queriesRollouts.ts'
import { runQueries } from '../answers/queriesRuns.ts'
import { found } from './found.ts'
import { storageAnswers } from '../files/storage.ts'
import { thinkingQueries } from '../answers/queriesThinking.ts'
import { thinkingActions } from '../answers/thinkingActions.ts'
import { runActions } from '../answers/runActions.ts'
import { studyAnswers } from '../answers/studyAnswers.ts'
import { configOfStart } from '../training/start.ts'
import { salvage } from '../../store/salvage.ts'
import { openWorkspaces, type Workspaces } from './workspaces.ts'

export interface LabParts {
  /** The program's own folder. */
  readonly home: string
  /** Folder of the shipped sample workspace; null without one. */
  readonly sample: string | null
  readonly version: string
  readonly tell: (event: LabEvent) => void
  readonly now?: () => number
  readonly experiments?: Experiments
  /** Of a command, which ends with its work: no workspace becomes the one of last time, and no folder is followed on its own. */
  readonly brief?: boolean
  /** What another process that finds the workspace locked is told; the name of the program unless given. */
  readonly program?: string
}

export interface Lab {
  readonly answers: Answers<LabNoun>
  /** What only a command of its own may ask; never put behind a channel. */
  readonly own: OwnAnswers
  readonly workspaces: Workspaces
  /** Cancels jobs, waits for them, and gives everything back. */
  close(): Promise<void>
}

type Noun = Extract<LabEvent, { kind: 'changed' }>['noun']

export function createLab({
  home,
  sample,
  version,
  tell,
  now = Date.now,
  experiments = realExperiments,
  brief = false,
  program,
}: LabParts): Lab {
  const workspaces = openWorkspaces({
    home,
    sample,
    now,
    remembers: !brief,
    program,
    onUnreadable: () => tell({ kind: 'changed', noun: 'workspace', ids: [] }),
  })
  // Whoever waits in a command tells of a bug in its own words.
  const jobs = createJobs({ tell, now, report: brief ? () => {} : undefined })
  const open = workspaces.store
  const shown = workspaces.shown
  const following = createFollowing({ current: workspaces.current, open, shown, tell, now, looks: !brief })
  const deviceTests = openDeviceTests(home, version)
  let opening: Promise<Engine> | null = null
  let opened: Engine | null = null
  let timing: Promise<MachineSpeed | null> | null = null

  function engine(): Promise<Engine> {
    opening ??= experiments.openEngine().then(
      (ready) => (opened = ready),
      (error: unknown) => {
        opening = null
        throw error
      },
    )
    return opening
  }

  /** Timed once, when first asked for while nothing else is at work; null while it cannot be. */
  function speed(): Promise<MachineSpeed | null> {
    if (timing === null && jobs.list().length === 0)
      timing = engine()
        .then((ready) => experiments.measureSpeed(ready, now))
        .catch(() => {
          timing = null
          return null
        })
    return timing ?? Promise.resolve(null)
  }

  function refuseWhileBusy(): void {
    const busy = jobs.list()
    if (busy.length === 0) return
    throw new LabError('workspace.busyJobs', {
      expected: 'no job at work',
      found: busy.map(({ label }) => label).join(', '),
      next: 'Wait for it, pause it or cancel it, then try again.',
    })
  }

  /** The same function, telling everyone that records of this noun changed. */
  const changing =
    <Input, Output>(noun: Noun, verb: (input: Input, options: { readonly signal: AbortSignal }) => Output) =>
    (input: Input, options: { readonly signal: AbortSignal }): Output => {
      const output = verb(input, options)
      tell({ kind: 'changed', noun, ids: [] })
      return output
    }

  const { holding, ...studies } = studyAnswers({ open, shown, jobs, engine, experiments, deviceTests, tell, now })
  const { steps, groups, checkpoints, events, health, settings, ...runs } = runQueries(shown, jobs.ofRun, holding)
  const { evaluate, startOf, ...actions } = runActions({ open, jobs, engine, experiments, deviceTests, tell, now })
  const { paired, ...compare } = compareQueries(shown)
  const storage = storageAnswers({ open, refuseWhileBusy })

  const answers: Answers<LabNoun> = {
    workspace: {
      open: changing('workspace', (request) => {
        if (workspaces.current() !== null) refuseWhileBusy()
        return workspaces.open(request)
      }),
      openSample: changing('workspace', () => {
        refuseWhileBusy()
        return workspaces.openSample()
      }),
      info: () => workspaces.current()?.workspace() ?? null,
      recents: () => workspaces.recents(),
      forget: changing('workspace', ({ folder }) => workspaces.forget(folder)),
      close: changing('workspace', () => {
        refuseWhileBusy()
        workspaces.close()
        return null
      }),
    },
    system: {
      info: () => ({
        version,
        platform: platform(),
        arch: arch(),
        node: process.versions.node,
        cpu: { model: cpus()[0]?.model.trim() ?? '', cores: cpus().length },
        memory: { totalBytes: totalmem(), freeBytes: freemem(), labBytes: process.memoryUsage.rss() },
        engine: {
          loaded: opened !== null,
          version: opened?.version ?? null,
          threads: opened?.threads ?? null,
          devices: describeDevices(opened?.providers ?? null, deviceTests),
        },
        network: 'none',
      }),
      selfTest: ({ device }) =>
        jobs.add({
          kind: 'selfTest',
          label: `Self-test of ${device}`,
          runId: null,
          lane: 'light',
          work: async () => {
            const report = await experiments.selfTest(await engine(), device, now)
            deviceTests.keep(report, now())
            return report
          },
        }).done,
    },
    settings: { ...settings, set: changing('settings', settings.set) },
    presets: { list: describePresets },
    algorithms: { list: describeAlgorithms },
    tasks: { list: describeTasks },
    glossary: { list: () => [...terms], metrics: () => [...metricDescriptions] },
    runs: {
      ...runs,
      ...actions,
      rename: changing('runs', runs.rename),
      remove: changing('runs', runs.remove),
      restore: changing('runs', runs.restore),
      emptyBin: changing('runs', runs.emptyBin),
      specFields: () => [...specFields],
      estimate: ({ spec }) => estimateRun(open(), spec, speed, configOfStart(open(), spec.start)),
    },
    steps,
    groups,
    rollouts: {
      ...rolloutQueries(shown),
      stopHere: (request, { signal }) =>
        awaited(jobs, signal, {
          kind: 'stopHere',
          label: `Answers from boundary ${request.boundary}`,
          runId: null,
          lane: 'light',
          work: async (control) => experiments.stopHere({ store: open(), engine: await engine(), now, deviceTests }, request, control),
        }),
    },
    playground: playgroundAnswers({ open, shown, jobs, engine, experiments, deviceTests, now }),
    thinking: thinkingQueries(shown, thinkingActions({ open, shown, jobs, engine, experiments, deviceTests, tell, now })),
    evaluations: {
      list: ({ runId }) => (runId === null ? shown().evaluations.list() : shown().evaluations.ofRun(runId)),
      get: ({ evaluationId }) => found('evaluation', evaluationId, open().evaluations.get(evaluationId)),
      curves: ({ evaluationId }) => shown().evaluations.points(evaluationId),
      results: ({ evaluationId }) => shown().evaluations.results(evaluationId),
      newest: ({ runIds }) => runIds.map((id) => newestFinished(shown().evaluations.ofRun(id))),
      start: evaluate,
      startOf,
      paired,
    },
    compare: { ...compare, report: ({ runIds, baseline }) => compareReport(open(), runIds, baseline) },
    datasets: datasetAnswers(shown, tell),
    problems: {
      list: ({ datasetId, split, afterId, limit }) => shown().datasets.problems(datasetId, split, afterId, limit),
      get: ({ problemId }) => found('problem', problemId, open().datasets.problem(problemId)),
    },
    models: modelAnswers(shown, tell, now),
    studies,
    imports: importAnswers({ open, jobs, tell, now }),
    follows: following.answers,
    checkpoints: { ...checkpoints, setPinned: changing('checkpoints', checkpoints.setPinned) },
    events,
    health,
    jobs: {
      list: () => jobs.list(),
      cancel({ jobId }) {
        jobs.cancel(jobId)
        return null
      },
      done: async ({ jobId }) => ((await jobs.outcome({ jobId })) ?? null) as Json,
    },
    workspaces: {
      inspect: ({ folder }) => open().others.inspect(folder),
      merge({ folder, uids }, { signal }) {
        refuseWhileBusy()
        return awaited(jobs, signal, {
          kind: 'import',
          label: 'Merging a workspace',
          runId: null,
          lane: 'heavy',
          work: (control) => following.apart(() => mergeWorkspace(open(), { folder, uids }, now, control)),
        }).then((result) => {
          for (const noun of ['runs', 'evaluations', 'datasets', 'models', 'checkpoints', 'rollouts', 'studies'] as const)
            tell({ kind: 'changed', noun, ids: [] })
          return result
        })
      },
      salvage: ({ folder, into }, { signal }) =>
        awaited(jobs, signal, {
          kind: 'import',
          label: 'Saving what can be read',
          runId: null,
          lane: 'light',
          work: (control) => salvage(folder, into, { ...control, now }),
        }),
    },
    storage: {
      ...storage,
      prune: async (request, options) => {
        const gone = await storage.prune(request, options)
        if (!request.preview) for (const noun of ['runs', 'rollouts', 'checkpoints'] as const) tell({ kind: 'changed', noun, ids: [] })
        return gone
      },
    },
    exports: {
      write: (asked, { signal }) =>
        awaited(jobs, signal, {
          kind: 'export',
          label: exportLabels[asked.kind],
          runId: null,
          lane: 'light',
          work: (control) => exportFile({ store: open(), version, now }, asked, control),
        }),
      sizes: ({ runId }) => sizesOf(shown(), runId),
    },
  }

  return {
    answers,
    own: ownAnswers({ open, shown, jobs, engine, experiments, deviceTests, following, version, now }),
    workspaces,
    async close() {
      const left = jobs.list().flatMap(({ runId }) => (runId === null ? [] : [runId]))
      await following.close()
      await jobs.close()
      if (left.length > 0) workspaces.current()?.leave([...new Set(left)])
      opened?.dispose()
      workspaces.close()
    },
  }
}
