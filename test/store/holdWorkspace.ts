// A process that opens the workspace of its first argument, starts a run, says so, and stays until it is killed.

import { openStore } from '../../src-main/store/openStore.ts'
import { newRun } from './runRecord.ts'

const store = openStore(process.argv[2]!)
const run = store.runs.add(newRun())
store.runs.setStatus(run.id, 'running', 100)
console.log('running')
setInterval(() => {}, 1000)
