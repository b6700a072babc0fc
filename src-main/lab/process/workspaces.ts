// Which workspace is open, which were, and the sample that comes with the program. One is open at a time. The list of recent ones is a
// small file in the program's own folder; a workspace itself lies wherever the person put it. The sample is opened as a copy, so that
// it can be trained on and thrown away.

import { cpSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { LabError, type LabErrorData, type RecentWorkspace, type Workspace } from '../../../src-preload/contract.ts'
import { openStore, type Store } from '../../store/openStore.ts'
import { makeFolder } from '../../disk/makeFolder.ts'

const RECENTS = 'recents.json'
const DATABASE = 'workspace.db'
const MOST_RECENTS = 20

export interface WorkspacesOptions {
  /** The program's own folder: recents, the copy of the sample, the first workspace. */
  readonly home: string
  /** Folder of the shipped sample; null without one. */
  readonly sample: string | null
  readonly now: () => number
  /** Whether what is opened is put into the list of recent ones. */
  readonly remembers: boolean
  /** What another process that finds a workspace locked is told. */
  readonly program?: string | undefined
  /** Hears of each row of the open workspace that is left out of what is shown. */
  readonly onUnreadable: (error: LabErrorData) => void
}

interface Recent {
  readonly folder: string
  readonly openedAtMs: number
}

export interface OpenRequest {
  readonly folder: string
  readonly create: boolean
  readonly readOnly: boolean
}

const isRecent = (value: unknown): value is Recent => {
  const { folder, openedAtMs } = (value ?? {}) as Record<string, unknown>
  return typeof folder === 'string' && typeof openedAtMs === 'number'
}

type OpenStore = ReturnType<typeof openStore>

export function openWorkspaces({ home, sample, now, remembers, program, onUnreadable }: WorkspacesOptions) {
  let store: OpenStore | null = null
  const file = join(home, RECENTS)

  function readRecents(): Recent[] {
    try {
      const kept: unknown = JSON.parse(readFileSync(file, 'utf8'))
      return Array.isArray(kept) ? kept.filter(isRecent) : []
    } catch {
      return []
    }
  }
  function writeRecents(recents: readonly Recent[]): void {
    makeFolder(home)
    writeFileSync(`${file}.new`, JSON.stringify(recents.slice(0, MOST_RECENTS), null, 1))
    renameSync(`${file}.new`, file)
  }
  const exists = (folder: string): boolean => existsSync(join(folder, DATABASE))
  const recents = (): RecentWorkspace[] => readRecents().map((recent) => ({ ...recent, exists: exists(recent.folder) }))

  function open({ folder, create, readOnly }: OpenRequest): Workspace {
    const opened =
      store?.folder === resolve(folder)
        ? store
        : openStore(folder, { create, readOnly, now, onUnreadable, ...(program !== undefined && { program }) })
    if (opened !== store) store?.close()
    store = opened
    if (remembers)
      writeRecents([{ folder: opened.folder, openedAtMs: now() }, ...readRecents().filter((recent) => recent.folder !== opened.folder)])
    return opened.workspace()
  }

  function openSample(): Workspace {
    const copy = join(home, 'sample')
    if (!exists(copy)) {
      if (sample === null || !exists(sample))
        throw new LabError('workspace.noSample', {
          expected: 'the sample workspace that comes with the program',
          found: 'none',
          next: 'Make a workspace of your own and start the quickstart in it.',
        })
      cpSync(sample, copy, { recursive: true })
    }
    return open({ folder: copy, create: false, readOnly: false })
  }

  function opened(): OpenStore {
    if (store === null)
      throw new LabError('workspace.none', { expected: 'an open workspace', found: 'none', next: 'Open one, or make a new one.' })
    return store
  }

  return {
    open,
    openSample,
    /** What a person without a wish should see: the workspace of last time, else the sample, else a new one. */
    openUsual(): Workspace {
      const last = recents().find((recent) => recent.exists)
      if (last !== undefined) return open({ folder: last.folder, create: false, readOnly: false })
      return sample !== null && exists(sample) ? openSample() : open({ folder: join(home, 'workspace'), create: true, readOnly: false })
    },
    current: (): Store | null => store,
    /** The open store as it is shown. Throws LabError `workspace.none`. */
    shown: (): Store => opened().shown,
    /** The open store. Throws LabError `workspace.none`. */
    store: (): Store => opened(),
    recents,
    forget(folder: string): RecentWorkspace[] {
      writeRecents(readRecents().filter((recent) => recent.folder !== folder))
      return recents()
    },
    close(): void {
      store?.close()
      store = null
    },
  }
}

export type Workspaces = ReturnType<typeof openWorkspaces>
