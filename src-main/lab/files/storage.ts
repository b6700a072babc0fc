// Room on the disk: what takes it, pruning with a look at it first, compacting, and a copy of the whole workspace elsewhere. Pruning keeps what
// results are made of: metrics, evaluations and their answers, the newest checkpoint of every run and those that are pinned.

import { cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { LabError, type Answers } from '../../../src-preload/contract.ts'
import { collectCheckpoints } from '../../model/checkpoint.ts'
import { explainDisk } from '../../disk/diskErrors.ts'
import type { Store } from '../../store/openStore.ts'
import { contentsInUse } from '../training/checkpoints.ts'
import { makeFolder } from '../../disk/makeFolder.ts'

interface Parts {
  readonly open: () => Store
  readonly refuseWhileBusy: () => void
}

const BACKUPS = 'backups'
const EXPORTS = 'exports'
const sizeOf = (path: string): number => {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return 0
  return stats.isDirectory() ? readdirSync(path).reduce((sum, entry) => sum + sizeOf(join(path, entry)), 0) : stats.size
}
const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .map((name) => join(folder, name))
        .filter((path) => statSync(path).isFile())
    : []

/** Checkpoints of a run that may go: neither pinned nor the newest, nor the newest that training can go on from. */
function prunableOf(store: Store, runId: number) {
  const keep = new Set([store.checkpoints.newest(runId)?.id, store.checkpoints.newestResumable(runId)?.id])
  return store.checkpoints.ofRun(runId).filter(({ id, pinned }) => !pinned && !keep.has(id))
}
const bytesOf = (checkpoints: readonly { readonly contentId: string; readonly bytes: number }[]): number =>
  [...new Map(checkpoints.map(({ contentId, bytes }) => [contentId, bytes])).values()].reduce((sum, bytes) => sum + bytes, 0)

function writable(store: Store): void {
  if (store.access.mode === 'read')
    throw new LabError('workspace.readOnly', {
      expected: 'a workspace that can be written',
      found: 'one that is open for reading only',
      next: 'Close the other program that has it open, or open another workspace.',
    })
}

export function storageAnswers({ open, refuseWhileBusy }: Parts): Answers<'storage'>['storage'] {
  return {
    report() {
      const store = open()
      const at = (name: string): number => sizeOf(join(store.folder, name))
      const known = new Set(['checkpoints', BACKUPS, EXPORTS, 'workspace.db', 'workspace.db-wal', 'workspace.db-shm'])
      return {
        folder: store.folder,
        databaseBytes: at('workspace.db') + at('workspace.db-wal'),
        freeBytes: store.storage.freeBytes(),
        checkpointBytes: at('checkpoints'),
        backupBytes: at(BACKUPS),
        exportBytes: at(EXPORTS),
        otherBytes: readdirSync(store.folder)
          .filter((name) => !known.has(name))
          .reduce((sum, name) => sum + at(name), 0),
        runs: store.storage.byRun().map((run) => {
          const checkpoints = store.checkpoints.ofRun(run.runId)
          const prunable = prunableOf(store, run.runId)
          return {
            ...run,
            checkpoints: checkpoints.length,
            checkpointBytes: bytesOf(checkpoints),
            prunable: prunable.length,
            prunableBytes: bytesOf(prunable),
          }
        }),
      }
    },

    async prune({ rolloutsOf, checkpointsOf, backups, exports, preview }) {
      const store = open()
      if (!preview) {
        writable(store)
        refuseWhileBusy()
      }
      const stored = store.storage.byRun().filter(({ runId }) => rolloutsOf.includes(runId))
      const checkpoints = checkpointsOf.flatMap((runId) => prunableOf(store, runId))
      const [oldBackups, oldExports] = [
        backups ? filesIn(join(store.folder, BACKUPS)) : [],
        exports ? filesIn(join(store.folder, EXPORTS)) : [],
      ]
      const sum = (paths: readonly string[]): number => paths.reduce((total, path) => total + sizeOf(path), 0)
      const going = {
        rollouts: stored.reduce((total, { rollouts }) => total + rollouts, 0),
        rolloutBytes: stored.reduce((total, { rolloutBytes }) => total + rolloutBytes, 0),
        checkpoints: checkpoints.length,
        checkpointBytes: bytesOf(checkpoints),
        backups: oldBackups.length,
        backupBytes: sum(oldBackups),
        exports: oldExports.length,
        exportBytes: sum(oldExports),
      }
      if (preview) return going
      store.storage.removeRollouts(rolloutsOf)
      for (const { id } of checkpoints) store.checkpoints.remove(id)
      // Equal checkpoints of other runs are the same files, and stay.
      const { freedBytes } = await collectCheckpoints(store.checkpointsFolder, await contentsInUse(store), {
        among: new Set(checkpoints.map(({ contentId }) => contentId)),
      })
      for (const path of [...oldBackups, ...oldExports]) rmSync(path, { force: true })
      return { ...going, checkpointBytes: freedBytes }
    },

    compact() {
      const store = open()
      writable(store)
      refuseWhileBusy()
      const bytes = (): number => sizeOf(join(store.folder, 'workspace.db')) + sizeOf(join(store.folder, 'workspace.db-wal'))
      const beforeBytes = bytes()
      store.compact()
      return { beforeBytes, afterBytes: bytes() }
    },

    async copyTo({ folder }) {
      const store = open()
      refuseWhileBusy()
      const target = resolve(folder)
      if (target === store.folder || target.startsWith(`${store.folder}/`) || (existsSync(target) && readdirSync(target).length > 0))
        throw new LabError('storage.target', {
          expected: 'an empty folder, or one that is not there, outside the workspace',
          found: target,
          next: 'Name another folder.',
        })
      try {
        makeFolder(target)
        for (const name of readdirSync(store.folder))
          if (!/^workspace\./.test(name) && name !== EXPORTS && !name.startsWith('.'))
            cpSync(join(store.folder, name), join(target, name), { recursive: true })
        // Last, so that a folder with a database in it is a whole copy.
        await store.backUpTo(join(target, 'workspace.db'))
      } catch (error) {
        rmSync(target, { recursive: true, force: true })
        throw explainDisk(error, target)
      }
      return { folder: target, bytes: sizeOf(target) }
    },
  }
}
