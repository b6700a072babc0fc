// One request to a server and its whole answer. The only place in the program that opens a connection to an address that a person gave. Redirections
// are not followed: they could lead away from the address that was confirmed.
import http from 'node:http'
import https from 'node:https'

export interface Posted {
  readonly status: number
  readonly text: string
  /** Seconds after which the server wants to be asked again; null where it does not say. */
  readonly retryAfter: number | null
}

export interface PostOptions {
  readonly key: string | null
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** Most bytes of one answer. */
const LARGEST = 256 * 2 ** 20

/** An answer that did not come: nobody there, cut off, too late. */
export class LostError extends Error {
  override readonly name = 'LostError'
}

const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) } as const

/** @param body null asks with GET. Throws LostError, or the reason of an aborted signal. */
export function ask(url: string, body: unknown, { key, timeoutMs, signal }: PostOptions): Promise<Posted> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const target = new URL(url)
    const sent = body === null ? null : Buffer.from(JSON.stringify(body))
    const open = target.protocol === 'https:' ? https.request : http.request
    const request = open(target, {
      method: sent === null ? 'GET' : 'POST',
      agent: agents[target.protocol as keyof typeof agents],
      headers: {
        accept: 'application/json',
        ...(sent !== null && { 'content-type': 'application/json', 'content-length': sent.length }),
        ...(key !== null && { authorization: `Bearer ${key}` }),
      },
    })
    const settle = (end: () => void): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
      end()
    }
    const lose = (why: string): void => settle(() => (request.destroy(), reject(new LostError(why))))
    const cancel = (): void => settle(() => (request.destroy(), reject(signal!.reason as Error)))
    const timer = setTimeout(() => lose(`no answer within ${timeoutMs / 1000} s`), timeoutMs)
    signal?.addEventListener('abort', cancel, { once: true })
    request.on('error', (error: NodeJS.ErrnoException) => lose(error.code ?? error.message))
    request.on('response', (response) => {
      const parts: Buffer[] = []
      let length = 0
      response.on('data', (part: Buffer) => {
        parts.push(part)
        length += part.length
        if (length > LARGEST) lose('an answer without end')
      })
      response.on('error', () => lose('an answer that was cut off'))
      response.on('aborted', () => lose('an answer that was cut off'))
      response.on('end', () => {
        if (!response.complete) return lose('an answer that was cut off')
        const after = Number(response.headers['retry-after'])
        settle(() =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(parts).toString('utf8'),
            retryAfter: Number.isFinite(after) && after >= 0 ? after : null,
          }),
        )
      })
    })
    request.end(sent)
  })
}
