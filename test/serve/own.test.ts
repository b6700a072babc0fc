// What only a command may ask is no method of any channel: whoever sends it to a served laboratory is told so, and nothing is written.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { WebSocket as NodeSocket } from 'ws'
import { methodNamed, methods, ownMethods, SUBPROTOCOL, tokenProtocol, toWire } from '../../src-preload/contract.ts'
import { forkLab } from '../../src-main/lab/process/forkLab.ts'
import { openServer, type Server } from '../../src-main/serve.ts'
import { makeWorkspace } from '../lab/records.ts'

const own = Object.entries(ownMethods).flatMap(([noun, verbs]) => Object.keys(verbs).map((verb) => `${noun}.${verb}`))

let home: string
let server: Server
let socket: NodeSocket
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'mrt-own-'))
  mkdirSync(join(home, 'renderer'))
  writeFileSync(join(home, 'renderer', 'index.html'), '<!doctype html><title>MRT Workbench</title>')
  makeWorkspace(join(home, 'workspace'))
  server = await openServer({
    workspace: join(home, 'workspace'),
    renderer: join(home, 'renderer'),
    home,
    startLab: (start) => forkLab(resolve(import.meta.dirname, '../lab/fakeLab.ts'), { ...start, home, version: '0.1.0', sample: null }),
  })
  socket = new NodeSocket(`ws://127.0.0.1:${server.port}/`, [SUBPROTOCOL, tokenProtocol(server.token)], {
    headers: { origin: `http://127.0.0.1:${server.port}` },
  })
  await new Promise((open) => socket.once('open', open))
  // What a lab writes while it starts is there by then.
  while (!(await ask('workspace.info', undefined)).ok) await new Promise((soon) => setTimeout(soon, 50))
})
afterAll(async () => {
  socket.terminate()
  await server.close()
  rmSync(home, { recursive: true, force: true })
})

let last = 0
function ask(method: string, input: unknown): Promise<{ readonly ok: boolean; readonly error?: { readonly code: string } }> {
  const id = ++last
  return new Promise((done) => {
    const hear = (data: Buffer): void => {
      const message = JSON.parse(String(data)) as { id?: number; ok: boolean }
      if (message.id !== id) return
      socket.off('message', hear)
      done(message)
    }
    socket.on('message', hear)
    socket.send(toWire({ id, method, input }))
  })
}

it('answers pages as ever, and writes a copy of the workspace for none of them', async () => {
  const path = join(home, 'taken.db')
  expect(await ask('exports.save', { asked: { kind: 'workspace' }, path, inside: false })).toMatchObject({
    ok: false,
    error: { code: 'call.unknown' },
  })
  expect(existsSync(path)).toBe(false)
})

it.each(own)('%s is unknown to whoever sends it, whatever comes with it', async (name) => {
  const before = readdirSync(home)
  expect(await ask(name, {})).toMatchObject({ ok: false, error: { code: 'call.unknown' } })
  expect(readdirSync(home)).toEqual(before)
  expect(methodNamed(name)).toBeNull()
})

it('hides no method of pages behind one of commands', () => {
  for (const [noun, verbs] of Object.entries(ownMethods))
    for (const verb of Object.keys(verbs)) expect(Object.keys((methods as Record<string, object>)[noun] ?? {})).not.toContain(verb)
})
