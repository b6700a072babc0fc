// Trains a run of a workspace and tells its parent of every step, so that it can be killed at a chosen one.
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'

const [folder, runId] = process.argv.slice(2)
const context = openContext({ folder: folder!, create: false, program: 'test child' })
await trainRun(context, Number(runId), {
  onEvent: (event) => {
    if (event.kind === 'step') process.send!({ step: event.step.step })
  },
})
context.close()
process.disconnect()
