// The workers of a run, as its head sees them: tasks wait, the largest goes first to a worker that is free and has its weights, and a task whose
// worker was lost goes to another. One that does not answer in time is lost too. A lost worker is started anew a few times. What a task gives
// depends on the task alone, so who does it, and how often it was begun, changes no number. The driver that reaches the workers is a program at the
// other end of two pipes.
import { spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { LabError } from '../../src-preload/contract.ts'
import { pack, readFrames, writeFrame, type Frame, type Header } from './frames.ts'
import { openPatience, wallAlarm, type Alarm } from './patience.ts'
import { FINGERPRINT_TOKENS, type WorkerModel } from './worker.ts'

/** How often a place is filled anew after its worker was lost. */
const STARTS = 4
/** How often a task is begun: one that takes every worker with it is not asked for ever. */
const TRIES = 4

/** A program that speaks frames: the Python driver, or another of the same manners. */
export interface DriverProcess {
  readonly input: Writable
  readonly output: Readable
  /** Resolves with how it ended. */
  readonly ended: Promise<string>
  kill(): void
}

export function startDriver(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): DriverProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-2000)
  })
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) =>
      resolve(`${signal === null ? `code ${code}` : `signal ${signal}`}${said === '' ? '' : `, "${said.trim().split('\n').at(-1)}"`}`),
    )
  })
  // A pipe to a driver that is gone; its end tells the story.
  child.stdin.on('error', () => {})
  return { input: child.stdin, output: child.stdout, ended, kill: () => child.kill('SIGKILL') }
}

/** A worker that opens has a program to start: it is given this at least. */
const OPENING_MS = 60_000

export interface ClusterOptions {
  readonly driver: DriverProcess
  readonly address: string
  readonly workers: number
  /** What starts a worker, on every node. */
  readonly command: readonly string[]
  readonly model: WorkerModel
  /** Milliseconds that a worker may always be silent before it is taken for lost; large tasks may take longer, as their size and the pace so far say. */
  readonly patienceMs: number
  readonly alarm?: Alarm
  readonly signal?: AbortSignal
  /** Hears of workers that came, were lost, or were refused. */
  readonly onChange: (change: Change) => void
}

export interface Change {
  readonly kind: 'joined' | 'lost' | 'refused'
  readonly worker: number
  readonly node: string
  readonly why: string
}

/** What was done since the last look. */
export interface Work {
  /** Workers there are now. */
  readonly workers: number
  readonly tasks: number
  /** Tasks that were begun again because their worker was lost. */
  readonly redone: number
  readonly lost: number
  readonly bytesSent: number
  readonly bytesReceived: number
  /** Bytes of weights that were put into the object store, once for all workers. */
  readonly bytesOfWeights: number
  /** Milliseconds that workers computed, all of them together. */
  readonly busyMs: number
  /** Of the worker that computed longest. */
  readonly longestMs: number
}

export interface Weights {
  readonly name: string
  /** All of a model, or its adapters. */
  readonly part: 'all' | 'adapters'
  readonly bytes: Buffer
  /** What a worker has to say of them. */
  readonly fingerprint: string | null
}

export interface Task {
  readonly kind: 'share' | 'batch'
  readonly body: Buffer
  /** About how many tokens it takes: larger ones go first. */
  readonly tokens: number
}

export interface Cluster {
  readonly workers: number
  /** Weights that tasks from here on are computed with; the last ones are let go. Whole weights stay beneath adapters. */
  use(weights: Weights): Promise<void>
  /** What a worker answers. Throws LabError `ray.lost`, `ray.task`, `ray.bits`, or the reason of an aborted signal. */
  run(task: Task, signal?: AbortSignal): Promise<Buffer>
  /** Resets the counts. */
  work(): Work
  /** Gives the workers back. */
  close(): Promise<void>
}

interface Waiting extends Task {
  readonly signal: AbortSignal | undefined
  tries: number
  resolve(body: Buffer): void
  reject(error: unknown): void
}

interface Place {
  readonly worker: number
  state: 'starting' | 'idle' | 'busy' | 'gone'
  starts: number
  node: string
  /** Names of the weights that lie there. */
  base: string | null
  weights: string | null
  busyMs: number
}

interface Call {
  readonly worker: number
  resolve(frame: Frame): void
  reject(error: unknown): void
  /** Its answer came, or is not waited for any more. */
  rest(): void
}

class LostWorker extends Error {}

const nothing = { tasks: 0, redone: 0, lost: 0, bytesSent: 0, bytesReceived: 0, bytesOfWeights: 0 }

/** Starts the workers and waits for the first of them. Throws LabError `ray.driver` where the driver or the cluster cannot be had, `ray.lost` where no worker comes up. */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { driver, address, command, model, onChange, alarm = wallAlarm } = options
  const patience = openPatience(options.patienceMs)
  const places: Place[] = Array.from({ length: options.workers }, (_, worker) => ({
    worker,
    state: 'starting',
    starts: 1,
    node: '',
    base: null,
    weights: null,
    busyMs: 0,
  }))
  const calls = new Map<number, Call>()
  const stored = new Map<string, () => void>()
  const waiting: Waiting[] = []
  let base: Weights | null = null
  let weights: Weights | null = null
  let nextCall = 0
  let counts = { ...nothing }
  let failure: LabError | null = null
  let closed = false
  const { promise: some, resolve: someCame, reject: noneCame } = Promise.withResolvers<void>()

  const fail = (error: LabError): void => {
    failure ??= error
    noneCame(failure)
    for (const id of calls.keys()) taken(id)!.reject(failure)
    for (const { reject } of waiting.splice(0)) reject(failure)
    for (const resolve of stored.values()) resolve()
  }
  const send = (header: Header, body?: Buffer): void => void writeFrame(driver.input, header, body).catch(() => {})

  /** Takes a call from those under way; null for one that was given up, whose answer came late. */
  function taken(id: number): Call | undefined {
    const asked = calls.get(id)
    calls.delete(id)
    asked?.rest()
    return asked
  }

  function call(place: Place, header: Header, body: Buffer | null, limit: number, from?: string): Promise<Frame> {
    const id = nextCall++
    return new Promise((resolve, reject) => {
      const rest = alarm(limit, () => {
        if (taken(id) === undefined) return
        const why = `no answer to ${header.kind} in ${(limit / 1000).toFixed(limit < 10_000 ? 1 : 0)} s`
        send({ kind: 'drop', worker: place.worker })
        lose(place, why)
        reject(new LostWorker(why))
      })
      calls.set(id, { worker: place.worker, resolve, reject, rest })
      counts.bytesSent += body?.length ?? 0
      send({ kind: 'call', call: id, worker: place.worker, header, stored: from ?? null }, body ?? undefined)
    })
  }

  /** Asks a worker; what it could not do is a fault of the program or of the weights, not of the place. */
  async function ask(place: Place, header: Header, body: Buffer | null, limit: number, from?: string): Promise<Frame> {
    const frame = await call(place, header, body, limit, from)
    if (frame.header.kind === 'failed')
      throw new LabError('ray.task', {
        expected: `a worker on ${place.node} to do what it was asked (${header.kind})`,
        found: String(frame.header.message),
        next: 'Look whether the workers run the same version of the program as this machine.',
      })
    counts.bytesReceived += frame.body.length
    place.busyMs += Number(frame.header.ms ?? 0)
    return frame
  }

  async function bring(place: Place, { name, part, fingerprint }: Weights): Promise<void> {
    const { header } = await ask(place, { kind: 'weights', part }, null, patience.limit(0, place.starts), name)
    patience.saw(FINGERPRINT_TOKENS, Number(header.ms), true)
    if (fingerprint === null || header.fingerprint === fingerprint) return
    throw new LabError('ray.bits', {
      expected: `a worker on ${place.node} to compute the bits of this machine, ${fingerprint}`,
      found: `${String(header.fingerprint)}`,
      next: 'Use nodes of the same kind of processor, and give the run as many threads as a worker has (--threads).',
    })
  }

  /** Loses a worker: its place is filled anew, or is empty from now on. */
  function lose(place: Place, why: string): void {
    if (place.state === 'gone') return
    counts.lost++
    place.base = place.weights = null
    onChange({ kind: 'lost', worker: place.worker, node: place.node, why })
    if (place.starts >= STARTS || closed) place.state = 'gone'
    else {
      place.state = 'starting'
      place.starts++
      send({ kind: 'start', worker: place.worker })
    }
    if (places.every(({ state }) => state === 'gone'))
      fail(
        new LabError('ray.lost', {
          expected: `a worker at ${address}`,
          found: `none left; the last was lost: ${why}`,
          next: 'See what ended them, and resume the run; without the cluster it goes on with the same numbers: mrt resume RUN --here.',
        }),
      )
  }

  async function serve(place: Place, task: Waiting): Promise<void> {
    place.state = 'busy'
    try {
      if (base !== null && place.base !== base.name) {
        await bring(place, base)
        place.base = base.name
      }
      const wanted = weights
      if (wanted !== null && place.weights !== wanted.name) {
        await bring(place, wanted)
        place.weights = wanted.name
      }
      const { header, body } = await ask(place, { kind: task.kind }, task.body, patience.limit(task.tokens, task.tries))
      patience.saw(task.tokens, Number(header.ms), false)
      task.resolve(body)
      counts.tasks++
      place.state = 'idle'
    } catch (error) {
      if (!(error instanceof LostWorker)) {
        place.state = 'idle'
        task.reject(error)
        return
      }
      if (task.tries >= TRIES)
        task.reject(
          new LabError('ray.task', {
            expected: 'a share that a worker survives',
            found: `one whose worker was lost ${task.tries} times, the last time: ${error.message}`,
            next: 'See whether the nodes have the memory that it needs; where they are only slow, be more patient (--ray-patience). Then resume the run.',
          }),
        )
      else if (failure === null) {
        counts.redone++
        waiting.push(task)
      } else task.reject(failure)
    } finally {
      next()
    }
  }

  function next(): void {
    for (const place of places) {
      if (place.state !== 'idle') continue
      for (let at = waiting.length - 1; at >= 0; at--) {
        if (waiting[at]!.signal?.aborted) {
          const [gone] = waiting.splice(at, 1)
          gone!.reject(gone!.signal!.reason)
        }
      }
      if (waiting.length === 0) return
      const largest = waiting.reduce((most, task, at) => (task.tokens > waiting[most]!.tokens ? at : most), 0)
      const [task] = waiting.splice(largest, 1)
      task!.tries++
      void serve(place, task!)
    }
  }

  async function welcome(place: Place, node: string): Promise<void> {
    place.node = node
    try {
      await ask(place, { kind: 'open' }, pack(model), Math.max(OPENING_MS, patience.limit(0, place.starts)))
      place.state = 'idle'
      onChange({ kind: 'joined', worker: place.worker, node, why: '' })
      someCame()
      next()
    } catch (error) {
      if (error instanceof LabError) fail(error)
    }
  }

  async function listen(): Promise<void> {
    for await (const { header, body } of readFrames(driver.output)) {
      const place = places[Number(header.worker)]
      if (header.kind === 'joined') void welcome(place!, `${String(header.host)}/${String(header.node)}`)
      else if (header.kind === 'refused') fail(noDriver(address, String(header.why)))
      else if (header.kind === 'stored') stored.get(String(header.name))?.()
      else if (header.kind === 'answer') taken(Number(header.call))?.resolve({ header: header.header as Header, body })
      // Of a call that was given up, what there is to tell was told; the place has another worker by now.
      else if (header.kind === 'lost' && (header.call === undefined || calls.has(Number(header.call)))) {
        lose(place!, String(header.why))
        for (const [id, { worker }] of calls) if (worker === place!.worker) taken(id)!.reject(new LostWorker(String(header.why)))
      }
    }
    const how = await driver.ended
    if (!closed) fail(noDriver(address, `the driver ended: ${how}`))
  }

  void listen()
  void driver.ended.then((how) => !closed && fail(noDriver(address, `the driver ended: ${how}`)))
  options.signal?.addEventListener('abort', () => {
    for (const { reject } of waiting.splice(0)) reject(options.signal!.reason)
  })
  send({ kind: 'join', address, workers: options.workers, cpus: model.threads, command })
  const close = async (): Promise<void> => {
    closed = true
    for (const { rest } of calls.values()) rest()
    driver.input.end()
    const late = setTimeout(() => driver.kill(), 10_000)
    await driver.ended
    clearTimeout(late)
  }
  try {
    await some
  } catch (error) {
    await close()
    throw error
  }

  return {
    workers: options.workers,
    async use(given) {
      if (weights?.name === given.name || base?.name === given.name) return
      const last = given.part === 'all' ? base : weights
      const { promise, resolve } = Promise.withResolvers<void>()
      stored.set(given.name, resolve)
      send({ kind: 'put', name: given.name }, given.bytes)
      await promise
      stored.delete(given.name)
      if (failure !== null) throw failure
      counts.bytesOfWeights += given.bytes.length
      if (last !== null) send({ kind: 'free', name: last.name })
      if (given.part === 'all') base = given
      else weights = given
    },
    run: (task, signal) =>
      new Promise((resolve, reject) => {
        if (failure !== null) return reject(failure)
        waiting.push({ ...task, signal, tries: 0, resolve, reject })
        next()
      }),
    work() {
      const done: Work = {
        ...counts,
        workers: places.filter(({ state }) => state !== 'gone').length,
        busyMs: places.reduce((sum, { busyMs }) => sum + busyMs, 0),
        longestMs: Math.max(...places.map(({ busyMs }) => busyMs)),
      }
      counts = { ...nothing }
      for (const place of places) place.busyMs = 0
      return done
    },
    close,
  }
}

const noDriver = (address: string, found: string): LabError =>
  new LabError('ray.driver', {
    expected: `a Ray cluster at ${address}, reached by a Python that has the package ray`,
    found,
    next: 'Start the cluster (ray start --head), install ray into a virtual environment, and name its Python with --ray-python.',
  })
