// A folder is followed from here on: the run that its rollouts go to, and what is remembered of how it is read.
import { randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { refuse, refuseSystem } from '../../data/errors.ts'
import { planFolder } from '../../data/folder.ts'
import type { FollowOptions, FollowRecord } from '../../store/follows.ts'
import type { Store } from '../../store/openStore.ts'
import { createGrader } from '../../tasks/graders/grader.ts'
import { importedRun } from './importInto.ts'

export interface StartFollow extends Omit<FollowOptions, 'importId'> {
  /** Of the run; the name of the folder unless given. */
  readonly name?: string | undefined
}

/**
 * Makes the run that a folder's rollouts go to and remembers the folder; one that is followed already is taken up again as it was. The folder
 * need not hold anything yet. Throws LabError file.missing where there is nothing at the path, import.notRows for models and workspaces.
 */
export async function startFollow(store: Store, path: string, { name, ...options }: StartFollow, now: () => number): Promise<FollowRecord> {
  const place = resolve(path)
  const known = store.follows.ofPath(place)
  if (known !== null) {
    store.follows.setActive(known.id, true)
    return store.follows.get(known.id)!
  }
  const info = await stat(place).catch((error: unknown) => {
    throw refuseSystem(error, place)
  })
  if (info.isDirectory()) {
    const { kind, why } = await planFolder(place)
    if (kind === 'model' || kind === 'workspace') throw refuse('import.notRows', `${place} is a ${kind}: ${why}`)
  }
  if (options.grader !== undefined && options.grader !== 'countdown') await createGrader(options.grader).close()
  const importId = `${now()}-${randomBytes(4).toString('hex')}`
  const files = [basename(place)]
  return store.atomically('durable', () => {
    const datasetId = store.datasets.add({
      name: name ?? basename(place),
      kind: 'imported',
      source: { files },
      roles: null,
      grader: options.grader ?? 'math',
      note: '',
      createdAtMs: now(),
    })
    const run = store.runs.add(
      importedRun({ name: name ?? basename(place), files, grader: options.grader ?? null, importId, datasetId, atMs: now() }),
    )
    store.runs.setStatus(run.id, 'finished', now())
    return store.follows.get(
      store.follows.add({ runId: run.id, path: place, options: { ...options, importId }, active: true, createdAtMs: now() }),
    )!
  })
}
