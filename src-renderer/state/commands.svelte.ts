/**
 * What can be done right now. Pages and the window contribute what the commands of the table do while they are there, and
 * commands without a shortcut of their own ("Go to run 3"). The palette lists them, the keyboard runs them.
 */
import { commandTable, commandText, sections, type CommandId, type CommandText, type Section } from './commandTable.ts'
import { Contributions } from './contributions.svelte.ts'

export interface Doing {
  readonly run: () => void
  /** Why it cannot be done now; shown instead of doing nothing. */
  readonly reason?: string | null
  /** Replaces the title of the table: "Pause MRT-exact". */
  readonly title?: string
}

/** Something to do or to open that has a name but no place in the table. */
export interface Offer extends Doing {
  readonly id: string
  readonly title: string
  readonly section: string
}

export interface Command extends Offer {
  readonly keys?: string
  readonly also?: readonly string[]
  readonly quiet: boolean
}

type Source = () => Partial<Readonly<Record<CommandId, Doing>>>
type OfferSource = () => readonly Offer[]

class Commands {
  readonly #sources = new Contributions<Source>()
  readonly #offers = new Contributions<OfferSource>()

  /** By id; what was contributed last wins, so that a page comes before the window. */
  #doing: ReadonlyMap<CommandId, Doing> = $derived.by(
    () => new Map(this.#sources.items.flatMap((source) => Object.entries(source()) as [CommandId, Doing][])),
  )

  /** Everything that can be run, in the order of the table, then the offers. */
  all: readonly Command[] = $derived.by(() => [
    ...(Object.entries(commandTable) as [CommandId, CommandText][]).flatMap(([id, text]): Command[] => {
      const doing = this.#doing.get(id)
      return doing
        ? [
            {
              id,
              section: text.section,
              keys: text.keys,
              also: text.also,
              quiet: text.quiet ?? false,
              ...doing,
              title: doing.title ?? text.title,
            },
          ]
        : []
    }),
    ...this.#offers.items.flatMap((source) => source()).map((offer) => ({ ...offer, quiet: false })),
  ])

  /** What the palette lists. */
  listed = $derived.by(() =>
    this.all.filter(({ quiet }) => !quiet).map(({ reason, ...command }) => ({ ...command, ...(reason && { reason }) })),
  )

  /** What the sheet of shortcuts shows: what works here first, all of it with a name. */
  sheet: readonly { readonly title: Section; readonly items: readonly { readonly keys: string; readonly label: string }[] }[] = $derived.by(
    () =>
      sections
        .map((section) => ({
          title: section,
          items: this.all.flatMap(({ section: of, keys, title }) => (of === section && keys ? [{ keys, label: title }] : [])),
        }))
        .filter(({ items }) => items.length > 0),
  )

  /** While a component is set up: what the commands of the table do as long as it is there. */
  contribute(source: Source): void {
    this.#sources.add(source)
  }

  /** While a component is set up: more to choose from in the palette. */
  offer(source: OfferSource): void {
    this.#offers.add(source)
  }

  run(id: string): boolean {
    const command = this.all.find((each) => each.id === id)
    if (command === undefined || command.reason) return false
    command.run()
    return true
  }

  /** The command a chord asks for. `isChord` says whether keys written as in the table were pressed. */
  pressed(isChord: (keys: string) => boolean): Command | undefined {
    return this.all.find(({ keys, also = [] }) => [keys, ...also].some((each) => each !== undefined && isChord(each)))
  }
}

export const commands = new Commands()

/** The keys of a command, for hints on buttons. */
export const keysOf = (id: CommandId): string | undefined => commandText(id).keys
