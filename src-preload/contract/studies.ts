// Studies: grids of arms and seeds with one question, worked through one cell after another, and their report.

import { z } from 'zod'
import { job, method, none, nothing } from './shared.ts'
import { count, id, json, name, timeMs, type Of } from './values.ts'

export const studyArm = z.object({ key: name, title: z.string(), role: z.enum(['method', 'control']) })
export const studyPreset = z.object({
  name,
  title: z.string(),
  /** The question it answers, in one sentence. */
  about: z.string(),
  arms: z.array(studyArm),
  /** Key of the arm that others are read against, and of the one that the first paragraph of the report is about. */
  baseline: name,
  subject: name,
})
export type StudyPreset = Of<typeof studyPreset>

const learningRate = z.union([z.enum(['sweep', 'fixed']), z.number().positive().max(1)])
const size = {
  /** Steps of each run. */
  steps: z.int().min(1).max(100_000),
  /** Problems of each evaluation on a held-out set, and rollouts of each. */
  problems: z.int().min(8).max(100_000),
  samples: z.int().min(2).max(1_000),
  /** Validation problems on which learning rates are chosen and levelling off is seen. */
  validation: z.int().min(4).max(100_000),
  /** `sweep`: the best of the same few for each arm; `fixed`: each arm's own; or one number for all. */
  learningRate,
}
export const studyRequest = z.object({
  name,
  /** Keys; null for all arms of the preset. */
  arms: z.array(name).min(1).nullable(),
  seeds: z.int().min(1).max(64),
  ...size,
  /** What every run starts from, as a run's specification names it; null for the usual one. */
  start: name.nullable(),
})
export type StudyRequest = Of<typeof studyRequest>

export const studyPlan = z.object({
  /** Cells that were asked for, sweeps of learning rates included, and those of them that are not finished. */
  cells: count,
  open: count,
  leftMs: z.number(),
  /** The time is an assumption: no cell has been finished here yet. */
  assumed: z.boolean(),
  power: z.object({
    problems: count,
    clusters: count,
    seeds: count,
    /** The smallest difference in accuracy, as a share, that is seen four times out of five. */
    smallest: z.number(),
    /** Problems for which 3 points would be seen, were it not for the seeds. */
    neededFor3Points: z.number(),
  }),
  /** What the power rests on. */
  because: z.string(),
})
export type StudyPlan = Of<typeof studyPlan>

export const studyCell = z.object({
  id,
  arm: name,
  title: z.string(),
  seed: count,
  /** The learning rate that is tried, of a cell of the sweep. */
  rate: z.number().nullable(),
  status: z.enum(['waiting', 'running', 'finished', 'failed']),
  /** Null before it was begun and after its run was deleted. */
  runId: id.nullable(),
  step: count,
  steps: count,
  /** Time worked on it. */
  wallMs: z.number(),
  error: z.string().nullable(),
})
export type StudyCell = Of<typeof studyCell>
export const study = z.object({
  id,
  uid: name,
  name,
  title: z.string(),
  about: z.string().nullable(),
  steps: count,
  problems: count,
  samples: count,
  validation: count,
  learningRate,
  createdAtMs: timeMs,
  cells: z.array(studyCell),
  /** From the time that finished cells took; null before the first one. */
  leftMs: z.number().nullable(),
  job: job.nullable(),
})
export type Study = Of<typeof study>

/** A study as its records have it. */
export const studyStatus = z.object({
  id,
  uid: name,
  name,
  /** What all of its cells share. */
  conditions: json,
  steps: count,
  problems: count,
  learningRate,
  /** From the time that finished cells took; null before the first one. */
  remainingMs: z.number().nullable(),
  cells: z.array(
    z.object({
      /** Key of the arm, and in a sweep the rate that is tried. */
      arm: name,
      title: z.string(),
      /** Whether it is one of a sweep of learning rates. */
      sweep: z.boolean(),
      seed: count,
      status: z.enum(['waiting', 'running', 'finished', 'failed']),
      /** Null before it was begun and after its run was deleted. */
      run: id.nullable(),
      /** Done. */
      steps: count,
      wallMs: z.number(),
    }),
  ),
})
export type StudyStatus = Of<typeof studyStatus>

const ofStudy = z.object({ studyId: id })

export const studiesMethods = {
  studies: {
    /** What can be asked, and the usual size of it. */
    presets: method(none, z.object({ presets: z.array(studyPreset), defaults: z.object({ seeds: count, ...size }) })),
    list: method(none, z.array(study)),
    /** What is known before the start, without making anything. Throws `study.*`. */
    plan: method(studyRequest, studyPlan),
    /** Makes the study, or adds the cells that the one of the same conditions lacks, and queues the cells asked for. Throws `study.*`. */
    start: method(studyRequest, study),
    /** Goes on with the cells that are not finished. */
    goOn: method(ofStudy, study),
    /** Pauses between two steps, or after the evaluation at work. */
    pause: method(ofStudy, nothing),
    /** Takes it out of the list; its runs stay. Refused while it is at work. */
    remove: method(ofStudy, nothing),
    /** The report of what is finished, as Markdown; null before the first cell is. */
    report: method(ofStudy, z.object({ text: z.string() }).nullable()),
  },
}
