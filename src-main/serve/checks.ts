// Who may talk to the served lab. It listens on this machine only; a page of another site can still try, so every request must name
// this machine as host (against DNS rebinding), come from our own page, and, for anything that is data, carry the token. The token is
// never a cookie: cookies are shared between all ports of a host.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { SUBPROTOCOL, tokenProtocol } from '../../src-preload/contract.ts'

export interface Refusal {
  readonly status: 401 | 403 | 421
  readonly reason: string
}

const HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]'])
const TOKEN_BYTES = 32

export const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url')

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Takes the same time whatever differs. */
export const sameToken = (given: string, expected: string): boolean => timingSafeEqual(digest(given), digest(expected))

/** The host a request says it is for, without its port, which a tunnel may have changed. Null when it is not a host at all. */
function hostName(host: string | undefined): string | null {
  if (host === undefined) return null
  const { hostname = null, pathname = '' } = URL.canParse(`http://${host}/`) ? new URL(`http://${host}/`) : {}
  return pathname === '/' ? hostname : null
}

function checkHost({ host }: IncomingHttpHeaders): Refusal | null {
  const name = hostName(host)
  return name !== null && HOSTS.has(name) ? null : { status: 421, reason: 'this program answers for this machine only' }
}

const ownOrigin = ({ host }: IncomingHttpHeaders): string => `http://${host}`

/** Requests for pages: any from this machine, none from another site. */
export function checkRequest(headers: IncomingHttpHeaders): Refusal | null {
  const refused = checkHost(headers)
  if (refused !== null) return refused
  if (headers.origin !== undefined && headers.origin !== ownOrigin(headers))
    return { status: 403, reason: 'the request comes from another site' }
  return null
}

/** Requests for data, besides `checkRequest`. */
export function checkToken({ authorization }: IncomingHttpHeaders, token: string): Refusal | null {
  const given = /^Bearer (.+)$/.exec(authorization ?? '')?.[1]
  return given !== undefined && sameToken(given, token) ? null : { status: 401, reason: 'the token is missing or wrong' }
}

/** Requests that bring something: browsers say where those come from, and it must be our own page. */
export function checkSender(headers: IncomingHttpHeaders, token: string): Refusal | null {
  if (headers.origin !== ownOrigin(headers)) return { status: 403, reason: 'the request comes from another site' }
  return checkToken(headers, token)
}

/** A WebSocket must say where it comes from: browsers always do. */
export function checkUpgrade(headers: IncomingHttpHeaders, token: string): Refusal | null {
  const refused = checkHost(headers)
  if (refused !== null) return refused
  if (headers.origin !== ownOrigin(headers)) return { status: 403, reason: 'the connection comes from another site' }
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim())
  if (!offered.includes(SUBPROTOCOL) || !offered.some((each) => sameToken(each, tokenProtocol(token))))
    return { status: 401, reason: 'the token is missing or wrong' }
  return null
}
