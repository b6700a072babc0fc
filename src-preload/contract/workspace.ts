// Workspaces: which is open, which were, what is in others.

import { z } from 'zod'
import { merged, otherWorkspace, salvaged } from './merging.ts'
import { workspace } from './records.ts'
import { method, none, nothing } from './shared.ts'
import { name, timeMs, type Of } from './values.ts'

export const recentWorkspace = z.object({ folder: z.string(), openedAtMs: timeMs, exists: z.boolean() })
export type RecentWorkspace = Of<typeof recentWorkspace>

export const workspaceMethods = {
  workspace: {
    open: method(z.object({ folder: name, create: z.boolean().default(false), readOnly: z.boolean().default(false) }), workspace),
    /** Opens the three finished runs that come with the program, in a copy of your own. */
    openSample: method(none, workspace),
    /** Null when none is open. */
    info: method(none, workspace.nullable()),
    recents: method(none, z.array(recentWorkspace)),
    forget: method(z.object({ folder: name }), z.array(recentWorkspace)),
    /** Refused with `workspace.busyJobs` while a job runs. */
    close: method(none, nothing),
  },
  workspaces: {
    /** What another workspace holds, read without touching it. */
    inspect: method(z.object({ folder: name }), otherWorkspace),
    /** Takes over its runs (all, or those of these universal ids), as a job. Refused while another job works. */
    merge: method(z.object({ folder: name, uids: z.array(name).nullable().default(null) }), merged),
    /** Takes what can be read of a damaged workspace into a new one at `into`, as a job; the damaged folder is only read. */
    salvage: method(z.object({ folder: name, into: name }), salvaged),
  },
}
