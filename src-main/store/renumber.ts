// Numbers runs anew from 1 in their order, as the first workspace of their own would have numbered them.
import type { Database } from 'better-sqlite3'

/** Gives every run its place in order as its id, in its own record, wherever the schema says that a record names a run, and in what events say of rollouts. */
export function renumberRuns(db: Database): void {
  const tables = db.prepare<[], string>("SELECT name FROM sqlite_master WHERE type = 'table'").pluck().all()
  const columns = tables.flatMap((table) =>
    db
      .prepare<[], { readonly from: string }>(`SELECT "from" FROM pragma_foreign_key_list('${table}') WHERE "table" = 'runs'`)
      .all()
      .map(({ from }) => ({ table, column: from })),
  )
  db.pragma('foreign_keys = OFF')
  try {
    db.transaction(() => {
      // Ascending, and no id is below its place: a number is free when it is given.
      for (const [index, id] of db.prepare<[], number>('SELECT id FROM runs ORDER BY id').pluck().all().entries()) {
        if (id === index + 1) continue
        for (const { table, column } of [{ table: 'runs', column: 'id' }, ...columns])
          db.prepare(`UPDATE "${table}" SET "${column}" = ? WHERE "${column}" = ?`).run(index + 1, id)
        // A finding says in its data which rollouts it is about.
        db.prepare("UPDATE events SET data = json_set(data, '$.rollouts.runId', ?) WHERE json_extract(data, '$.rollouts.runId') = ?").run(
          index + 1,
          id,
        )
      }
      const broken = db.pragma('foreign_key_check') as unknown[]
      if (broken.length > 0) throw new Error(`${broken.length} records name a run that is not there`)
    })()
  } finally {
    db.pragma('foreign_keys = ON')
  }
}
