/**
 * Files made by the lab: written into the workspace's `exports` folder one at a time, then handed over: shown in the system's
 * file manager from a desktop window, fetched by a page (which may only fetch what it has the key for). What the dialog of
 * exports is about is kept here, so that any page, button or command can open it.
 */
import type { Exported, ExportKind, ExportRequest, RolloutFilter } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { isCancelled, isOutage, problemOf, type Problem } from './problem.ts'

export interface ExportScope {
  /** Runs that files can be about; the first is chosen. */
  readonly runIds: readonly number[]
  /** How they are being compared. */
  readonly comparison?: { readonly budget: number; readonly groupBy: 'run' | 'group'; readonly baseline: number | 'start' | null }
  /** An evaluation whose rollouts are meant, rather than those of training. */
  readonly evaluationId?: number
  /** What a list of rollouts is narrowed to. */
  readonly filter?: RolloutFilter
  /** Written at once when the dialog opens. */
  readonly first?: ExportKind
}

type Save = (name: string, content: Blob) => void

class Exporting {
  scope: ExportScope = $state.raw({ runIds: [] })
  /** What is being written. */
  kind: ExportKind | null = $state(null)
  /** Written since the dialog was opened. */
  written: Readonly<Partial<Record<ExportKind, Exported>>> = $state.raw({})
  problems: Readonly<Partial<Record<ExportKind, Problem>>> = $state.raw({})
  #abort: AbortController | null = null

  show(scope: ExportScope): void {
    this.scope = scope
    if (this.kind === null) this.written = this.problems = {}
    app.front = 'export'
  }

  /** Writes a file and hands it over; what goes wrong stays beside what was asked for. */
  async write(asked: ExportRequest, save: Save): Promise<void> {
    if (this.kind !== null) return
    const { kind } = asked
    const abort = new AbortController()
    this.kind = kind
    this.#abort = abort
    this.written = { ...this.written, [kind]: undefined }
    this.problems = { ...this.problems, [kind]: undefined }
    try {
      const file = await lab.client.exports.write(asked, { signal: abort.signal })
      this.written = { ...this.written, [kind]: file }
      if (this.isFetched) await this.fetch(file, save)
      if (app.front !== 'export') app.say({ tone: 'good', title: `${file.fileName} is written`, text: file.path })
    } catch (error) {
      if (!isCancelled(error))
        this.problems = { ...this.problems, [kind]: isOutage(error) ? problemOf(lab.outage ?? error) : problemOf(error) }
    } finally {
      this.kind = null
      this.#abort = null
    }
  }

  cancel(): void {
    this.#abort?.abort()
  }

  /** A page in a browser gets its files through the browser; a desktop window shows where they lie. */
  isFetched = $derived(lab.info?.face === 'served')

  async fetch({ fileName, href }: Exported, save: Save): Promise<void> {
    const response = await fetch(href, { headers: { authorization: `Bearer ${lab.token}` } })
    if (!response.ok)
      throw new Error(`${fileName} was written into the workspace, but the server answered ${response.status} when it was fetched`)
    save(fileName, await response.blob())
  }

  reveal = ({ path }: Exported) => app.attempt(() => lab.client.app.reveal({ path }))
}

export const exporting = new Exporting()
