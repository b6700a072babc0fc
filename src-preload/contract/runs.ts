// Runs, their steps and checkpoints.

import { z } from 'zod'
import { metricSeries, runListItem } from './questions.ts'
import { checkpoint, run, step } from './records.ts'
import { runSpec } from './runSpec.ts'
import { job, method, none, nothing, ofRun } from './shared.ts'
import { count, id, json, name, type Of } from './values.ts'

/** A field of a run's specification outside the algorithm, for the form: `path` is dotted, e.g. `budget.thinkingTokens`. */
export const specField = z.object({
  path: name,
  kind: z.enum(['number', 'text', 'choice', 'list']),
  /** Null where there is none. */
  default: json,
  choices: z.array(json),
  min: z.number().nullable(),
  max: z.number().nullable(),
  integer: z.boolean(),
  about: z.string(),
})
export type SpecField = Of<typeof specField>
/** Workers of a Ray cluster that draw and measure for a run. Opens a connection outside of this process, to the address alone. */
export const rayCluster = z.object({
  /** Host and port of its head, such as 127.0.0.1:6379; another machine than this one where `leavesMachine` says so, else refused with `ray.away`. */
  address: z.string(),
  leavesMachine: z.boolean().default(false),
  /** Workers that are asked for; each is given as many processors as the engine here has threads. */
  workers: z.int().positive().max(4096).default(2),
  /** A Python that has the package ray. */
  python: name.default('python3'),
  /** Seconds that a worker may always take to answer before it is taken for lost; a large share may take longer, by what shares took before. */
  patience: z.int().positive().max(86_400).default(300),
})
export type RayCluster = Of<typeof rayCluster>
export const runDetail = z.object({
  item: runListItem,
  metricNames: z.array(name),
  /** Where resuming would go on; null when it would start over or cannot be resumed. */
  resumableStep: z.int().nullable(),
  job: job.nullable(),
  evaluationCount: count,
})
export type RunDetail = Of<typeof runDetail>
export const runEstimate = z.object({
  timeMs: z.object({ low: z.number(), high: z.number() }),
  memoryBytes: z.number(),
  diskBytes: z.number(),
  /** Tokens sampled, and tokens forwarded only to estimate progress. */
  tokens: z.number(),
  estimateTokens: z.number(),
  checkpoints: count,
  /** `measured`: from steps of runs like it on this machine; `timed`: from its speed, timed just now; `modelled`: from operation counts and an assumed speed. */
  basis: z.enum(['measured', 'timed', 'modelled']),
  because: z.string(),
})
export type RunEstimate = Of<typeof runEstimate>
/** What removing a run takes along. */
export const footprint = z.object({
  steps: count,
  rollouts: count,
  evaluations: count,
  checkpoints: count,
  events: count,
  checkpointBytes: count,
})
export type Footprint = Of<typeof footprint>
/** One key of the flattened configuration: `sampling.temperature`; dots inside a key are written `\.`. */
export const diffRow = z.object({
  section: z.enum(['config', 'run', 'environment']),
  key: name,
  /** In the order of the runs asked for; `absent` is not the same as null. */
  cells: z.array(
    z.discriminatedUnion('kind', [z.object({ kind: z.literal('value'), value: json }), z.object({ kind: z.literal('absent') })]),
  ),
  differs: z.boolean(),
})
export type DiffRow = Of<typeof diffRow>

/** Whether the run is evaluated in the same job once it is trained to its end. */
const evaluated = z.boolean().default(true)

export const runsMethods = {
  runs: {
    list: method(none, z.array(runListItem)),
    get: method(ofRun, runDetail),
    /** Checks the whole specification, then queues. Throws `runSpec.*` naming the field. */
    start: method(z.object({ spec: runSpec, ray: rayCluster.optional(), evaluated }), run),
    /** Arms of a comparison: all queued or none. */
    startAll: method(z.object({ specs: z.array(runSpec).min(1).max(200), ray: rayCluster.optional(), evaluated }), z.array(run)),
    /** Waits for the newest job that works on a run; rejects with what stopped it, or `job.unknown`. */
    done: method(ofRun, nothing),
    /** Fields of a specification outside the algorithm, for the form. */
    specFields: method(none, z.array(specField)),
    estimate: method(z.object({ spec: runSpec }), runEstimate),
    pause: method(ofRun, nothing),
    /** Goes on with a paused or interrupted run, from its newest resumable checkpoint where the process is gone. `here`: without the cluster it was started on. */
    resume: method(ofRun.extend({ evaluated, here: z.boolean().default(false) }), nothing),
    stopAfterStep: method(ofRun, nothing),
    cancel: method(ofRun, nothing),
    saveCheckpoint: method(ofRun, nothing),
    /** A new run from a checkpoint of another, with some fields changed. */
    branch: method(z.object({ checkpointId: id, spec: runSpec }), run),
    /** The specification of a run, to change and start again. */
    duplicate: method(ofRun, runSpec),
    rename: method(z.object({ runId: id, name, note: z.string() }), run),
    footprint: method(ofRun, footprint),
    /** To the bin: gone from every list, back with `restore`. Refused while the run has a job. */
    remove: method(ofRun, nothing),
    restore: method(ofRun, nothing),
    bin: method(none, z.array(run)),
    /** Removes what is in the bin for good, checkpoint files too. `checkpointBytes` is what that freed on disk: files that other runs share stay. */
    emptyBin: method(none, footprint),
    metricNames: method(z.object({ runIds: z.array(id) }), z.array(name)),
    series: method(
      z.object({ runId: id, metrics: z.array(name).min(1).max(64), maxPoints: z.int().min(16).max(20_000).default(2000) }),
      z.array(metricSeries),
    ),
    configDiff: method(z.object({ runIds: z.array(id).min(1) }), z.array(diffRow)),
  },
  steps: {
    list: method(z.object({ runId: id, from: count, to: count }), z.array(step)),
    get: method(z.object({ runId: id, step: count }), step.nullable()),
  },
  checkpoints: {
    list: method(ofRun, z.array(checkpoint)),
    setPinned: method(z.object({ checkpointId: id, pinned: z.boolean() }), nothing),
  },
}
