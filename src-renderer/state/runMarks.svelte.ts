/**
 * What people add to the list of runs: tags, pins, and views of the table under a name. Kept with the workspace, so that they are there
 * in every window, by the universal id of a run.
 */
import type { Json, Run } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { reading, type Reading } from './reading.svelte.ts'

export interface Marks {
  readonly tags: readonly string[]
  readonly pinned: boolean
}

/** A way to look at the table; null columns are those that fit. */
export interface RunsView {
  readonly name: string
  readonly find: string
  readonly by: 'run' | 'group' | null
  readonly columns: readonly string[] | null
  readonly order: { readonly id: string; readonly descending: boolean } | null
}

const MARKS = 'runs.marks'
const VIEWS = 'runs.views'
const none: Marks = { tags: [], pinned: false }
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((each): each is string => typeof each === 'string') : []

function marksIn(value: Json | undefined): ReadonlyMap<string, Marks> {
  return new Map(
    Object.entries(isRecord(value) ? value : {}).flatMap(([uid, marks]) =>
      isRecord(marks) ? [[uid, { tags: texts(marks.tags), pinned: marks.pinned === true }] as const] : [],
    ),
  )
}
function viewsIn(value: Json | undefined): readonly RunsView[] {
  return (Array.isArray(value) ? value : []).flatMap((view) => {
    if (!isRecord(view) || typeof view.name !== 'string') return []
    const order =
      isRecord(view.order) && typeof view.order.id === 'string' ? { id: view.order.id, descending: view.order.descending === true } : null
    return [
      {
        name: view.name,
        find: typeof view.find === 'string' ? view.find : '',
        by: view.by === 'run' || view.by === 'group' ? view.by : null,
        columns: Array.isArray(view.columns) ? texts(view.columns) : null,
        order,
      },
    ]
  })
}

/** Words apart by commas, each once, in order. */
export const tagsOf = (typed: string): readonly string[] => [
  ...new Set(
    typed
      .split(',')
      .map((tag) => tag.trim())
      .filter(Boolean),
  ),
]

class RunMarks {
  readonly #marks: Reading<Json>
  readonly #views: Reading<Json>
  /** What was just set, until the lab has been read again. */
  #set: ReadonlyMap<string, Marks> | null = $state.raw(null)
  #setViews: readonly RunsView[] | null = $state.raw(null)
  #byUid = $derived.by(() => this.#set ?? marksIn(this.#marks.data))
  views: readonly RunsView[] = $derived.by(() => this.#setViews ?? viewsIn(this.#views.data))
  /** Every tag that is in use, in order. */
  tags: readonly string[] = $derived.by(() => [...new Set([...this.#byUid.values()].flatMap(({ tags }) => tags))].sort())

  constructor() {
    this.#marks = reading((client) => client.settings.get({ key: MARKS }))
    this.#views = reading((client) => client.settings.get({ key: VIEWS }))
  }

  of = ({ uid }: Pick<Run, 'uid'>): Marks => this.#byUid.get(uid) ?? none

  async mark(marked: readonly Pick<Run, 'uid'>[], changes: Partial<Marks>): Promise<void> {
    const next = new Map(this.#byUid)
    for (const { uid } of marked) {
      const marks = { ...(next.get(uid) ?? none), ...changes }
      if (marks.tags.length === 0 && !marks.pinned) next.delete(uid)
      else next.set(uid, marks)
    }
    this.#set = next
    await app.attempt(() =>
      lab.client.settings.set({
        key: MARKS,
        value:
          next.size === 0
            ? null
            : (Object.fromEntries([...next].map(([uid, { tags, pinned }]) => [uid, { tags: [...tags], pinned }])) as Json),
      }),
    )
  }

  /** Under its name; one of the same name is replaced. */
  async saveView(view: RunsView): Promise<void> {
    await this.#keepViews([...this.views.filter(({ name }) => name !== view.name), view])
  }
  async removeView(name: string): Promise<void> {
    await this.#keepViews(this.views.filter((view) => view.name !== name))
  }
  async #keepViews(views: readonly RunsView[]): Promise<void> {
    this.#setViews = views
    await app.attempt(() =>
      lab.client.settings.set({ key: VIEWS, value: views.length === 0 ? null : (JSON.parse(JSON.stringify(views)) as Json) }),
    )
  }
}

/** While a component is set up. */
export const runMarks = (): RunMarks => new RunMarks()
