// Nothing recorded is lost or torn when the process is killed, at whatever moment.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import { expect, it } from 'vitest'
import { openStore } from '../../src-main/store/openStore.ts'
import { addDataset, newStore, problemNamed } from './records.ts'

const KILLS = 8

/** Rows that are not parts of a whole step; every count must be 0. */
const TORN = {
  'steps without all six rollouts':
    'SELECT count(*) FROM steps s WHERE 6 <> (SELECT count(*) FROM rollouts r WHERE r.run_id = s.run_id AND r.step = s.step)',
  'steps without their event': `SELECT count(*) FROM steps s WHERE 1 <> (SELECT count(*) FROM events e WHERE e.run_id = s.run_id AND e.step = s.step AND e.code = 'test.step')`,
  'rollouts without their step':
    'SELECT count(*) FROM rollouts r WHERE NOT EXISTS (SELECT 1 FROM steps s WHERE s.run_id = r.run_id AND s.step = r.step)',
  'rollouts without a body': 'SELECT count(*) FROM rollouts r WHERE NOT EXISTS (SELECT 1 FROM rollout_bodies b WHERE b.rollout_id = r.id)',
  'rollouts without both episodes':
    'SELECT count(*) FROM rollouts r WHERE 2 <> (SELECT count(*) FROM episodes e WHERE e.rollout_id = r.id)',
  'rollouts without all three estimates':
    'SELECT count(*) FROM rollouts r WHERE 3 <> (SELECT count(*) FROM progress_estimates e WHERE e.rollout_id = r.id)',
  'texts not in the index': `SELECT (SELECT count(*) FROM rollouts) - (SELECT count(*) FROM rollout_text WHERE rollout_text MATCH 'sample')`,
  'gaps in the steps of a run': 'SELECT count(*) FROM (SELECT run_id FROM steps GROUP BY run_id HAVING count(*) <> max(step) + 1)',
  'runs whose count is wrong': 'SELECT count(*) FROM runs WHERE rollout_count <> (SELECT count(*) FROM rollouts WHERE run_id = runs.id)',
  'runs whose time is wrong': 'SELECT count(*) FROM runs WHERE active_ms <> 100 * (SELECT count(*) FROM steps WHERE run_id = runs.id)',
  'finished evaluations without their curve': `SELECT count(*) FROM evaluations v WHERE status = 'finished' AND NOT EXISTS (SELECT 1 FROM evaluation_points p WHERE p.evaluation_id = v.id)`,
} as const

it('a process killed while it records leaves whole steps only, and the next one goes on', async () => {
  const made = newStore()
  made.datasets.addProblems(addDataset(made), [problemNamed('p0')])
  made.close()
  let steps = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const child = spawn(process.execPath, [resolve(import.meta.dirname, 'recordSteps.ts'), made.folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    // The moment is drawn fresh each time: the more often this runs, the more moments it has tried.
    setTimeout(() => child.kill('SIGKILL'), Math.random() * 150)
    await once(child, 'exit')

    const store = openStore(made.folder, { now: () => 5 })
    expect(store.recovery).toMatchObject({ previousOwner: { pid: child.pid }, interruptedRuns: [{ runId: kill + 1 }] })
    expect(store.runs.list().map((item) => item.run.status)).toEqual(new Array(kill + 1).fill('interrupted'))
    store.close()

    const db = new Database(join(made.folder, 'workspace.db'), { readonly: true })
    const torn = Object.fromEntries(Object.entries(TORN).map(([name, sql]) => [name, db.prepare(sql).pluck().get()]))
    expect(torn).toEqual(Object.fromEntries(Object.keys(TORN).map((name) => [name, 0])))
    expect([db.pragma('integrity_check', { simple: true }), db.pragma('foreign_key_check')]).toEqual(['ok', []])
    steps = db.prepare('SELECT count(*) FROM steps').pluck().get() as number
    db.close()
  }
  expect(steps).toBeGreaterThanOrEqual(KILLS)
})
