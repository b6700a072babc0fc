// Shows by system calls that what gets its name is on the disk: `node test/kills/durable.ts` (Linux, with strace) saves a checkpoint, writes an
// export, copies a database, brings an old schema up to date and merges, and holds every rename in a workspace to this order: the file was
// synced before, and the folder that got the new name afterwards. Prints each rename; fails where a call is missing.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'

import { exportTo } from '../../src-main/lab/files/exportFile.ts'
import { saveCheckpoint } from '../../src-main/model/checkpoint.ts'
import { initialWeights, parameterSpecs } from '../../src-main/model/config.ts'
import { connect } from '../../src-main/store/database.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { findMigrations, MIGRATIONS } from '../../src-main/store/schema.ts'
import { MICRO_CONFIG } from '../lab/micro.ts'

const sample = resolve(import.meta.dirname, '../../resources/sample')

async function work(root: string): Promise<void> {
  const old = join(root, 'old')
  mkdirSync(old)
  const db = connect(join(old, 'workspace.db'), {})
  db.exec(readFileSync(findMigrations(MIGRATIONS)[0]!.path, 'utf8'))
  db.exec(`PRAGMA application_id = ${0x4d525457}; PRAGMA user_version = 1; INSERT INTO workspace VALUES (1, 'old', 1)`)
  db.close()
  const store = openStore(old)
  const weights = initialWeights(MICRO_CONFIG, 3)
  await saveCheckpoint(store.checkpointsFolder, {
    config: MICRO_CONFIG,
    tensors: new Map(parameterSpecs(MICRO_CONFIG).map(({ name, dims }) => [name, { dims, data: weights.get(name)! }])),
    meta: { step: 1 },
  })
  cpSync(sample, join(root, 'sample'), { recursive: true })
  await store.others.merge(join(root, 'sample'), { uids: null, now: Date.now })
  const [first] = store.runs.list()
  await exportTo(
    { store, version: 'durable', now: Date.now },
    { kind: 'rollouts', filter: { runId: first!.run.id }, as: 'canonical', format: 'jsonl' } as never,
    join(old, 'exports', 'rollouts.jsonl'),
  )
  await store.backUpTo(join(root, 'copy.db'))
  store.close()
}

interface Call {
  readonly name: string
  readonly paths: readonly string[]
}

/** Calls of a trace in order, descriptors as the paths that they stand for (strace -y). */
const callsOf = (trace: string): Call[] =>
  trace.split('\n').flatMap((line) => {
    const match = /^\d+\s+(?:<\.\.\. )?(fsync|fdatasync|rename|renameat|renameat2)(?:\(| resumed)(.*)/.exec(line)
    if (match === null || / = -1 /.test(line)) return []
    return [{ name: match[1]!, paths: [...match[2]!.matchAll(/<([^<>]+)>|"([^"]+)"/g)].map(([, byHandle, byName]) => byHandle ?? byName!) }]
  })

/** What a workspace keeps of its own accord and may lose at a power cut without loss: the note of who holds it. */
const NOTES = /workspace\.owner\.json$/

function main(): number {
  const root = mkdtempSync(join(tmpdir(), 'mrt-durable-'))
  try {
    const trace = join(root, 'trace')
    const args = ['-f', '-y', '-s', '400', '-e', 'trace=fsync,fdatasync,rename,renameat,renameat2', '-o', trace]
    const { status, error } = spawnSync('strace', [...args, process.execPath, import.meta.filename, root], { stdio: 'inherit' })
    if (status !== 0) {
      console.error(`error: the traced work ended with ${status ?? error?.message}\nnext:  install strace; this runs on Linux only`)
      return 1
    }
    const calls = callsOf(readFileSync(trace, 'utf8'))
    let missing = 0
    let renames = 0
    for (const [at, { name, paths }] of calls.entries()) {
      const [from, to] = paths.filter((path) => path.startsWith(`${root}/`))
      if (!name.startsWith('rename') || from === undefined || to === undefined || NOTES.test(to)) continue
      renames++
      const syncs = (path: string, calls: readonly Call[]): boolean =>
        calls.some((call) => /sync/.test(call.name) && call.paths.some((each) => each === path || each.startsWith(`${path}/`)))
      const [before, after] = [
        syncs(from, calls.slice(0, at)),
        calls.slice(at).some((call) => /sync/.test(call.name) && call.paths[0] === dirname(to)),
      ]
      missing += Number(!before) + Number(!after)
      console.log(
        `${basename(from)} -> ${to.slice(root.length + 1)}: content ${before ? 'synced before' : 'NOT synced'}, folder ${after ? 'synced after' : 'NOT synced'}`,
      )
    }
    const ofDatabase = calls.filter(
      ({ name, paths }) => /sync/.test(name) && paths.some((path) => /workspace\.db(-wal)?$/.test(path)),
    ).length
    console.log(`${renames} renames, ${missing} calls missing; the database and its log were synced ${ofDatabase} times.`)
    return missing === 0 && renames > 4 && ofDatabase > 0 ? 0 : 1
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

if (process.argv[2] === undefined) process.exitCode = main()
else await work(process.argv[2])
