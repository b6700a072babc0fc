// Imports bring their rows in batches, so one that is killed leaves part of a dataset that looks like a whole one. Each is noted while it is
// under way; what the next writer finds noted is taken out again.

import { atomically, type Connection } from './database.ts'
import { settingStore } from './settings.ts'

const UNDER_WAY = 'imports.underWay'

export function halfImportStore(db: Connection) {
  const settings = settingStore(db)
  const noted = (): number[] => {
    const value = settings.get(UNDER_WAY)
    return Array.isArray(value) ? value.filter((id): id is number => typeof id === 'number') : []
  }
  const note = (ids: readonly number[]): void => settings.set(UNDER_WAY, ids.length === 0 ? null : [...ids])

  return {
    /** The dataset is being filled; call it together with what makes the dataset. */
    begin: (datasetId: number): void => note([...noted(), datasetId]),
    end: (datasetId: number): void => note(noted().filter((id) => id !== datasetId)),
    /** Takes out what imports left that nobody finished: their runs and their datasets. Returns the names of the datasets. */
    drop(): string[] {
      const ids = noted()
      if (ids.length === 0) return []
      return atomically(db, 'durable', () => {
        const names = ids.flatMap((id) => {
          const name = db.prepare<unknown[], string>(`SELECT name FROM datasets WHERE id = ? AND kind = 'imported'`).pluck().get(id)
          if (name === undefined) return []
          db.prepare(`DELETE FROM runs WHERE dataset_id = ? AND method = 'imported'`).run(id)
          db.prepare('DELETE FROM datasets WHERE id = ?').run(id)
          return [name]
        })
        note([])
        return names
      })
    },
  }
}
