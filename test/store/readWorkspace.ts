// A process that opens the workspace of its first argument and says, as JSON, what it can see and do there.

import { openStore } from '../../src-main/store/openStore.ts'

const store = openStore(process.argv[2]!)
let write: unknown = 'worked'
try {
  store.settings.set('a', 1)
} catch (error) {
  write = (error as { code?: unknown }).code
}
console.log(
  JSON.stringify({
    access: store.access,
    runs: store.runs.list().length,
    found: store.rollouts.search({ text: 'wait' }, 0, 10).length,
    write,
  }),
)
store.close()
