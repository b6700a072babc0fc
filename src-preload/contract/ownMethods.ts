// What a command may ask beyond the methods of a page, of a laboratory in its own process: a table of the same form that no channel knows.
// These write where the person at the terminal says, or end with the command; whoever sends a message, from a window or a browser, is told that
// there is no such method.

import { z } from 'zod'
import { exportRequest } from './exports.ts'
import { follow, followLook } from './follows.ts'
import { identities, importMap, importReport } from './imports.ts'
import { model } from './records.ts'
import { method, nothing } from './shared.ts'
import type { AnswersOf, Client, ClientOf, LabNoun } from './methods.ts'
import { studyPlan, studyStatus } from './studies.ts'
import { tried } from './trying.ts'
import { count, float32s, id, int32s, name } from './values.ts'

/** On this machine; where it is not whole, from the folder in which the command was given. */
const path = name

export const ownMethods = {
  tasks: {
    /**
     * Lets the weights that runs start from under this name try levels of tasks, one after the other, as a job; each is told as an event too, once it is
     * done. Cancelling the call cancels it. Throws `run.task`, `run.format`, `run.vocabulary`, `start.unknown`.
     */
    try: method(
      z.object({
        start: name,
        levels: z.array(z.object({ name, level: name })),
        /** Of each level. */
        problems: z.int().positive(),
        /** Solved problems shown before each. */
        examples: count,
        thinkingTokens: z.int().positive(),
        answerTokens: z.int().positive(),
        temperature: z.number().positive(),
        seed: count,
      }),
      z.array(tried),
    ),
  },
  playground: {
    /**
     * A text of an imported model, as a job, told while it is written as a rollout of the playground is; cancelling the job ends it with what was written
     * until then. Throws `model.*`, `generate.tooLong`.
     */
    write: method(
      z.object({
        /** Chosen by whoever asks: the events that tell the text carry it. */
        key: name,
        modelId: id,
        prompt: z.string(),
        /** A message of the system before the prompt; null for none. */
        system: z.string().nullable(),
        /** Whether the model goes on with the prompt as it stands, without its template. */
        raw: z.boolean(),
        maxTokens: z.int().positive(),
        /** 0 takes the likeliest token each time. */
        temperature: z.number().nonnegative(),
        seed: count,
      }),
      z.object({
        model: name,
        text: z.string(),
        promptTokens: count,
        tokens: int32s,
        /** Natural logs, at temperature 1. */
        logps: float32s,
        finish: z.enum(['stop', 'length', 'cancelled']),
        /** From the first request to the last token, opening not counted. */
        ms: z.number(),
      }),
    ),
  },
  exports: {
    /** Writes a file to a place of choice, as a job; cancelling the call cancels it. Throws what `exports.write` throws. */
    save: method(
      z.object({
        asked: exportRequest,
        path,
        /** Whether `path` is a folder that gets the file, under the name that says what it holds. */
        inside: z.boolean(),
        /** Rollouts as a folder with a file per step, named as that trainer names them. */
        perStep: z.boolean().default(false),
      }),
      z.object({
        file: z.string(),
        /** Null for a folder. */
        bytes: count.nullable(),
        rows: count.nullable(),
      }),
    ),
  },
  imports: {
    /** Whether a file or folder is a model, by what is in it. Throws `file.missing`, `file.unreadable`. */
    isModel: method(z.object({ path }), z.boolean()),
    /** Brings in datasets or rollouts, as a job; cancelling the call cancels it. Throws `file.*`, `import.*`, `grader.*`; bad rows are in the report. */
    bring: method(
      z.object({
        paths: z.array(path).min(1),
        /** As for `imports.start`, and null where it is to be guessed. */
        as: z.string().nullable(),
        map: importMap,
        identity: z.enum(identities),
        table: z.string().nullable(),
        name: z.string().nullable(),
        grader: z.string().nullable(),
        keepDuplicates: z.boolean(),
        /** Whether an import that brings nothing is one; refused with `import.nothing` otherwise. */
        allowEmpty: z.boolean(),
      }),
      z.object({
        report: importReport,
        /** Where the rows that were turned away are kept, if any were. */
        rejectedFile: z.string(),
        /** Null where nothing came. */
        datasetId: id.nullable(),
        /** Null for datasets. */
        runId: id.nullable(),
      }),
    ),
  },
  follows: {
    /** How a folder stands, with all of its files in the order in which they were met, and where the rows that were turned away are kept. */
    get: method(z.object({ followId: id }), follow.extend({ rejectedFile: z.string() })),
    /** One look, as a job; cancelling the job ends it with what was read until then. Throws `follow.unknown`, and what the store throws. */
    look: method(z.object({ followId: id }), followLook),
    /** Takes back that a folder was ever followed: its run and dataset go too. */
    takeBack: method(z.object({ followId: id }), nothing),
  },
  runs: {
    /** Writes a run of a model of text into a new folder for other trainers. Throws `run.unknown`, `handOver.*`. */
    handOver: method(z.object({ runId: id, folder: path }), z.object({ folder: z.string(), files: z.array(name), problems: count })),
  },
  models: {
    /**
     * Brings in a GGUF file, a Hugging Face folder or a checkpoint; where `base` names a model that is here, adapters on it that PEFT saved.
     * Throws `model.*`, `adapters.*`, and what reading the files throws.
     */
    import: method(z.object({ path, name: name.nullable(), base: id.nullable() }), model),
    /** Writes the weights that runs start from under this name as a new folder of the Hugging Face libraries, or their adapters alone. Throws `export.*`, `start.unknown`, `adapters.base`, `model.export`. */
    export: method(
      z.object({ name, folder: path, adapters: z.boolean() }),
      z.object({
        folder: z.string(),
        files: z.array(name),
        /** Numbers written. */
        parameters: count,
        /** Name of the model that adapters belong to. */
        base: name,
      }),
    ),
  },
  workspaces: {
    /** Writes a workspace of some runs to a folder, in place of what is there: a part of their rollouts, and the last weights of each in half precision. */
    sample: method(
      z.object({
        folder: path,
        runIds: z.array(id),
        /** Every so many steps keep their rollouts; the first and the last always do. */
        everySteps: z.int().positive(),
        /** Groups kept of each such step, and problems kept of each evaluation. */
        groups: z.int().positive(),
        evaluationProblems: z.int().positive(),
      }),
      nothing,
    ),
  },
  studies: {
    /** Every study of that name, or every one, oldest first, with its cells as they are on record. */
    status: method(z.object({ name: z.string().nullable() }), z.array(studyStatus)),
    /**
     * Makes the study, or adds the cells that the one of the same conditions lacks, and says what is known of those asked for. `beside`: a record of it that
     * was made elsewhere; what it holds is not worked on. Throws `study.*`.
     */
    open: method(
      z.object({
        name,
        arms: z.array(z.string()).nullable(),
        seeds: count,
        steps: count,
        problems: count,
        samples: count,
        validation: count,
        learningRate: z.union([z.enum(['sweep', 'fixed']), z.number().positive()]),
        start: z.string().nullable(),
        beside: path.nullable(),
      }),
      z.object({ studyId: id, title: z.string(), plan: studyPlan }),
    ),
    /** Works on these cells, as a job, and tells of each; whether they are all finished. Cancelling the call cancels it. Throws `study.record`, `workspace.*`, `start.*`. */
    work: method(
      z.object({
        studyId: id,
        arms: z.array(z.string()).nullable(),
        seeds: count,
        beside: path.nullable(),
        /** When it pauses, between two steps; null: never. */
        untilMs: z.number().nullable(),
      }),
      z.boolean(),
    ),
    /** Writes the record of what is finished and the report that is made of it; gives the report, and whether every cell is finished. Throws `study.*`. */
    write: method(
      z.object({ studyId: id, beside: path.nullable(), report: path, record: path }),
      z.object({ text: z.string(), finished: z.boolean() }),
    ),
  },
}

export type OwnAnswers = AnswersOf<typeof ownMethods>
/** What a command holds: everything that a page may ask of the laboratory, and what only a command may. */
export type OwnClient = Pick<Client, LabNoun> & ClientOf<typeof ownMethods>
