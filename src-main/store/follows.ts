// Folders that are followed and what of their files was read. Whoever reads writes these in one transaction with the rows.

import type { LabErrorData } from '../../src-preload/contract.ts'
import type { Connection } from './database.ts'
import { allOrNone, mapping, readColumn, type Listing, type Row } from './mapping.ts'

/** How the rows of a followed folder are read, as an import would be asked. */
export interface FollowOptions {
  readonly as?: string | undefined
  readonly map?: { readonly [role: string]: string } | undefined
  readonly identity?: 'prompt' | 'id' | undefined
  readonly grader?: string | undefined
  /** Names the file of rejected rows. */
  readonly importId: string
}

export interface NewFollow {
  readonly runId: number
  /** Absolute path of a folder or a file. */
  readonly path: string
  readonly options: FollowOptions
  readonly active: boolean
  readonly createdAtMs: number
}
export interface FollowRecord extends NewFollow {
  readonly id: number
  readonly rows: number
  readonly rejected: number
  readonly lastRowAtMs: number | null
  /** Length of the file of rejected rows that belongs to what was read. */
  readonly asideBytes: number
}

export const followedKinds = ['rows', 'metrics', 'events'] as const
export interface FollowedFile {
  /** Inside the folder, with forward slashes. */
  readonly path: string
  readonly kind: (typeof followedKinds)[number]
  /** Device and number of the file on its disk. */
  readonly inode: string
  readonly bytes: number
  readonly mtimeMs: number
  /** First byte that was not read, and its 1-based line. */
  readonly readTo: number
  readonly line: number
  /** SHA-256 of the first and of the last bytes before `readTo`; empty while nothing was read. */
  readonly head: string
  readonly tail: string
  readonly rows: number
  readonly rejected: number
  /** As what its rows were read; null until they were. */
  readonly source: string | null
  /** Why it cannot be read now. */
  readonly reason: LabErrorData | null
}

const fields = mapping<NewFollow>('follows', { runId: 'plain', path: 'plain', options: 'object', active: 'flag', createdAtMs: 'plain' })
const counted = mapping<Pick<FollowRecord, 'rows' | 'rejected' | 'lastRowAtMs' | 'asideBytes'>>('follows', {
  rows: 'plain',
  rejected: 'plain',
  lastRowAtMs: 'plain',
  asideBytes: 'plain',
})
const fileFields = mapping<FollowedFile>('follow_files', {
  path: 'plain',
  kind: 'plain',
  inode: 'plain',
  bytes: 'plain',
  mtimeMs: 'plain',
  readTo: 'plain',
  line: 'plain',
  head: 'plain',
  tail: 'plain',
  rows: 'plain',
  rejected: 'plain',
  source: 'plain',
  reason: 'objectOrNull',
})

const toFollow = (row: Row): FollowRecord => ({ id: row.id as number, ...fields.fromRow(row), ...counted.fromRow(row) })

export function followStore(db: Connection, listed: Listing = allOrNone) {
  const columns = `id, ${fields.columns}, ${counted.columns}`
  const insert = db.prepare(`INSERT INTO follows (${fields.columns}) VALUES (${fields.marks})`)
  const select = db.prepare<unknown[], Row>(`SELECT ${columns} FROM follows WHERE id = ?`)
  const selectAll = db.prepare<unknown[], Row>(`SELECT ${columns} FROM follows ORDER BY id`)
  const ofPath = db.prepare<unknown[], Row>(`SELECT ${columns} FROM follows WHERE path = ?`)
  const setActive = db.prepare('UPDATE follows SET active = ? WHERE id = ?')
  const remove = db.prepare('DELETE FROM follows WHERE id = ?')
  const count = db.prepare(
    'UPDATE follows SET rows = rows + ?, rejected = rejected + ?, last_row_at_ms = coalesce(?, last_row_at_ms) WHERE id = ?',
  )
  const setAside = db.prepare('UPDATE follows SET aside_bytes = ? WHERE id = ?')
  const addIdentity = db.prepare('INSERT INTO follow_identity (follow_id, entry) VALUES (?, ?)')
  const identities = db.prepare<unknown[], Row>('SELECT id, entry FROM follow_identity WHERE follow_id = ? ORDER BY id')
  const files = db.prepare<unknown[], Row>(`SELECT id, ${fileFields.columns} FROM follow_files WHERE follow_id = ? ORDER BY path`)
  const upsertFile = db
    .prepare<unknown[], number>(
      `
    INSERT INTO follow_files (follow_id, ${fileFields.columns}) VALUES (?, ${fileFields.marks})
    ON CONFLICT (follow_id, path) DO UPDATE SET (${fileFields.columns}) = (${fileFields.columns
      .split(', ')
      .map((column) => `excluded.${column}`)
      .join(', ')}) RETURNING id`,
    )
    .pluck()
  const moveFile = db.prepare('UPDATE follow_files SET path = ? WHERE id = ?')
  const readAgain = db.prepare('UPDATE follow_rows SET here = 0 WHERE file_id = ? AND here > 0')
  const selectRow = db.prepare<unknown[], { seen: number; here: number }>(
    'SELECT seen, here FROM follow_rows WHERE file_id = ? AND digest = ?',
  )
  const upsertRow = db.prepare(
    'INSERT INTO follow_rows (file_id, digest, seen, here) VALUES (?, ?, ?, ?) ON CONFLICT (file_id, digest) DO UPDATE SET seen = excluded.seen, here = excluded.here',
  )
  const existing = db.prepare<
    unknown[],
    { step: number; group_index: number; sample_index: number; key: string; group_id: string | null }
  >(`
    SELECT r.step, r.group_index, r.sample_index, p.key, CASE WHEN json_valid(b.origin) THEN b.origin ->> '$.groupId' END AS group_id
    FROM rollouts r JOIN problems p ON p.id = r.problem_id JOIN rollout_bodies b ON b.rollout_id = r.id WHERE r.run_id = ? ORDER BY r.id`)

  return {
    add: (follow: NewFollow): number => Number(insert.run(...fields.toRow(follow)).lastInsertRowid),
    get(id: number): FollowRecord | null {
      const row = select.get(id)
      return row === undefined ? null : toFollow(row)
    },
    list: (): FollowRecord[] => listed(selectAll.all(), toFollow),
    ofPath(path: string): FollowRecord | null {
      const row = ofPath.get(path)
      return row === undefined ? null : toFollow(row)
    },
    setActive: (id: number, active: boolean): void => void setActive.run(Number(active), id),
    /** Forgets what was read; the run and its rollouts stay. */
    remove: (id: number): void => void remove.run(id),
    /** More rows, and when the last came. */
    count: (id: number, rows: number, rejected: number, lastRowAtMs: number | null): void =>
      void count.run(rows, rejected, lastRowAtMs, id),
    setAside: (id: number, bytes: number): void => void setAside.run(bytes, id),
    /** What told problems apart, oldest first. */
    identity: (id: number): unknown[] => identities.all(id).map((row) => readColumn(row, 'follow_identity', 'entry')),
    addIdentity: (id: number, entry: unknown): void => void addIdentity.run(id, JSON.stringify(entry)),
    files: (id: number): (FollowedFile & { readonly id: number })[] =>
      listed(files.all(id), (row) => ({ id: row.id as number, ...fileFields.fromRow(row) })),
    /** Adds the file or replaces what is known of it; gives its id. */
    setFile: (id: number, file: FollowedFile): number => upsertFile.get(id, ...fileFields.toRow(file))!,
    moveFile: (fileId: number, path: string): void => void moveFile.run(path, fileId),
    /** The file is read from its start once more: its rows are counted anew against those that were seen. */
    readAgain: (fileId: number): void => void readAgain.run(fileId),
    /** How often a row was seen in any one reading of the file, and in this one. */
    row: (fileId: number, digest: Buffer): { readonly seen: number; readonly here: number } =>
      selectRow.get(fileId, digest) ?? { seen: 0, here: 0 },
    setRow: (fileId: number, digest: Buffer, seen: number, here: number): void => void upsertRow.run(fileId, digest, seen, here),
    /** Where the rollouts of a run stand, in order of id: enough to number more of them. */
    *placed(
      runId: number,
    ): Generator<{
      readonly step: number
      readonly group: number
      readonly sample: number
      readonly key: string
      readonly groupId: string | null
    }> {
      for (const { step, group_index: group, sample_index: sample, key, group_id: groupId } of existing.iterate(runId))
        yield { step, group, sample, key, groupId }
    },
  }
}
