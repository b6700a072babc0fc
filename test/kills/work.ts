// What is killed: one piece of work on a workspace, named by the first argument, from its beginning to its end. Says `begun` when it begins.
import { importInto } from '../../src-main/lab/files/importInto.ts'
import { exportTo } from '../../src-main/lab/files/exportFile.ts'
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { openStudy, type StudyRequest } from '../../src-main/lab/study/grid.ts'
import { runStudy } from '../../src-main/lab/study/run.ts'
import { openStore } from '../../src-main/store/openStore.ts'

const [work, folder, given] = process.argv.slice(2) as [string, string, string]
const begun = (): void => void process.stdout.write('begun\n')

if (work === 'study') {
  const context = openContext({ folder, create: true, program: 'killed' })
  const study = openStudy(context, 'headline', JSON.parse(given) as StudyRequest, {})
  begun()
  await runStudy(context, study, { environment: {} })
  context.close()
} else if (work === 'migration') {
  begun()
  openStore(folder).close()
} else {
  const store = openStore(folder, { create: true })
  begun()
  if (work === 'import') await importInto(store, [given], { keepDuplicates: true }, Date.now)
  else if (work === 'merge') await store.others.merge(given, { uids: null, now: Date.now })
  else if (work === 'export')
    await exportTo(
      { store, version: 'killed', now: Date.now },
      { kind: 'rollouts', filter: { runId: 1 }, as: 'canonical', format: 'jsonl' } as never,
      given,
    )
  else throw new Error(`no work called ${work}`)
  store.close()
}
