// The application around the lab: windows, state of the lab process, what the shell may be asked.

import { z } from 'zod'
import { labErrorData } from './errors.ts'
import { method, none, nothing } from './shared.ts'
import { count, id, timeMs, type Of } from './values.ts'

// ------------------------------------------------------------------------------------------------------- the program around it

export const labStates = ['starting', 'ready', 'gone'] as const
/** The lab process as the program around it sees it. `gone`: it died (reason says how); the window lives and may restart it. */
export const labStatus = z.object({
  state: z.enum(labStates),
  /** Why it is gone; or, when it is ready, why the workspace it was to open could not be opened. */
  error: labErrorData.nullable(),
  /** Starts so far, the first included. */
  starts: count,
  sinceMs: timeMs,
  /** The workspace that a restart opens again. */
  folder: z.string().nullable(),
})
export type LabStatus = Of<typeof labStatus>
/** What the commands of the menu stand for right now. `available` null: not said yet, so everything may be chosen. */
export const commandState = z.object({
  available: z.array(z.string().max(80)).max(200).nullable(),
  checked: z.array(z.string().max(80)).max(50),
})
export type CommandState = Of<typeof commandState>
export const appInfo = z.object({
  /** `file`: a report, which answers only what it carries. */
  face: z.enum(['electron', 'served', 'test', 'file']),
  version: z.string(),
  platform: z.string(),
  /** What this face can do; pages show a control only where the answer is true. */
  can: z.object({ chooseFolder: z.boolean(), reveal: z.boolean(), openExternal: z.boolean(), notify: z.boolean(), dropPaths: z.boolean() }),
})
export type AppInfo = Of<typeof appInfo>

export const appMethods = {
  app: {
    info: method(none, appInfo),
    status: method(none, labStatus),
    restartLab: method(none, labStatus),
    /** A folder the person chose in the system's dialog; null when they did not. */
    chooseFolder: method(z.object({ title: z.string() }), z.string().nullable()),
    chooseFiles: method(z.object({ title: z.string(), extensions: z.array(z.string()) }), z.array(z.string())),
    /** Shows a file or folder of the open workspace in the system's file manager. */
    reveal: method(z.object({ path: z.string() }), nothing),
    openExternal: method(z.object({ url: z.url() }), nothing),
    /** Share done in the task bar: 0..1, null clears. The title of the page tells it too, which is all that Linux shows. */
    setProgress: method(z.object({ fraction: z.number().min(0).max(1).nullable(), paused: z.boolean() }), nothing),
    /** Which commands the page can do now and which are switched on, for the menu of the window. */
    setCommands: method(commandState, nothing),
    notify: method(z.object({ title: z.string(), body: z.string(), runId: id.nullable() }), nothing),
  },
}
