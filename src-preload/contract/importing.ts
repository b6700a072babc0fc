// Files that come in, once or as they grow.

import { z } from 'zod'
import { exported } from './exports.ts'
import { follow, followStart } from './follows.ts'
import { importChoices, importOffer, importRequest, importResult, importStart, rejectedRow } from './imports.ts'
import { job, method, none, nothing } from './shared.ts'
import { count, id, name } from './values.ts'

export const importingMethods = {
  imports: {
    /** What can be chosen: graders, sources of rollouts, roles of columns. */
    choices: method(none, importChoices),
    /** What each path is and what its first rows would become. Keeps nothing. */
    inspect: method(importRequest, z.array(importOffer)),
    /** As a job; `result` waits for what came of it. Copies that a browser sent are removed when it ends. */
    start: method(importStart, job),
    /** Rejects with what stopped the job; `import.unknown` for one that ended long ago. */
    result: method(z.object({ jobId: name }), importResult),
    /** Rows kept aside, in order. */
    rejected: method(
      z.object({ importId: name, offset: count.default(0), limit: z.int().min(1).max(1000).default(200) }),
      z.object({ rows: z.array(rejectedRow), total: count }),
    ),
    /** Rows kept aside, as JSON lines in the workspace's `exports` folder: to mend and import again. */
    exportRejected: method(z.object({ importId: name }), exported),
    /** Removes copies that a browser sent and nobody will import. */
    discard: method(z.object({ paths: z.array(name) }), nothing),
  },
  follows: {
    /** Every folder that is or was followed, oldest first. */
    list: method(none, z.array(follow)),
    /** From now on, also after the program was started anew; one that is known is taken up again. Refused with `file.missing` where there is nothing, `import.relative`. */
    start: method(followStart, follow),
    /** Nobody looks at it until it is resumed; what was read is remembered. */
    stop: method(z.object({ followId: id }), follow),
    resume: method(z.object({ followId: id }), follow),
    /** The run and its rollouts stay; following the folder again would read it into a new run. */
    forget: method(z.object({ followId: id }), nothing),
  },
}
