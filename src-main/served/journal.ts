// Answers of a server as they come, on disk until the work that asked for them is done: work that was cut short, here or there, asks only for what
// is missing. A line for each answer; a last line that was cut is not read.
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'

export interface Journal {
  /** What the server answered this request before; undefined where it has not. */
  find(body: unknown): unknown
  keep(body: unknown, answer: unknown): void
  /** Answers that were there when it was opened. */
  readonly known: number
  /** The work is done: nothing needs to be kept. */
  done(): void
}

const keyOf = (body: unknown): string => createHash('sha256').update(JSON.stringify(body)).digest('base64url')

/** @param path a file of this work alone; its folder is made */
export function openJournal(path: string): Journal {
  const answers = new Map<string, unknown>()
  const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
  for (const line of text.split('\n')) {
    try {
      const { key, answer } = JSON.parse(line) as { readonly key: string; readonly answer: unknown }
      answers.set(key, answer)
    } catch {
      // Empty, or cut when the process ended: asked again.
    }
  }
  mkdirSync(dirname(path), { recursive: true })
  // What was cut has no end of line, and the next answer begins one of its own.
  if (text !== '' && !text.endsWith('\n')) appendFileSync(path, '\n')
  return {
    find: (body) => answers.get(keyOf(body)),
    keep(body, answer) {
      const key = keyOf(body)
      answers.set(key, answer)
      appendFileSync(path, `${JSON.stringify({ key, answer })}\n`)
    },
    known: answers.size,
    done: () => rmSync(path, { force: true }),
  }
}
