// The life of a native object: created, used by one job at a time, disposed. Disposing while a job runs cancels it and
// makes its promise reject with `disposed`; the native memory goes when the job has let go of it.
import type { NativeJob } from './addon.ts'
import { EngineError, fromNative, native } from './errors.ts'

/** What was made with one engine and is still alive. The engine disposes it when it goes. */
export class Owner {
  readonly #lives = new Set<{ dispose(): void }>()

  adopt(life: { dispose(): void }): void {
    this.#lives.add(life)
  }

  forget(life: { dispose(): void }): void {
    this.#lives.delete(life)
  }

  disposeAll(): void {
    for (const life of [...this.#lives]) life.dispose()
  }
}

export class Life<Handle> {
  readonly #owner: Owner
  readonly #what: string
  readonly #handle: Handle
  readonly #release: (handle: Handle) => void
  #disposed = false
  #running: NativeJob<unknown> | undefined

  constructor(owner: Owner, what: string, handle: Handle, release: (handle: Handle) => void) {
    this.#owner = owner
    this.#what = what
    this.#handle = handle
    this.#release = release
    owner.adopt(this)
  }

  /** The native object. Throws disposed. */
  get handle(): Handle {
    if (this.#disposed) throw this.#gone()
    return this.#handle
  }

  get disposed(): boolean {
    return this.#disposed
  }

  get busy(): boolean {
    return this.#running !== undefined
  }

  /** Throws disposed or busy. */
  requireIdle(): void {
    void this.handle
    if (this.#running) {
      throw new EngineError('busy', {
        expected: `an idle ${this.#what}`,
        found: 'a call that is still running',
        next: 'Wait for it, or cancel it.',
      })
    }
  }

  /**
   * Starts a job and follows it. Rejects with busy, disposed, cancelled (the signal was aborted before) or what the job reports.
   * @param whole a job that ends well has ended whole, and changed what it changes: its result is told although the object went meanwhile
   */
  async run<Result>(start: (handle: Handle) => NativeJob<Result>, signal: AbortSignal | undefined, whole = false): Promise<Result> {
    this.requireIdle()
    throwIfAborted(signal)
    const job = native(() => start(this.#handle))
    this.#running = job
    const cancel = (): void => job.cancel()
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      const result = await job.promise
      if (this.#disposed && !whole) throw this.#gone()
      return result
    } catch (thrown) {
      throw this.#disposed ? this.#gone() : fromNative(thrown)
    } finally {
      signal?.removeEventListener('abort', cancel)
      this.#running = undefined
    }
  }

  /** Safe to call twice. */
  dispose(): void {
    if (this.#disposed) return
    this.#disposed = true
    this.#running?.cancel()
    this.#release(this.#handle)
    this.#owner.forget(this)
  }

  #gone(): EngineError {
    return new EngineError('disposed', { expected: `a live ${this.#what}`, found: 'one that was disposed', next: 'Create it again.' })
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) {
    throw new EngineError('cancelled', { expected: 'the call to run', found: 'a signal that was aborted', next: 'Nothing was changed.' })
  }
}
