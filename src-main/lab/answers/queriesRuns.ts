// Reading and labelling what is recorded about runs: lists, steps, series, settings side by side, checkpoints, events, health. Thin:
// the store answers, this file names what is missing and keeps the bin (runs a person removed and may still want back).

import {
  LabError,
  type Answers,
  type HealthFinding,
  type Job,
  type Run,
  type RunEvent,
  type RunSpec,
} from '../../../src-preload/contract.ts'
import { collectCheckpoints } from '../../model/checkpoint.ts'
import type { Removed } from '../../store/runs.ts'
import type { Store } from '../../store/openStore.ts'
import { contentsInUse } from '../training/checkpoints.ts'
import { configDiff } from '../comparing/configDiff.ts'
import { healthRules, ruleNamed } from '../process/health.ts'
import { binOf, setBin, takeOutOfBin } from '../process/bin.ts'
import { found, missing } from '../process/found.ts'

/** As many events as health is read from. */
const MOST_EVENTS = 1000

/** The specification stored with a run, as it was run. */
export const specOf = (run: Run): RunSpec => run.config as unknown as RunSpec

function finding(event: RunEvent): HealthFinding[] {
  const rule = ruleNamed(event.code)
  if (event.runId === null) return []
  const { rollouts = {} } = (event.data ?? {}) as { rollouts?: HealthFinding['rollouts'] }
  return [
    {
      eventId: event.id,
      runId: event.runId,
      step: event.step,
      code: event.code,
      level: event.level,
      title: rule?.title ?? event.message,
      message: event.message,
      next: rule?.next ?? '',
      rollouts: { runId: event.runId, ...rollouts },
      atMs: event.atMs,
    },
  ]
}

type ReadingRuns = Pick<
  Answers<'runs'>['runs'],
  | 'list'
  | 'get'
  | 'rename'
  | 'footprint'
  | 'remove'
  | 'restore'
  | 'bin'
  | 'emptyBin'
  | 'metricNames'
  | 'series'
  | 'configDiff'
  | 'duplicate'
>

/**
 * @param jobOf the job of a run, where it has one; such a run cannot be removed
 * @param holding the name of the study at work that a run belongs to; neither can that be removed
 */
export function runQueries(
  open: () => Store,
  jobOf: (runId: number) => Job | null,
  holding: (runId: number) => string | null,
): ReadingRuns & Answers<'steps' | 'groups' | 'checkpoints' | 'events' | 'health' | 'settings'> {
  const run = (id: number): Run => found('run', id, open().runs.get(id))
  const checkpointBytes = (runId: number): number =>
    open()
      .checkpoints.ofRun(runId)
      .reduce((sum, each) => sum + each.bytes, 0)

  return {
    list: () => {
      const bin = new Set(binOf(open()))
      return open()
        .runs.list()
        .filter((item) => !bin.has(item.run.id))
    },
    get({ runId }) {
      const store = open()
      const item = store.runs.list().find((each) => each.run.id === runId)
      if (item === undefined) throw missing('run', runId)
      const checkpoint = store.checkpoints.newestResumable(runId)
      return {
        item,
        metricNames: store.steps.metricNames(runId),
        resumableStep: checkpoint?.step ?? null,
        job: jobOf(runId),
        evaluationCount: store.evaluations.ofRun(runId).length,
      }
    },
    duplicate({ runId }) {
      const found = run(runId)
      if (found.method === 'imported')
        throw new LabError('run.imported', {
          expected: 'a run that was trained here',
          found: `${found.name}, which was imported`,
          next: 'Choose a run with settings of its own.',
        })
      return specOf(found)
    },
    rename({ runId, name, note }) {
      run(runId)
      open().runs.setLabels(runId, { name, note })
      return run(runId)
    },
    footprint({ runId }) {
      run(runId)
      const store = open()
      const item = store.runs.list().find((each) => each.run.id === runId)!
      return {
        steps: store.steps.range(runId, 0, Number.MAX_SAFE_INTEGER).length,
        rollouts: item.rolloutCount,
        evaluations: store.evaluations.ofRun(runId).length,
        checkpoints: item.checkpointCount,
        events: store.events.ofRun(runId, null, 0, MOST_EVENTS).length,
        checkpointBytes: checkpointBytes(runId),
      }
    },
    remove({ runId }) {
      const { name } = run(runId)
      if (jobOf(runId) !== null)
        throw new LabError('run.busy', {
          expected: `${name} to be at rest`,
          found: 'a job that works on it',
          next: 'Cancel the job first.',
        })
      const study = holding(runId)
      if (study !== null)
        throw new LabError('run.ofStudy', {
          expected: `${name} to be at rest`,
          found: `the study ${study}, which is at work on it and others`,
          next: 'Pause the study first.',
        })
      setBin(open(), [...new Set([...binOf(open()), runId])])
      return null
    },
    restore({ runId }) {
      run(runId)
      takeOutOfBin(open(), [runId])
      return null
    },
    bin: () => binOf(open()).flatMap((id) => open().runs.get(id) ?? []),
    async emptyBin() {
      const store = open()
      const total = { steps: 0, rollouts: 0, evaluations: 0, checkpoints: 0, events: 0 }
      const contents = new Set<string>()
      // What is worked on keeps its records until that is over.
      const kept = binOf(store).filter((id) => jobOf(id) !== null || holding(id) !== null)
      for (const id of binOf(store)) {
        if (kept.includes(id)) continue
        for (const { contentId } of store.checkpoints.ofRun(id)) contents.add(contentId)
        const removed: Removed = store.runs.remove(id)
        for (const noun of ['steps', 'rollouts', 'evaluations', 'checkpoints', 'events'] as const) total[noun] += removed[noun]
      }
      setBin(store, kept)
      // Equal checkpoints of other runs are the same files, and stay.
      const { freedBytes } = await collectCheckpoints(store.checkpointsFolder, await contentsInUse(store), { among: contents })
      return { ...total, checkpointBytes: freedBytes }
    },
    metricNames: ({ runIds }) => [...new Set(runIds.flatMap((id) => open().steps.metricNames(id)))].sort(),
    series: ({ runId, metrics, maxPoints }) => {
      run(runId)
      return metrics.map((metric) => open().steps.series(runId, metric, maxPoints))
    },
    configDiff: ({ runIds }) => configDiff(runIds.map(run)),
    steps: { list: ({ runId, from, to }) => open().steps.range(runId, from, to), get: ({ runId, step }) => open().steps.get(runId, step) },
    groups: { list: (scope) => open().steps.groups(scope) },
    checkpoints: {
      list: ({ runId }) => open().checkpoints.ofRun(runId),
      setPinned({ checkpointId, pinned }) {
        found('checkpoint', checkpointId, open().checkpoints.get(checkpointId))
        open().checkpoints.setPinned(checkpointId, pinned)
        return null
      },
    },
    events: {
      list: ({ runId, kind, afterId, limit }) => {
        if (runId !== null) return open().events.ofRun(runId, kind, afterId, limit)
        const all = open().events.list(afterId, limit)
        return kind === null ? all : all.filter((event) => event.kind === kind)
      },
    },
    health: { rules: () => [...healthRules], list: ({ runId }) => open().events.ofRun(runId, 'health', 0, MOST_EVENTS).flatMap(finding) },
    settings: {
      all: () => open().settings.all(),
      get: ({ key }) => open().settings.get(key),
      set({ key, value }) {
        open().settings.set(key, value)
        return null
      },
    },
  }
}
