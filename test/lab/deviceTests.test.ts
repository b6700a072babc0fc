// What devices have shown, kept: it counts on the machine and with the version that it was made with, and a file that cannot be read says nothing.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { arch, cpus, hostname, platform, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { locateLibrary } from '../../src-main/engine/addon.ts'
import { describeDevices } from '../../src-main/lab/process/describeDevices.ts'
import { openDeviceTests, refusalOf, requireDevice } from '../../src-main/lab/process/deviceTests.ts'
import { cudaIsThere } from '../../src-main/lab/process/deviceSetup.ts'
import { providers } from '../../src-main/engine/providers.ts'
import type { SelfTestReport } from '../../src-preload/contract.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mrt-devices-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const report = (ok: boolean): SelfTestReport => ({
  device: 'webgpu',
  ok,
  checks: [{ name: 'loss', found: ok ? 1e-7 : 0.3, limit: 1e-3, unit: 'relative', ok }],
  durationMs: 5,
})

test('the processor needs no proof; another device is refused until its self-test has passed, and again once it has failed', () => {
  const tests = openDeviceTests(folder, '1.0.0')
  requireDevice('cpu', tests)
  requireDevice('cpu', undefined)
  expect(() => requireDevice('webgpu', undefined)).toThrow(expect.objectContaining({ code: 'device.unproven' }))
  expect(() => requireDevice('webgpu', tests)).toThrow(
    expect.objectContaining({
      code: 'device.unproven',
      expected: 'a device whose self-test has passed on this machine with this version; webgpu is asked for',
      found: 'its self-test has not been run on this machine with this version',
      next: expect.stringContaining('--self-test --device webgpu') as string,
    }),
  )
  tests.keep(report(true), 7)
  requireDevice('webgpu', tests)
  tests.keep(report(false), 8)
  expect(() => requireDevice('webgpu', tests)).toThrow(expect.objectContaining({ found: 'its self-test failed: 1 of 1 checks' }))
})

test('what was shown is kept for the next start, and not for another version of the program', () => {
  openDeviceTests(folder, '1.0.0').keep(report(true), 7)
  expect(openDeviceTests(folder, '1.0.0').of('webgpu')).toEqual({ ...report(true), atMs: 7 })
  expect(openDeviceTests(folder, '1.0.1').of('webgpu')).toBeNull()
  openDeviceTests(folder, '1.0.1').keep(report(false), 9)
  expect(openDeviceTests(folder, '1.0.0').of('webgpu')?.ok).toBe(true)
})

test('what was shown is kept for this machine with this runtime, as a person can read it', () => {
  openDeviceTests(folder, '1.0.0').keep(report(true), 7)
  const text = readFileSync(join(folder, 'devices.json'), 'utf8')
  const here = JSON.stringify(['1.0.0', locateLibrary().version, platform(), arch(), hostname(), cpus()[0]!.model.trim(), cpus().length])
  expect(text).toBe(`${JSON.stringify({ [here]: { webgpu: { ...report(true), atMs: 7 } } }, null, 2)}\n`)
  expect(readdirSync(folder)).toEqual(['devices.json'])
})

test('a file that cannot be read proves nothing, and the next self-test is kept in its place', () => {
  for (const text of ['{', '[]', 'null', '{"x": 3}']) {
    writeFileSync(join(folder, 'devices.json'), text)
    const tests = openDeviceTests(folder, '1.0.0')
    expect(tests.of('webgpu')).toBeNull()
    tests.keep(report(true), 7)
    expect(tests.of('webgpu')?.atMs).toBe(7)
  }
})

test('every known device stands in the table with what it showed and why runs may not name it', () => {
  const tests = openDeviceTests(folder, '1.0.0')
  tests.keep(report(true), 7)
  const table = describeDevices(null, tests)
  expect(table.map(({ name }) => name)).toEqual(['cpu', 'webgpu', 'cuda', 'directml', 'coreml'])
  expect(table.filter(({ refused }) => refused === '').map(({ name }) => name)).toEqual(['cpu', 'webgpu'])
  expect(table.find(({ name }) => name === 'webgpu')?.test?.atMs).toBe(7)
})

test('a device can be asked to compute where it exists and its part of the runtime is there', () => {
  const tests = openDeviceTests(folder, '1.0.0')
  const usable = (built: readonly string[] | null): string[] =>
    describeDevices(built, tests).flatMap((device) => (device.usable && device.name !== 'cuda' ? [device.name] : []))
  expect([usable(null), usable(['CPUExecutionProvider']), usable([])]).toEqual([['cpu', 'webgpu'], ['cpu'], []])
  for (const { name, title, reason } of describeDevices(null, tests)) {
    const here = providers[name as keyof typeof providers].systems.includes(process.platform)
    expect([title, reason]).toEqual([
      providers[name as keyof typeof providers].title,
      here ? providers[name as keyof typeof providers].about : `Does not exist on ${process.platform}.`,
    ])
  }
  const cuda = describeDevices(null, tests).find(({ name }) => name === 'cuda')!
  expect(cuda.usable).toBe(cudaIsThere() && process.platform === 'linux')
  if (process.platform === 'linux' && !cudaIsThere()) expect(refusalOf('cuda', tests)).toBe('its libraries are not in place')
})

test('a device is refused for what keeps it from this machine, before its self-test is asked for', () => {
  const elsewhere = process.platform === 'win32' ? 'coreml' : 'directml'
  expect(refusalOf(elsewhere, undefined)).toBe(`it does not exist on ${process.platform}`)
  const tests = openDeviceTests(folder, '1.0.0')
  const passed = { name: 'J', found: 0, limit: 1, unit: 'relative', ok: true }
  tests.keep({ ...report(false), checks: [...report(false).checks, passed, passed] }, 7)
  expect(refusalOf('webgpu', tests)).toBe('its self-test failed: 1 of 3 checks')
})

test('what is kept of one device is not told of another, and keeping one leaves the others', () => {
  const tests = openDeviceTests(folder, '1.0.0')
  tests.keep(report(true), 7)
  tests.keep({ ...report(true), device: 'cuda' }, 8)
  expect([tests.of('webgpu')?.atMs, tests.of('cuda')?.atMs, tests.of('cpu')]).toEqual([7, 8, null])
  const file = join(folder, 'devices.json')
  const kept = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, unknown>>
  const [here] = Object.values(kept)
  writeFileSync(file, JSON.stringify(Object.fromEntries(Object.keys(kept).map((key) => [key, { ...here, cuda: here!.webgpu }]))))
  expect([tests.of('webgpu')?.atMs, tests.of('cuda')]).toEqual([7, null])
})
