/**
 * The window's one line to the laboratory: picks the channel (what the preload exposes, or a WebSocket to the server that
 * sent this page), and keeps what everybody asks about it: is it there, is the lab alive, which workspace is open.
 * Events are handed on once per frame, of progress only the newest report of each job.
 */
import {
  createClient,
  exposedTransport,
  takeToken,
  webSocketTransport,
  type AppInfo,
  type Client,
  type Exposed,
  type LabErrorData,
  type LabEvent,
  type LabStatus,
  type Transport,
  type Workspace,
} from '../../src-preload/contract.ts'
import { commands } from './commands.svelte.ts'
import { nextFrame } from './frame.ts'

declare global {
  interface Window {
    /** Put there by the preload in a desktop window. */
    readonly mrt?: Exposed
  }
}

/** `refused`: the server is there but does not take this page's token; `tokenless`: the page was opened without one. */
export type Phase = 'connecting' | 'open' | 'lost' | 'refused' | 'tokenless'

const FOREIGN_MS = 4000

type Listener = (events: readonly LabEvent[]) => void

/** What a newer event of the same replaces: the progress of a job, the text of a rollout that is being written. Null: it stands for itself. */
const replacedBy = (event: LabEvent): string | null =>
  event.kind === 'progress' ? `progress ${event.report.job}` : event.kind === 'playground' ? `playground ${event.key}` : null

/** The same events in order; of the progress of one job, and of one text that is being written, only the newest. */
export function latestProgress(events: readonly LabEvent[]): readonly LabEvent[] {
  const newest = new Map(events.map((event) => [replacedBy(event), event]))
  return events.filter((event) => replacedBy(event) === null || newest.get(replacedBy(event)) === event)
}

export class Lab {
  phase: Phase = $state('connecting')
  /** Why the channel is not there. */
  outage: LabErrorData | null = $state.raw(null)
  status: LabStatus | null = $state.raw(null)
  info: AppInfo | null = $state.raw(null)
  /** Null: none is open. Undefined: not known yet. */
  workspace: Workspace | null | undefined = $state.raw(undefined)
  /** Grows whenever everything that was read may be different: a new connection, a restarted lab, another workspace. */
  epoch = $state(0)
  readOnly = $derived(this.workspace?.access.mode === 'read')

  /** The key of this page at the server that sent it; empty in a desktop window. */
  token = ''
  #client: Client | null = null
  #listeners = new Set<Listener>()
  #waiting: LabEvent[] = []
  #planned: (() => void) | null = null
  #timer: ReturnType<typeof setTimeout> | undefined

  /** Throws before `connect`: pages stand only where there was a connection. */
  get client(): Client {
    if (this.#client === null) throw new Error('the lab was asked before the window was connected to it')
    return this.#client
  }

  connect(transport: Transport, isServerThere: () => Promise<boolean> = async () => false): void {
    const { client, onCommand, onFiles, onConnection, onEvent, onStatus } = createClient(transport)
    this.#client = client
    // Chosen in the menu of a desktop window.
    onCommand((id) => void commands.run(id))
    onFiles((paths) => {
      for (const listener of this.#fileListeners) listener(paths)
    })
    onStatus((status) => {
      const wasReady = this.status?.state === 'ready'
      this.status = status
      if (this.phase !== 'open') this.#opened()
      else if (status.state === 'ready' && !wasReady) this.#changed()
    })
    onConnection((outage) => {
      this.outage = outage
      if (outage === null) this.#opened()
      else if (this.phase === 'open' || this.phase === 'lost') this.phase = 'lost'
      // A handshake that fails looks the same whether nobody listens or the token is wrong; asking for the page tells them apart.
      else void isServerThere().then((there) => (this.phase === 'open' ? undefined : (this.phase = there ? 'refused' : 'connecting')))
    })
    onEvent((event) => {
      this.#waiting.push(event)
      this.#planned ??= nextFrame(() => this.#flush())
    })
  }

  readonly #fileListeners = new Set<(paths: readonly string[]) => void>()
  /** Files that the system asks the program to open; returns how to stop listening. */
  onFiles(listener: (paths: readonly string[]) => void): () => void {
    this.#fileListeners.add(listener)
    return () => void this.#fileListeners.delete(listener)
  }

  /** Hears events as they come, a frame's worth at a time; returns how to stop. */
  on(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #opened(): void {
    this.phase = 'open'
    this.outage = null
    this.client.app.info().then(
      (info) => (this.info = info),
      () => {},
    )
    this.#changed()
  }

  #changed(): void {
    this.epoch += 1
    this.#readWorkspace()
  }

  #readWorkspace(): void {
    this.client.workspace.info().then(
      (workspace) => {
        const another = this.workspace !== undefined && workspace?.uid !== this.workspace?.uid
        this.workspace = workspace
        if (another) this.epoch += 1
        this.#lookAgain()
      },
      () => {},
    )
  }

  /** What another program writes tells no events here: it is read again every few seconds while somebody looks. */
  #lookAgain(): void {
    clearTimeout(this.#timer)
    if (this.readOnly)
      this.#timer = setTimeout(() => (document.hidden || this.phase !== 'open' ? this.#lookAgain() : this.#changed()), FOREIGN_MS)
  }

  #flush(): void {
    this.#planned = null
    const events = latestProgress(this.#waiting.splice(0))
    // An import changes what the workspace counts as well.
    if (events.some((event) => event.kind === 'changed' && ['workspace', 'runs', 'datasets', 'evaluations'].includes(event.noun)))
      this.#readWorkspace()
    for (const listener of this.#listeners) listener(events)
  }
}

export const lab = new Lab()

/** Connects `lab` with whatever this window has. */
export function connectLab(page: Window = window): void {
  if (page.mrt) return lab.connect(exposedTransport(page.mrt))
  const token = takeToken(page)
  if (token === null) {
    lab.phase = 'tokenless'
    return
  }
  lab.token = token
  const address = new URL('lab', page.location.href)
  address.protocol = address.protocol.replace('http', 'ws')
  address.hash = ''
  lab.connect(webSocketTransport(address.href, token), () =>
    fetch(page.location.pathname, { method: 'HEAD', cache: 'no-store' }).then(
      () => true,
      () => false,
    ),
  )
}
