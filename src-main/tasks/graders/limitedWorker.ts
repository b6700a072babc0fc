// One worker thread with a time and memory limit: questions wait in line, and a question that
// takes too long costs its thread, never the caller. The limit is processor time of the thread, so
// that a busy machine does not turn right answers into timeouts; a thread that does not say how much
// it used is ended soon, and every thread after WALL_FACTOR limits of wall time.
// Opening a thread (and loading the computer algebra) is not counted against a question.

import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Reply } from './algebraWorker.ts'
import type { Question } from './kinds.ts'

export type Limits = { readonly timeLimitMs: number; readonly memoryMb: number }

const WALL_FACTOR = 10
/** How long a thread may keep silent about its processor time, in limits. */
const PATIENCE_FACTOR = 2
const OPENING_MS = 60_000

/** `start` is answered as soon as the thread runs, `algebra` once the computer algebra is loaded. */
type Message = Question | 'start' | 'algebra'
type Outcome = Reply | 'open' | 'timeout' | 'memory'

const gaveUp = (reason: 'timeout' | 'memory'): Reply => ({ correct: false, extracted: null, reason })

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
export class LimitedWorker {
  readonly #script: URL
  readonly #limits: Limits
  #thread: Worker | undefined
  #algebraOpen = false
  #line: Promise<unknown> = Promise.resolve()
  #closed = false
  /** Questions this thread has answered; and how many it had when the last try ended. */
  #answered = 0
  #lastAnswered = 0

  constructor(script: URL, limits: Limits) {
    this.#script = script
    this.#limits = limits
  }

  /** The reply, or one with reason `timeout` or `memory` when a limit was reached. Rejects only if the thread cannot be started or was closed. */
  ask(question: Question): Promise<Reply> {
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
    this.#algebraOpen = false
    await thread?.terminate()
  }

  /** A thread that dies of memory after answering others may owe that to an earlier question: this one is then asked again in a fresh thread. */
  async #askNow(question: Question): Promise<Reply> {
    const first = await this.#askOnce(question)
    const reply = first === 'memory' && this.#lastAnswered > 0 && !this.#closed ? await this.#askOnce(question) : first
    return reply === 'timeout' || reply === 'memory' ? gaveUp(reply) : reply
  }

  async #askOnce(question: Question): Promise<Reply | 'timeout' | 'memory'> {
    const reply = await this.#tryOnce(question)
    this.#lastAnswered = this.#answered
    if (reply === 'timeout' || reply === 'memory') await this.#end()
    else this.#answered++
    return reply
  }

  /** One try: opens the thread and the computer algebra where they are not open; a thread that dies of memory while opening is a try without an answer. */
  async #tryOnce(question: Question): Promise<Reply | 'timeout' | 'memory'> {
    if (this.#closed) throw new Error('the grader is closed')
    if (this.#thread === undefined) {
      this.#open()
      if ((await this.#prepare('start')) === 'memory') return 'memory'
    }
    if (question.ask === 'same' && !this.#algebraOpen) {
      if ((await this.#prepare('algebra')) === 'memory') return 'memory'
      this.#algebraOpen = true
    }
    return (await this.#exchange(question, this.#limits.timeLimitMs)) as Reply | 'timeout' | 'memory'
  }

  /** A thread may run out of memory after its answer was taken or while it is being ended: such a late error has a listener of its own, and the thread is forgotten. */
  #open(): void {
    const thread = new Worker(this.#script, { resourceLimits: { maxOldGenerationSizeMb: this.#limits.memoryMb } })
    const forget = (): void => {
      if (this.#thread !== thread) return
      this.#thread = undefined
      this.#algebraOpen = false
    }
    thread.on('error', forget).on('exit', forget)
    thread.unref()
    this.#thread = thread
    this.#answered = 0
  }

  async #prepare(message: 'start' | 'algebra'): Promise<'open' | 'memory'> {
    const reply = await this.#exchange(message, OPENING_MS)
    if (reply === 'open' || reply === 'memory') return reply
    throw new Error(`the grader's worker ${this.#script.href} did not answer "${message}" within ${OPENING_MS} ms`)
  }

  /** Sends one message and waits for its answer, the end of the time, or the end of the thread. */
  #exchange(message: Message, limitMs: number): Promise<Outcome> {
    const thread = this.#thread
    if (thread === undefined) return Promise.resolve('memory')
    const answered = new AbortController()
    thread.ref()
    return new Promise<Outcome>((resolve, reject) => {
      const settle = (finish: () => void): void => {
        if (answered.signal.aborted) return
        answered.abort()
        thread.off('message', onMessage).off('error', onError).off('exit', onExit)
        thread.unref()
        finish()
      }
      const onMessage = (reply: Outcome): void => settle(() => resolve(reply))
      const onError = (error: Error & { code?: string }): void =>
        settle(() => {
          if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve('memory')
          else
            void this.#end().then(() =>
              reject(new Error(`the grader's worker ${this.#script.href} failed: ${error.message}`, { cause: error })),
            )
        })
      const onExit = (): void => settle(() => (this.#closed ? reject(new Error('the grader is closed')) : resolve('memory')))
      thread.on('message', onMessage).on('error', onError).on('exit', onExit)
      void outOfTime(thread, limitMs, answered.signal).then(() => settle(() => resolve('timeout')))
      thread.postMessage(message)
    })
  }
}
