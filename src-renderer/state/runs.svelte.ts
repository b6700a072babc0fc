/**
 * The runs of the workspace, newest first, shared by every page: read once, then kept current by the events of the lab
 * without reading the list again for every step.
 */
import type { LabEvent, Run, RunListItem, Step } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import { reading, type Reading } from './reading.svelte.ts'
import { href, place } from './route.svelte.ts'

/** Families of methods that have a colour by right; the rest take the next free one. */
export type Family = 'outcome' | 'length' | 'mrt' | 'start'

/** The first word of what a run's algorithm says it rewards: `mrt-exact` is of the family mrt. */
export function familyOf({ method }: Pick<Run, 'method'>): Family | undefined {
  return (['outcome', 'length', 'mrt'] as const).find((family) => method.split('-', 1)[0] === family)
}

/** What one run adds to a list after a step. Steps that are done again after a resume replace the ones they repeat. */
export function withStep(item: RunListItem, step: Step): RunListItem {
  return {
    ...item,
    run: { ...item.run, lastStep: step.step },
    latest: { ...item.latest, ...step.metrics },
    sparklines: item.sparklines.map((line) => {
      const value = step.metrics[line.metric]
      const until = line.step.findIndex((each) => each >= step.step)
      const kept = until < 0 ? line.step.length : until
      return value === undefined
        ? line
        : { ...line, step: [...line.step.slice(0, kept), step.step], value: [...line.value.slice(0, kept), value] }
    }),
  }
}

/** The list after a frame of events; null when it has to be read again (a run it does not know, or one whose first rollouts came). */
export function withEvents(items: readonly RunListItem[], events: readonly LabEvent[]): readonly RunListItem[] | null {
  const changed = new Map<number, RunListItem>()
  const find = (id: number) => changed.get(id) ?? items.find(({ run }) => run.id === id)
  for (const event of events) {
    if (event.kind !== 'run' && event.kind !== 'step') continue
    const item = find(event.kind === 'run' ? event.run.id : event.step.runId)
    if (item === undefined || (event.kind === 'step' && item.rolloutCount === 0)) return null
    changed.set(item.run.id, event.kind === 'run' ? { ...item, run: event.run } : withStep(item, event.step))
  }
  return changed.size === 0 ? items : items.map((item) => changed.get(item.run.id) ?? item)
}

class Runs {
  #reading: Reading<readonly RunListItem[]> | null = $state.raw(null)
  /** Changed by events since the list was read. */
  #live: { readonly of: readonly RunListItem[]; readonly items: readonly RunListItem[] } | null = $state.raw(null)

  /** Newest first. */
  items: readonly RunListItem[] = $derived.by(() => {
    const read = this.#reading?.data ?? []
    const items = this.#live !== null && this.#live.of === read ? this.#live.items : read
    return [...items].sort((a, b) => b.run.id - a.run.id)
  })
  status = $derived(this.#reading?.status ?? 'loading')
  problem = $derived(this.#reading?.problem ?? null)
  byId: ReadonlyMap<number, RunListItem> = $derived(new Map(this.items.map((item) => [item.run.id, item])))
  /** Runs that differ only by seed, in order of their first one. */
  groups: ReadonlyMap<string, readonly RunListItem[]> = $derived(Map.groupBy([...this.items].reverse(), ({ run }) => run.groupKey))

  /** Called once by the window while it is set up. */
  follow(): void {
    this.#reading = reading((client) => client.runs.list(), { nouns: ['runs', 'workspace'] })
    $effect(() => lab.on((events) => this.#hear(events)))
  }

  again(): void {
    this.#reading?.again()
  }

  /** "MRT-exact", with the seed where there are several of it. */
  title({ name, seed, groupKey }: Run): string {
    return (this.groups.get(groupKey)?.length ?? 0) > 1 ? `${name}, seed ${seed}` : name
  }

  /** To the bin, with a way back in the corner. */
  async remove({ id, name }: Run): Promise<void> {
    const gone = await app.attempt(async () => (await lab.client.runs.remove({ runId: id }), true))
    if (!gone) return
    if (place.current.name === 'run' && place.current.params.runId === id) place.go(href('runs'))
    app.say({
      tone: 'info',
      title: `${name} is in the bin`,
      text: 'Nothing is deleted until the bin is emptied.',
      action: 'Put it back',
      act: () => void app.attempt(() => lab.client.runs.restore({ runId: id })),
    })
  }

  #hear(events: readonly LabEvent[]): void {
    const read = this.#reading?.data
    if (read === undefined) return
    const before = this.#live?.of === read ? this.#live.items : read
    const items = withEvents(before, events)
    if (items === null) this.again()
    else if (items !== before) this.#live = { of: read, items }
    for (const event of events) {
      if (event.kind === 'run') this.#told(event.run, before)
      if (event.kind === 'event' && event.event.kind === 'health' && event.event.level === 'error')
        app.notify(this.byId.get(event.event.runId ?? 0)?.run.name ?? 'A run', event.event.message, event.event.runId)
    }
  }

  #told(run: Run, before: readonly RunListItem[]): void {
    const was = before.find((item) => item.run.id === run.id)?.run.status
    if (was !== 'running' || run.status === 'running') return
    const open = { action: 'Open', act: () => place.go(href('run', { runId: run.id })) }
    const title = this.title(run)
    if (run.status === 'finished') app.notify(`${title} has finished`, `${run.plannedSteps} steps.`, run.id)
    if (run.status === 'finished') app.say({ tone: 'good', title: `${title} has finished`, text: `${run.plannedSteps} steps.`, ...open })
    if (run.status === 'paused')
      app.say({ tone: 'info', title: `${title} is paused`, text: `After step ${run.lastStep ?? 0}; it goes on from there.`, ...open })
  }
}

export const runs = new Runs()
