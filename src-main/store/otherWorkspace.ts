// Another workspace, only ever read: what is in it, and a private copy of its database in the newest schema, which a merge reads from.
// Nothing in its folder is written, not even the small files that readers of a live database share.

import { existsSync, mkdtempSync, realpathSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { LabError, type OtherWorkspace } from '../../src-preload/contract.ts'
import { connect, type Connection } from './database.ts'
import { explain } from './errors.ts'
import { checkSchema, findMigrations, migrate } from './schema.ts'

const DATABASE = 'workspace.db'
const PAGES_AT_ONCE = 1000

/** While nobody has it open it is read as it lies; beside a live writer, as any reader does. */
function connectTo(folder: string, migrations: string): { readonly db: Connection; readonly schema: number } {
  const file = join(folder, DATABASE)
  if (!existsSync(file))
    throw new LabError('workspace.missing', {
      expected: `a workspace (${DATABASE}) in ${folder}`,
      found: 'none',
      next: 'Choose the folder that holds workspace.db.',
    })
  const live = existsSync(`${file}-wal`)
  const db = connect(live ? file : `${pathToFileURL(file).href}?immutable=1`, { readonly: true })
  try {
    return { db, schema: checkSchema(db, findMigrations(migrations), file) }
  } catch (error) {
    db.close()
    throw explain(error, file)
  }
}

/** What a workspace holds, in terms that every schema has. `own` is the folder of the open one, `here` says which runs it knows. */
export function inspectOther(given: string, migrations: string, own: string, here: (uid: string) => number | null): OtherWorkspace {
  const folder = resolve(given)
  const { db, schema } = connectTo(folder, migrations)
  try {
    const uid = db.prepare<unknown[], string>('SELECT uid FROM workspace').pluck().get()!
    const runs = db
      .prepare<unknown[], Omit<OtherWorkspace['runs'][number], 'here'>>(
        `
      SELECT uid, name, method, algorithm, seed, group_key AS groupKey, status, planned_steps AS plannedSteps, rollout_count AS rollouts, created_at_ms AS createdAtMs,
             (SELECT count(*) FROM steps WHERE run_id = r.id) AS steps,
             (SELECT count(*) FROM evaluations WHERE run_id = r.id) AS evaluations,
             (SELECT count(*) FROM checkpoints WHERE run_id = r.id) AS checkpoints
      FROM runs r ORDER BY id`,
      )
      .all()
    return {
      folder,
      uid,
      schema,
      databaseBytes: statSync(join(folder, DATABASE)).size,
      same: realpathSync(folder) === realpathSync(own),
      runs: runs.map((run) => ({ ...run, here: here(run.uid) })),
    }
  } finally {
    db.close()
  }
}

export interface PrivateCopy {
  readonly folder: string
  /** The database file, in the newest schema. */
  readonly file: string
  /** Removes it. */
  drop(): void
}

/** A consistent copy of another workspace's database in a new folder inside `beside`, brought to the newest schema. */
export async function copyOther(given: string, beside: string, migrations: string, nowMs: number): Promise<PrivateCopy> {
  const folder = resolve(given)
  const { db, schema } = connectTo(folder, migrations)
  const own = mkdtempSync(join(beside, '.merging-'))
  const drop = (): void => rmSync(own, { recursive: true, force: true })
  const file = join(own, DATABASE)
  try {
    await db.backup(file, { progress: () => PAGES_AT_ONCE })
    const copy = connect(file, {})
    try {
      copy.pragma('journal_mode = DELETE')
      const complaint = (copy.pragma('quick_check(1)') as { quick_check: string }[])[0]!.quick_check
      if (complaint !== 'ok')
        throw new LabError('workspace.corrupt', {
          expected: `an intact database in ${folder}`,
          found: `a damaged one (${complaint.split('\n')[0]})`,
          next: 'Nothing was changed. Restore the newest file of its backups folder first.',
        })
      migrate(copy, own, schema, findMigrations(migrations), nowMs)
    } finally {
      copy.close()
    }
    return { folder, file, drop }
  } catch (error) {
    drop()
    // What has no room is the copy; whatever else is wrong is wrong with what was copied.
    throw explain(error, (error as { readonly code?: unknown }).code === 'SQLITE_FULL' ? file : join(folder, DATABASE))
  } finally {
    db.close()
  }
}
