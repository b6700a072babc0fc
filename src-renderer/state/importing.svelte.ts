/**
 * Bringing files in, from the drop to the job: what was dropped or chosen goes to the lab (as paths where the window knows
 * them, as copies from a browser), the lab says what each is, the person changes what was guessed, and each group of the same
 * kind becomes one import. Nothing is kept before the person says so; what was copied and not wanted is taken back.
 */
import type { ImportChoices, ImportKind, ImportOffer, ImportResult, ImportStart } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'
import type { Dropped, Flying } from './drop.svelte.ts'
import { isCancelled, problemOf, type Problem } from './problem.ts'
import { href, place } from './route.svelte.ts'
import { piecesOf, send, type Piece } from './sending.ts'
import { openFolder } from './workspaces.svelte.ts'

const endings: readonly (readonly [RegExp, string])[] = [
  [
    /\.(jsonl|ndjson|json|csv|tsv|parquet|arrow|arrows|feather|db|sqlite|sqlite3|zip|tar|tgz|eval)(\.gz|\.zst)?$/i,
    'look at its rows, then import it as a dataset or as rollouts',
  ],
  [/\.(safetensors|gguf)$/i, 'look at it as a model'],
  [/\.(pkl|pickle)$/i, 'show how to convert it: pickles are never opened'],
]

/** What letting a file go will do, as far as it can be known while it is in the air. */
export function whatWillHappen({ name, folder }: Flying): string {
  if (folder) return 'look inside: a dump of a trainer, a model or a workspace'
  return endings.find(([ending]) => name !== null && ending.test(name))?.[1] ?? 'look at it, then say what it can be imported as'
}

/** How the files of one kind are to be imported. */
export class Group {
  readonly paths: readonly string[]
  offers: readonly ImportOffer[] = $state.raw([])
  /** What the files are read as; null leaves it to the lab. */
  as: string | null = $state(null)
  map: Readonly<Record<string, string>> = $state.raw({})
  name: string | number | null = $state('')
  grader: string | null = $state(null)
  keepDuplicates = $state(false)
  /** What makes rollouts samples of one problem. */
  identity: ImportStart['identity'] = $state('prompt')
  /** The table of a SQLite database; null where it has only one. */
  table: string | null = $state(null)
  /** Share of problems held out, in percent; null leaves them as they are. */
  heldOut: number | null = $state(null)
  seed: number | null = $state(1)
  looking = $state(false)
  problem: Problem | null = $state.raw(null)
  #turn = 0

  kind: ImportKind = $derived.by(() =>
    this.as === null ? (this.offers[0]?.kind ?? 'unknown') : this.as === 'dataset' || this.as === 'model' ? this.as : 'rollouts',
  )
  refused = $derived.by(() => this.offers.find(({ refusal }) => refusal !== null)?.refusal ?? null)
  /** Why it cannot be imported now; null when it can. */
  reason: string | null = $derived.by(() => {
    if (this.looking) return 'The files are being read again'
    if (this.kind === 'workspace') return 'A workspace is opened, not imported'
    if (this.kind === 'unknown' && (this.offers[0]?.tables.length ?? 0) > 1 && this.table === null) return 'Choose a table first'
    if (this.kind === 'unknown') return 'Say first what these files are'
    if (this.refused) return 'Name the missing columns first'
    if (this.heldOut !== null && (this.seed === null || !(this.heldOut > 0 && this.heldOut < 100)))
      return 'Hold out more than 0 and less than 100 percent, with a seed'
    return null
  })

  constructor(offers: readonly ImportOffer[]) {
    this.offers = offers
    this.paths = offers.map(({ path }) => path)
    this.name = offers.length === 1 ? offers[0]!.name : `${offers[0]!.name} and ${offers.length - 1} more`
  }

  /** Reads the first rows again under what is chosen now. */
  async look(): Promise<void> {
    const turn = ++this.#turn
    this.looking = true
    try {
      const offers = await lab.client.imports.inspect({
        paths: [...this.paths],
        as: this.as,
        map: { ...this.map },
        identity: this.identity,
        table: this.table,
      })
      if (turn !== this.#turn) return
      this.offers = offers
      this.problem = null
    } catch (error) {
      if (turn === this.#turn) this.problem = problemOf(error)
    } finally {
      if (turn === this.#turn) this.looking = false
    }
  }

  readAs(as: string | null): void {
    this.as = as
    this.map = {}
    void this.look()
  }

  /** Reads another table of a database. */
  readTable(table: string | null): void {
    this.table = table
    this.map = {}
    void this.look()
  }

  /** Gives a role another column; null takes it back to what is guessed. */
  assign(role: string, column: string | null): void {
    const { [role]: _before, ...rest } = this.map
    this.map = column === null ? rest : { ...rest, [role]: column }
    void this.look()
  }

  get request(): ImportStart {
    const split =
      this.kind === 'dataset' && this.heldOut !== null
        ? {
            seed: this.seed ?? 1,
            shares: [
              { name: 'train', share: 1 - this.heldOut / 100 },
              { name: 'eval', share: this.heldOut / 100 },
            ],
          }
        : null
    return {
      paths: [...this.paths],
      as: this.as,
      map: { ...this.map },
      name: String(this.name ?? '').trim() || null,
      grader: this.grader,
      keepDuplicates: this.keepDuplicates,
      identity: this.identity,
      table: this.table,
      split,
    }
  }
}

const kindsInOrder: readonly ImportKind[] = ['dataset', 'rollouts', 'model', 'workspace', 'unknown']

class Importing {
  groups: readonly Group[] = $state.raw([])
  choices: ImportChoices | null = $state.raw(null)
  /** Bytes on their way from the browser; null when nothing is. */
  sending: { readonly sent: number; readonly total: number } | null = $state.raw(null)
  looking = $state(false)
  problem: Problem | null = $state.raw(null)
  #abort: AbortController | null = null

  /** The dialog without files yet. */
  ask(): void {
    this.#clear()
    app.front = 'import'
  }

  async take(dropped: readonly Dropped[]): Promise<void> {
    const paths = lab.info?.can.dropPaths ? dropped.flatMap(({ file }) => window.mrt?.pathOf(file) ?? []) : null
    if (paths?.length === 1 && dropped[0]!.flying.folder && lab.workspace === null)
      return void openFolder(paths[0]!).then((problem) => problem && app.say({ tone: 'bad', title: problem.title, text: problem.found }))
    app.front = 'import'
    if (paths) await this.inspect(paths)
    else await this.#send(piecesOf(dropped))
  }

  /** Files of the browser's own dialog. */
  async takeFiles(files: readonly File[]): Promise<void> {
    await this.#send(piecesOf(files.map((file) => ({ file, entry: null }))))
  }

  async chooseFiles(): Promise<void> {
    const paths = await app.attempt(() => lab.client.app.chooseFiles({ title: 'Files to import', extensions: [] }))
    if (paths && paths.length > 0) await this.inspect(paths)
  }

  /** Files that the system asked the program to open. */
  open(paths: readonly string[]): void {
    this.ask()
    void this.inspect(paths)
  }

  async inspect(paths: readonly string[]): Promise<void> {
    this.looking = true
    this.problem = null
    try {
      const [offers, choices] = await Promise.all([lab.client.imports.inspect({ paths: [...paths] }), lab.client.imports.choices()])
      this.choices = choices
      const byKind = Map.groupBy(offers, ({ kind }) => kind)
      // A file that nobody knows stands alone: what is said about it holds for no other.
      this.groups = [
        ...this.groups,
        ...kindsInOrder.flatMap((kind) => {
          const found = byKind.get(kind) ?? []
          return kind === 'dataset' || kind === 'rollouts'
            ? found.length > 0
              ? [new Group(found)]
              : []
            : found.map((offer) => new Group([offer]))
        }),
      ]
    } catch (error) {
      this.problem = problemOf(error)
    } finally {
      this.looking = false
    }
  }

  /** Takes a group out of the dialog, and the copies of its files with it. */
  leaveOut(group: Group): void {
    this.#discard([group])
    this.groups = this.groups.filter((other) => other !== group)
  }

  /** Starts every group that can be imported; the dialog closes, and each says when it is done. */
  async start(): Promise<void> {
    const [ready, rest] = [this.groups.filter(({ reason }) => reason === null), this.groups.filter(({ reason }) => reason !== null)]
    for (const group of ready) {
      const job = await app.attempt(() => lab.client.imports.start(group.request))
      if (job === undefined) return
      this.groups = this.groups.filter((other) => other !== group)
      void lab.client.imports.result({ jobId: job.id }).then(told, (error: unknown) => {
        if (isCancelled(error) || problemOf(error).code === 'job.cancelled')
          app.say({ tone: 'info', title: 'The import was cancelled', text: 'Nothing of it was kept.' })
      })
    }
    this.#discard(rest)
    this.#clear()
    app.front = null
  }

  /** Stops what is on its way and takes back what was copied. */
  close(): void {
    this.#discard(this.groups)
    this.#clear()
  }

  async #send(gathering: Promise<readonly Piece[]>): Promise<void> {
    const abort = new AbortController()
    this.#abort = abort
    this.problem = null
    try {
      const pieces = await gathering
      this.sending = { sent: 0, total: pieces.reduce((sum, { file }) => sum + file.size, 0) }
      const paths = await send(pieces, {
        token: lab.token,
        signal: abort.signal,
        onProgress: (sent, total) => (this.sending = { sent, total }),
      })
      this.sending = null
      await this.inspect(paths)
    } catch (error) {
      if (!abort.signal.aborted)
        this.problem = {
          code: 'upload.failed',
          title: 'The files could not be sent',
          found: error instanceof Error ? error.message : String(error),
          next: 'Try again, or type the path of the file on the machine that runs the lab.',
        }
    } finally {
      this.sending = null
    }
  }

  #discard(groups: readonly Group[]): void {
    const paths = groups.flatMap((group) => group.paths)
    if (paths.length > 0 && lab.workspace) lab.client.imports.discard({ paths }).catch(() => {})
  }

  #clear(): void {
    this.#abort?.abort()
    this.#abort = null
    this.groups = []
    this.sending = null
    this.problem = null
    this.looking = false
  }
}

const several = (count: number, one: string): string => `${count.toLocaleString('en-US')} ${one}${count === 1 ? '' : 's'}`

/** Says in the corner what came of an import, with the way to it. */
function told({ record, records, datasetId, runId, modelId }: ImportResult): void {
  const name = record.files[0]?.name ?? 'The import'
  const aside =
    record.rejectedRows === 0
      ? ''
      : ` ${several(record.rejectedRows, 'row')} ${record.rejectedRows === 1 ? 'was' : 'were'} kept aside with the reason.`
  const [what, to] =
    runId !== null
      ? [several(records, 'rollout'), href('rollouts', { run: runId })]
      : datasetId !== null
        ? [several(records, 'problem'), href('datasets', { dataset: datasetId })]
        : modelId !== null
          ? ['A model', href('models', { model: modelId })]
          : ['Nothing', null]
  app.say({
    tone: record.imported > 0 ? 'good' : 'warn',
    title: `${what} imported`,
    text: `From ${name}.${aside}`,
    ...(to !== null && { action: 'Open', act: () => place.go(to) }),
  })
}

export const importing = new Importing()
