// The address of a Ray cluster: its head's host and port. This machine may be spoken to; any other has to be confirmed by the person who gives it,
// because weights, prompts and thoughts then leave the machine.
import { LabError } from '../../src-preload/contract.ts'
import { isThisMachine } from '../served/address.ts'

/**
 * @param confirmed whether the person said that weights, prompts and thoughts may leave this machine
 * Throws LabError `ray.address` for what is no host and port, `ray.away` for another machine that was not confirmed.
 */
export function rayAddress(text: string, confirmed: boolean): string {
  const given = text.trim()
  const full = `http://${given.replace(/^ray:\/\//, '')}`
  const url = /^(ray:\/\/)?[^/@?#]+:\d+$/.test(given) && URL.canParse(full) ? new URL(full) : null
  if (url === null)
    throw new LabError('ray.address', {
      expected: 'the address of a Ray cluster, a host and a port such as 127.0.0.1:6379',
      found: given === '' ? 'nothing' : given,
      next: 'Start one here with ray start --head --node-ip-address 127.0.0.1 --port 6379, and write what it prints.',
    })
  if (!isThisMachine(url.hostname) && !confirmed)
    throw new LabError('ray.away', {
      expected: 'a cluster that is entered on this machine, or a yes to leaving it',
      found: `${url.hostname}, where weights, prompts and thoughts would be sent`,
      next: 'Say that they may leave this machine (--leaves-machine, or the box beside the address), or give an address of this machine.',
    })
  return given
}
