// The machine, the jobs at work, events, and what health rules say.

import { z } from 'zod'
import { rolloutFilter } from './questions.ts'
import { runEvent } from './records.ts'
import { deviceNames } from './runSpec.ts'
import { job, method, none, nothing, ofRun } from './shared.ts'
import { compacted, pruneRequest, pruned, storageReport } from './storage.ts'
import { count, id, json, name, timeMs, type Of } from './values.ts'

export const selfTestReport = z.object({
  device: name,
  ok: z.boolean(),
  checks: z.array(z.object({ name, found: z.number(), limit: z.number(), unit: z.string(), ok: z.boolean() })),
  durationMs: z.number(),
})
export type SelfTestReport = Of<typeof selfTestReport>
export const device = z.object({
  name,
  title: z.string(),
  /** Whether it can be asked to compute here; that it computes as it should is what its self-test says. */
  usable: z.boolean(),
  /** What it needs, or why it is not used. */
  reason: z.string(),
  /** Its last self-test on this machine with this version; null: none. */
  test: selfTestReport.extend({ atMs: timeMs }).nullable(),
  /** Why a run may not name it; empty where it may. */
  refused: z.string(),
})
export const systemInfo = z.object({
  version: z.string(),
  platform: z.string(),
  arch: z.string(),
  node: z.string(),
  cpu: z.object({ model: z.string(), cores: count }),
  memory: z.object({ totalBytes: count, freeBytes: count, labBytes: count }),
  /** `loaded` false: reading a workspace has not needed it yet; version and threads are then null. Devices are all that are known. */
  engine: z.object({ loaded: z.boolean(), version: z.string().nullable(), threads: count.nullable(), devices: z.array(device) }),
  /** The program opens no connection to anything but its own window. */
  network: z.literal('none'),
})
export type SystemInfo = Of<typeof systemInfo>
export const healthLevels = ['info', 'warn', 'error'] as const
export const healthRule = z.object({ code: name, level: z.enum(healthLevels), title: z.string(), when: z.string(), next: z.string() })
export type HealthRuleDescription = Of<typeof healthRule>
export const healthFinding = z.object({
  eventId: id,
  runId: id,
  step: z.int().nullable(),
  code: name,
  level: z.enum(healthLevels),
  title: z.string(),
  message: z.string(),
  next: z.string(),
  /** The rollouts that caused it: a filter for `rollouts.query`. */
  rollouts: rolloutFilter,
  atMs: timeMs,
})
export type HealthFinding = Of<typeof healthFinding>

export const systemMethods = {
  system: {
    info: method(none, systemInfo),
    selfTest: method(z.object({ device: z.enum(deviceNames).default('cpu') }).prefault({}), selfTestReport),
  },
  settings: {
    all: method(none, z.record(z.string(), json)),
    get: method(z.object({ key: name }), json),
    /** Null removes it. */
    set: method(z.object({ key: name, value: json }), nothing),
  },
  events: {
    list: method(
      z
        .object({
          runId: id.nullable().default(null),
          kind: z.enum(['log', 'health', 'lifecycle']).nullable().default(null),
          afterId: count.default(0),
          limit: z.int().min(1).max(1000).default(200),
        })
        .prefault({}),
      z.array(runEvent),
    ),
  },
  health: { rules: method(none, z.array(healthRule)), list: method(ofRun, z.array(healthFinding)) },
  jobs: {
    list: method(none, z.array(job)),
    cancel: method(z.object({ jobId: name }), nothing),
    /** Waits until it has ended and tells what it gave, such as the id of an evaluation; rejects with what stopped it, or `job.unknown`. */
    done: method(z.object({ jobId: name }), json),
  },
  storage: {
    /** What takes room, by run. */
    report: method(none, storageReport),
    /** Takes out what is asked for, or only says what would go. Refused while a job works; the database keeps its size until it is compacted. */
    prune: method(pruneRequest, pruned),
    /** Gives the room of removed records back to the disk. Refused while a job works. */
    compact: method(none, compacted),
    /** A whole copy of the workspace (database, checkpoints, backups) in an empty folder; the open one stays as it is. */
    copyTo: method(z.object({ folder: name }), z.object({ folder: name, bytes: count })),
  },
}
