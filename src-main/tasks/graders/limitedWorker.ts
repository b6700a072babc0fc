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
  const usage = thread.cpuUsage().then(({ user, system }) => (user + system) / 1000, () => NaN)
  const silence = wait(patienceMs, NaN, { signal: heard.signal }).catch(() => NaN)
  return Promise.race([usage, silence]).finally(() => heard.abort())
}

/** Resolves when the thread has used its time since this call, or `answered` is aborted. */
const outOfTime = async (thread: Worker, limitMs: number, answered: AbortSignal): Promise<void> => {
  const start = performance.now()
  const before = await processorMs(thread, PATIENCE_FACTOR * limitMs)
  for (let rest = limitMs; !answered.aborted; ) {
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

  async #askNow(question: Question): Promise<Reply> {
    if (this.#closed) throw new Error('the grader is closed')
    if (this.#thread === undefined) {
      this.#thread = new Worker(this.#script, { resourceLimits: { maxOldGenerationSizeMb: this.#limits.memoryMb } })
      this.#thread.unref()
      await this.#prepare('start')
    }
    if (question.ask === 'same' && !this.#algebraOpen) {
      await this.#prepare('algebra')
      this.#algebraOpen = true
    }
    const reply = await this.#exchange(question, this.#limits.timeLimitMs)
    if (reply !== 'timeout' && reply !== 'memory') return reply as Reply
    await this.#end()
    return gaveUp(reply)
  }

  async #prepare(message: 'start' | 'algebra'): Promise<void> {
    const reply = await this.#exchange(message, OPENING_MS)
    if (reply !== 'open') throw new Error(`the grader's worker ${this.#script.href} did not answer "${message}" within ${OPENING_MS} ms`)
  }

  /** Sends one message and waits for its answer, the end of the time, or the end of the thread. */
  #exchange(message: Message, limitMs: number): Promise<Outcome> {
    const thread = this.#thread!
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
          else void this.#end().then(() => reject(new Error(`the grader's worker ${this.#script.href} failed: ${error.message}`, { cause: error })))
        })
      const onExit = (): void => settle(() => (this.#closed ? reject(new Error('the grader is closed')) : resolve('memory')))
      thread.on('message', onMessage).on('error', onError).on('exit', onExit)
      void outOfTime(thread, limitMs, answered.signal).then(() => settle(() => resolve('timeout')))
      thread.postMessage(message)
    })
  }
}
