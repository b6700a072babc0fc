/** Moments as people say them: the time today, the day this year, the year before. */

const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' })
const year = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })

export function when(ms: number, nowMs = Date.now()): string {
  const then = new Date(ms)
  const now = new Date(nowMs)
  if (then.toDateString() === now.toDateString()) return `today ${time.format(then)}`
  return then.getFullYear() === now.getFullYear() ? `${day.format(then)}, ${time.format(then)}` : year.format(then)
}

/** To the second, for logs; with the day where it is not today. */
export const exactly = (ms: number, nowMs = Date.now()): string =>
  new Date(ms).toDateString() === new Date(nowMs).toDateString() ? clock.format(ms) : `${day.format(ms)} ${clock.format(ms)}`
