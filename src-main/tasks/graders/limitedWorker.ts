// One worker thread with a time and memory limit: questions wait in line, and a question that
// takes too long costs its thread, never the caller. The limit is processor time of the thread, so
// that a busy machine does not turn right answers into timeouts; a thread that does not say how much
// it used is ended soon, and every thread after WALL_FACTOR limits of wall time.
// Opening a thread, and loading what a question needs in it, is not counted against a question.
// The script answers a question with its reply, and a word (`start`, or what `Limits.needs` names) with 'open' once it is ready for it.

import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'

export type Limits<Question> = {
  readonly timeLimitMs: number
  /** Without one the thread has what any thread has. */
  readonly memoryMb?: number
  /** What the thread must have loaded before this question; null for nothing. */
  readonly needs?: (question: Question) => string | null
}
/** The limit that a question reached. */
export type Reached = 'timeout' | 'memory'

const WALL_FACTOR = 10
/** How long a thread may keep silent about its processor time, in limits. */
const PATIENCE_FACTOR = 2
const OPENING_MS = 60_000
const CLOSED = 'the worker is closed'

/** Processor time of a thread in milliseconds; NaN where Node cannot tell or the thread keeps silent for `patienceMs`. */
const processorMs = async (thread: Worker, patienceMs: number): Promise<number> => {
  if (typeof thread.cpuUsage !== 'function') return NaN
  const heard = new AbortController()
  const usage = thread.cpuUsage().then(
    ({ user, system }) => (user + system) / 1000,
    () => NaN,
  )
  const silence = wait(patienceMs, NaN, { signal: heard.signal }).catch(() => NaN)
  return Promise.race([usage, silence]).finally(() => heard.abort())
}

/** Resolves when the thread has used its time since this call, or `answered` is aborted. */
const outOfTime = async (thread: Worker, limitMs: number, answered: AbortSignal): Promise<void> => {
  const start = performance.now()
  const before = await processorMs(thread, PATIENCE_FACTOR * limitMs)
  for (let rest = limitMs; !answered.aborted;) {
    await wait(rest, undefined, { signal: answered }).catch(() => undefined)
    if (answered.aborted) return
    const used = (await processorMs(thread, PATIENCE_FACTOR * limitMs)) - before
    if (Number.isNaN(used) || used >= limitMs || performance.now() - start >= WALL_FACTOR * limitMs) return
    rest = Math.max(20, limitMs - used)
  }
}

/** Opens its thread on the first question; `close` ends it. A closed worker refuses further questions. */
export class LimitedWorker<Question extends object, Reply extends object> {
  readonly #script: URL
  readonly #limits: Limits<Question>
  #thread: Worker | undefined
  /** What this thread has loaded. */
  #loaded = new Set<string>()
  #line: Promise<unknown> = Promise.resolve()
  #closed = false
  /** Questions this thread has answered; and how many it had when the last try ended. */
  #answered = 0
  #lastAnswered = 0

  constructor(script: URL, limits: Limits<Question>) {
    this.#script = script
    this.#limits = limits
  }

  /** The reply, or the limit that was reached. Rejects only if the thread cannot be started, was closed, or its script failed. */
  ask(question: Question): Promise<Reply | Reached> {
    const reply = this.#line.then(() => this.#askNow(question))
    this.#line = reply.catch(() => undefined)
    return reply
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#end()
  }

  async #end(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    this.#loaded.clear()
    await thread?.terminate()
  }

  /** A thread that dies of memory after answering others may owe that to an earlier question: this one is then asked again in a fresh thread. */
  async #askNow(question: Question): Promise<Reply | Reached> {
    const first = await this.#askOnce(question)
    return first === 'memory' && this.#lastAnswered > 0 && !this.#closed ? this.#askOnce(question) : first
  }

  async #askOnce(question: Question): Promise<Reply | Reached> {
    const reply = await this.#tryOnce(question)
    this.#lastAnswered = this.#answered
    if (reply === 'timeout' || reply === 'memory') await this.#end()
    else this.#answered++
    return reply
  }

  /** One try: opens the thread and loads what the question needs where that is not there; a thread that dies of memory meanwhile is a try without an answer. */
  async #tryOnce(question: Question): Promise<Reply | Reached> {
    if (this.#closed) throw new Error(CLOSED)
    if (this.#thread === undefined) {
      this.#open()
      if ((await this.#prepare('start')) === 'memory') return 'memory'
    }
    const needed = this.#limits.needs?.(question) ?? null
    if (needed !== null && !this.#loaded.has(needed)) {
      if ((await this.#prepare(needed)) === 'memory') return 'memory'
      this.#loaded.add(needed)
    }
    return (await this.#exchange(question, this.#limits.timeLimitMs)) as Reply | Reached
  }

  /** A thread may run out of memory after its answer was taken or while it is being ended: such a late error has a listener of its own, and the thread is forgotten. */
  #open(): void {
    const { memoryMb } = this.#limits
    const thread = new Worker(this.#script, { resourceLimits: memoryMb === undefined ? {} : { maxOldGenerationSizeMb: memoryMb } })
    const forget = (): void => {
      if (this.#thread !== thread) return
      this.#thread = undefined
      this.#loaded.clear()
    }
    thread.on('error', forget).on('exit', forget)
    thread.unref()
    this.#thread = thread
    this.#answered = 0
  }

  async #prepare(message: string): Promise<'open' | 'memory'> {
    const reply = await this.#exchange(message, OPENING_MS)
    if (reply === 'open' || reply === 'memory') return reply
    throw new Error(`the worker ${this.#script.href} did not answer "${message}" within ${OPENING_MS} ms`)
  }

  /** Sends one message and waits for its answer, the end of the time, or the end of the thread. */
  #exchange(message: Question | string, limitMs: number): Promise<unknown> {
    const thread = this.#thread
    if (thread === undefined) return Promise.resolve('memory')
    const answered = new AbortController()
    thread.ref()
    return new Promise<unknown>((resolve, reject) => {
      const settle = (finish: () => void): void => {
        if (answered.signal.aborted) return
        answered.abort()
        thread.off('message', onMessage).off('error', onError).off('exit', onExit)
        thread.unref()
        finish()
      }
      const onMessage = (reply: unknown): void => settle(() => resolve(reply))
      const onError = (error: Error & { code?: string }): void =>
        settle(() => {
          if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve('memory')
          else void this.#end().then(() => reject(new Error(`the worker ${this.#script.href} failed: ${error.message}`, { cause: error })))
        })
      const onExit = (): void => settle(() => (this.#closed ? reject(new Error(CLOSED)) : resolve('memory')))
      thread.on('message', onMessage).on('error', onError).on('exit', onExit)
      void outOfTime(thread, limitMs, answered.signal).then(() => settle(() => resolve('timeout')))
      thread.postMessage(message)
    })
  }
}
