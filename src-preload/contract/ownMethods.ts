// What a command may ask beyond the methods of a page, of a laboratory in its own process: a table of the same form that no channel knows.
// These write where the person at the terminal says, or end with the command; whoever sends a message, from a window or a browser, is told that
// there is no such method.

import { z } from 'zod'
import { exportRequest } from './exports.ts'
import { method } from './shared.ts'
import type { AnswersOf, Client, ClientOf, LabNoun } from './methods.ts'
import { count, name } from './values.ts'

/** Absolute path on the machine of the laboratory. */
const path = name

export const ownMethods = {
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
}

export type OwnAnswers = AnswersOf<typeof ownMethods>
/** What a command holds: everything that a page may ask of the laboratory, and what only a command may. */
export type OwnClient = Pick<Client, LabNoun> & ClientOf<typeof ownMethods>
