// The commands open no connection: each runs where whatever would leave this machine is refused and recorded, in the process, its C++
// modules and its children, and nothing is recorded. That the recorder sees every way out is shown first. The pages: test/e2e/offline.spec.ts.
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openOffline, type Offline } from './offline.ts'

const linux = process.platform === 'linux'
let offline: Offline
beforeAll(() => {
  if (linux) offline = openOffline()
})
afterAll(() => offline?.dispose())

const node = (...args: string[]) =>
  spawnSync(process.execPath, args, { encoding: 'utf8', env: offline.env, cwd: offline.folder, timeout: 280_000 })
const mrt = (...args: string[]) => node(join(import.meta.dirname, '../../src-main/cli.ts'), ...args)

describe.runIf(linux)('on a machine that refuses every connection to another', () => {
  it('the recorder sees a socket, a datagram, a name, a resolver, a request and another program', () => {
    const before = offline.attempts().length
    const script = `
      import net from 'node:net'; import dgram from 'node:dgram'; import dns from 'node:dns'; import { spawnSync } from 'node:child_process'
      const settled = (start) => new Promise((done) => start(done))
      await settled((done) => net.connect(81, '192.0.2.1').on('error', done).on('connect', done))
      await settled((done) => net.connect(82, '2001:db8::1').on('error', done).on('connect', done))
      await settled((done) => { const socket = dgram.createSocket('udp4').on('error', done); socket.send('x', 83, '192.0.2.2', () => socket.close(done)) })
      await settled((done) => dns.lookup('named.invalid', done))
      const resolver = new dns.promises.Resolver({ timeout: 200, tries: 1 }); resolver.setServers(['192.0.2.53']); await resolver.resolve4('asked.invalid').catch(() => {})
      await fetch('http://fetched.invalid/').catch(() => {})
      spawnSync(process.execPath, ['-e', "require('node:net').connect(84, '192.0.2.3').on('error', () => {})"], { stdio: 'ignore' })
      await settled((done) => { const server = net.createServer((socket) => socket.end('home')).listen(0, '127.0.0.1', () => net.connect(server.address().port, '127.0.0.1').on('data', (data) => { console.log(String(data)); server.close(done) })) })`
    expect(node('--input-type=module', '-e', script).stdout.trim()).toBe('home')
    const seen = offline.attempts().slice(before).join('\n')
    for (const each of [
      '192.0.2.1:81',
      '2001:db8::1:82',
      '192.0.2.2:83',
      'named.invalid',
      '192.0.2.53:53',
      'fetched.invalid',
      '192.0.2.3:84',
    ])
      expect(seen).toContain(each)
    expect(seen).not.toContain('127.0.0.1')
  })

  it('quickstart, import, export, report, evaluate and self-test try nothing', { timeout: 300_000 }, () => {
    const before = offline.attempts().length
    const workspace = ['--workspace', join(offline.folder, 'workspace')]
    const ran = (...args: string[]): void => {
      const { status, stderr } = mrt(...args)
      expect(status, `${args[0]}: ${stderr.slice(-400)}`).toBe(0)
    }
    ran('quickstart', '--steps', '1', '--problems', '8', '--samples', '2', '--no-open', ...workspace)
    writeFileSync(join(offline.folder, 'asked.jsonl'), '{"question":"1 + 1?","answer":"#### 2"}\n{"question":"2 + 2?","answer":"#### 4"}\n')
    ran('import', join(offline.folder, 'asked.jsonl'), ...workspace)
    ran('export', '--run', '1', '--format', 'parquet', '--out', join(offline.folder, 'rollouts.parquet'), ...workspace)
    ran('report', '--runs', '1,2,3', '--out', join(offline.folder, 'report.html'), ...workspace)
    ran('devices', '--self-test')
    expect(existsSync(join(offline.folder, 'report.html'))).toBe(true)
    expect(offline.attempts().slice(before)).toEqual([])
  })
})
