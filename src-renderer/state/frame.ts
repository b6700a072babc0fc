/**
 * "Once before the next picture": work asked for many times is done once per animation frame, also in a hidden tab, where
 * no frames are drawn.
 */

const HIDDEN_MS = 250

/** Calls `work` at the next frame, or soon when none comes; returns how to call it off. */
export function nextFrame(work: () => void): () => void {
  const done = (): void => {
    stop()
    work()
  }
  const frame = requestAnimationFrame(done)
  const timer = setTimeout(done, HIDDEN_MS)
  const stop = (): void => {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
  }
  return stop
}
