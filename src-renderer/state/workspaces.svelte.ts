/** Opening workspaces and knowing the recent ones. What goes wrong is handed back, since a dialog stands open to show it. */
import type { RecentWorkspace } from '../../src-preload/contract.ts'
import { lab } from './client.svelte.ts'
import { problemOf, type Problem } from './problem.ts'
import { reading, type Reading } from './reading.svelte.ts'

/** While a component is set up. */
export const recents = (): Reading<readonly RecentWorkspace[]> => reading((client) => client.workspace.recents(), { nouns: ['workspace'] })

const problemWith = (work: Promise<unknown>): Promise<Problem | null> => work.then(() => null, problemOf)

/** Null when it is open now. */
export const openFolder = (folder: string, { create = false, readOnly = false } = {}): Promise<Problem | null> =>
  problemWith(lab.client.workspace.open({ folder, create, readOnly }))
export const openSample = (): Promise<Problem | null> => problemWith(lab.client.workspace.openSample())
export const forget = (folder: string): Promise<Problem | null> => problemWith(lab.client.workspace.forget({ folder }))
