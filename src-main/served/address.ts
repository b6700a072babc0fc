// The address of a served model: the one place that decides what may be spoken to. This machine may; any other has to be confirmed by the person
// who gives it, because prompts and thoughts then leave the machine.
import { LabError } from '../../src-preload/contract.ts'

/** @param hostname as `URL` gives it */
export const isThisMachine = (hostname: string): boolean => /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)

export interface ServedAddress {
  /** Without a slash at its end: `/completions` is put behind it. */
  readonly url: string
  readonly thisMachine: boolean
}

/**
 * Reads an address as a person writes it; `http://` and the usual `/v1` may be left out.
 * @param confirmed whether the person said that what is asked may leave this machine
 * Throws LabError `served.address` for what is no address, `served.away` for one of another machine that was not confirmed.
 */
export function servedAddress(text: string, confirmed: boolean): ServedAddress {
  const refuse = (found: string): LabError =>
    new LabError('served.address', {
      expected: 'the address of a server, such as http://127.0.0.1:8000/v1',
      found,
      next: 'Write it as the server printed it when it started, without a name or password in it.',
    })
  const given = text.trim()
  const full = /^[a-z][a-z\d+.-]*:\/\//i.test(given) ? given : `http://${given}`
  if (given === '' || !URL.canParse(full)) throw refuse(given === '' ? 'nothing' : given)
  const { protocol, hostname, host, pathname, username, password, search, hash } = new URL(full)
  if (protocol !== 'http:' && protocol !== 'https:') throw refuse(`the protocol ${protocol.slice(0, -1)}`)
  if (username !== '' || password !== '' || search !== '' || hash !== '') throw refuse('a name, a password, a query or a mark in it')
  const path = pathname.replace(/\/+$/, '').replace(/\/completions$/, '')
  const thisMachine = isThisMachine(hostname)
  if (!thisMachine && !confirmed)
    throw new LabError('served.away', {
      expected: 'an address of this machine, or a yes to leaving it',
      found: `${host}, where prompts, thoughts and answers would be sent`,
      next: 'Say that they may leave this machine (--leaves-machine, or the box beside the address), or give an address of this machine.',
    })
  return { url: `${protocol}//${host}${path === '' ? '/v1' : path}`, thisMachine }
}
