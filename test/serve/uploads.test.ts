// Files sent by a page: only our own page with the token may send, only into the workspace, only whole, and under names that can do no harm.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { forkLab } from '../../src-main/lab/process/forkLab.ts'
import { incomingFolder } from '../../src-main/lab/files/keptAside.ts'
import { openServer, type Server } from '../../src-main/serve.ts'
import { openUploadDesk, uploadPlace } from '../../src-main/serve/uploads.ts'
import { makeWorkspace } from '../lab/records.ts'

let home: string
let folder: string
let server: Server
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'mrt-uploads-'))
  folder = join(home, 'workspace')
  const renderer = join(home, 'renderer')
  mkdirSync(renderer)
  writeFileSync(join(renderer, 'index.html'), '<!doctype html><title>MRT Workbench</title>')
  makeWorkspace(folder)
  server = await openServer({
    workspace: folder,
    renderer,
    home,
    startLab: (start) => forkLab(resolve(import.meta.dirname, '../lab/fakeLab.ts'), { ...start, home, version: '', sample: null }),
  })
})
afterAll(async () => {
  await server.close()
  rmSync(home, { recursive: true, force: true })
})

const own = () => ({ origin: `http://127.0.0.1:${server.port}`, authorization: `Bearer ${server.token}` })
const put = (path: string, body: string, headers: Record<string, string>): Promise<{ status: number; text: string }> =>
  new Promise((done, failed) => {
    const sending = request(
      {
        host: '127.0.0.1',
        port: server.port,
        path,
        method: 'PUT',
        headers: { host: `127.0.0.1:${server.port}`, 'content-length': String(Buffer.byteLength(body)), ...headers },
      },
      (response) => {
        let text = ''
        response
          .setEncoding('utf8')
          .on('data', (part: string) => (text += part))
          .on('end', () => done({ status: response.statusCode!, text }))
      },
    )
    sending.on('error', failed).end(body)
  })

describe('a file sent by a page', () => {
  it('lies in the workspace under the name it had, below the folder of its drop', async () => {
    const { status, text } = await put('/uploads/drop-0001/runs/step%201/rows.jsonl', '{"a":1}\n', own())
    expect(status).toBe(201)
    const { path } = JSON.parse(text) as { path: string }
    expect(path).toBe(join(incomingFolder(folder), 'drop-0001', 'runs', 'step 1', 'rows.jsonl'))
    expect(readFileSync(path, 'utf8')).toBe('{"a":1}\n')
    expect((await put('/uploads/drop-0001/runs/step%201/rows.jsonl', 'other', own())).status).toBe(409)
  })

  it.each([
    ['without the token', () => ({ origin: own().origin }), 401],
    ['with a wrong token', () => ({ ...own(), authorization: 'Bearer x'.padEnd(50, 'x') }), 401],
    ['from another site', () => ({ ...own(), origin: 'https://evil.example' }), 403],
    ['without saying where from', () => ({ authorization: own().authorization }), 403],
    ['to another host', () => ({ ...own(), host: 'evil.example' }), 421],
  ])('is refused %s', async (_what, headers, status) => {
    expect((await put('/uploads/drop-0002/x.jsonl', 'x', headers())).status).toBe(status)
    expect(existsSync(join(incomingFolder(folder), 'drop-0002'))).toBe(false)
  })

  it.each([
    ['/uploads/drop-0003/../../../x'],
    ['/uploads/drop-0003/%2e%2e/x'],
    ['/uploads/short/x'],
    ['/uploads/drop-0003/'],
    ['/uploads/drop-0003/a/b/c/d/e/f/g/h/i'],
    ['/uploads/drop-0003/%ff'],
  ])('is refused under the name %s', async (path) => {
    expect([400, 405]).toContain((await put(path, 'x', own())).status)
  })

  it.each([
    ['/uploads/drop-0004/a%2F..%2Fb.csv', ['a_.._b.csv']],
    ['/uploads/drop-0004/con.csv', ['_con.csv']],
    ['/uploads/drop-0004/a%00b%3F.csv', ['a_b_.csv']],
    ['/uploads/drop-0004/trailing.%20', ['trailing']],
  ])('%s gets a name that does no harm', (path, parts) => {
    expect(uploadPlace(path)?.parts).toEqual(parts)
  })
})

describe('a name that the file system refuses', () => {
  it('is answered, and the server goes on: a file below what was sent as a file', async () => {
    expect((await put('/uploads/drop-0005/plain', 'x', own())).status).toBe(201)
    const { status, text } = await put('/uploads/drop-0005/plain/below.jsonl', 'x', own())
    expect([status, text]).toEqual([409, 'something else of this name was sent already\n'])
    expect((await put('/uploads/drop-0006/after.jsonl', 'x', own())).status).toBe(201)
  })

  it.each([
    ['a hundred Chinese characters', '\u6587'.repeat(100)],
    ['three hundred', '\u6587'.repeat(300)],
    ['sixty faces', '\u{1f600}'.repeat(60)],
  ])('is shortened between characters, its ending kept: %s', async (_what, name) => {
    const { status, text } = await put(`/uploads/drop-0007/${encodeURIComponent(`${name}.jsonl`)}`, 'x', own())
    expect(status).toBe(201)
    const { path } = JSON.parse(text) as { path: string }
    expect(readFileSync(path, 'utf8')).toBe('x')
    expect([path.endsWith('.jsonl'), path.includes('\ufffd'), path.isWellFormed()]).toEqual([true, false, true])
  })

  it('ends no server when the folder for what is sent cannot be made', async () => {
    const blocked = mkdtempSync(join(home, 'blocked-'))
    writeFileSync(join(blocked, 'file'), '')
    const asked = Object.assign(Readable.from([Buffer.from('x')]), { headers: { 'content-length': '1' } }) as unknown as IncomingMessage
    expect(await openUploadDesk().receive(asked, '/uploads/drop-0008/x', join(blocked, 'file'))).toMatchObject({ status: 409 })
  })
})

describe('the desk', () => {
  const asRequest = (body: string, length = String(Buffer.byteLength(body))): IncomingMessage =>
    Object.assign(Readable.from([Buffer.from(body)]), { headers: { 'content-length': length } }) as unknown as IncomingMessage
  const place = (): string => mkdtempSync(join(home, 'desk-'))

  it('takes nothing larger than it may, nothing without a size, and nothing without a workspace', async () => {
    const desk = openUploadDesk({ largestBytes: 4 })
    expect(await desk.receive(asRequest('12345'), '/uploads/drop-0001/x', place())).toMatchObject({ status: 413 })
    expect(await desk.receive(Object.assign(asRequest('1'), { headers: {} }), '/uploads/drop-0001/x', place())).toMatchObject({
      status: 411,
    })
    expect(await desk.receive(asRequest('1'), '/uploads/drop-0001/x', null)).toMatchObject({ status: 409 })
  })

  it('keeps nothing of a file that did not arrive whole', async () => {
    const at = place()
    expect(await openUploadDesk().receive(asRequest('123', '10'), '/uploads/drop-0001/x', at)).toMatchObject({ status: 400 })
    expect(existsSync(join(at, 'drop-0001', 'x'))).toBe(false)
  })

  it('forgets drops of yesterday', async () => {
    const at = place()
    mkdirSync(join(at, 'drop-old1'))
    utimesSync(join(at, 'drop-old1'), new Date(0), new Date(0))
    await openUploadDesk().receive(asRequest('1'), '/uploads/drop-0001/x', at)
    expect([existsSync(join(at, 'drop-old1')), existsSync(join(at, 'drop-0001', 'x'))]).toEqual([false, true])
  })
})
