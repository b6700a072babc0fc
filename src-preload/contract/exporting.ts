// Files that leave.

import { exportRequest, exportSizes, exported } from './exports.ts'
import { method, ofRun } from './shared.ts'

export const exportingMethods = {
  exports: {
    /** Writes a file into the workspace's `exports` folder, as a job of its own; cancelling the call cancels it. */
    write: method(exportRequest, exported),
    sizes: method(ofRun, exportSizes),
  },
}
