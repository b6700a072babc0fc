// Works on a study of a workspace and tells its parent of every step, so that it can be killed at a chosen one.
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { openStudy } from '../../src-main/lab/study/grid.ts'
import { runStudy } from '../../src-main/lab/study/run.ts'
import type { StudyRequest } from '../../src-main/lab/study/grid.ts'

const [folder, request] = process.argv.slice(2)
const context = openContext({ folder: folder!, create: true, program: 'test child' })
const study = openStudy(context, 'headline', JSON.parse(request!) as StudyRequest, {})
await runStudy(context, study, {
  environment: {},
  onEvent: (event) => {
    if (event.kind === 'step') process.send!({ runId: event.step.runId, step: event.step.step })
  },
})
context.close()
process.disconnect()
