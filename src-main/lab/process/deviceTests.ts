// Which devices have shown that they compute as the processor does: the last self-test of each, kept in a small file of the program's own folder.
// It counts on the machine and with the version that it was made with; anywhere else the device has to show it again.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { arch, cpus, hostname, platform } from 'node:os'
import { dirname, join } from 'node:path'
import { device, LabError, type DeviceName, type SelfTestReport, type SystemInfo } from '../../../src-preload/contract.ts'
import { locateLibrary } from '../../engine/addon.ts'
import { providers, type ProviderName } from '../../engine/providers.ts'
import { cudaIsThere } from './deviceSetup.ts'
import { homeFolder } from './home.ts'
import { programVersion } from './resources.ts'

export type KeptTest = NonNullable<SystemInfo['engine']['devices'][number]['test']>

export interface DeviceTests {
  /** The last self-test of a device on this machine with this version; null without one. */
  of(name: string): KeptTest | null
  keep(report: SelfTestReport, atMs: number): void
}

const FILE = 'devices.json'
const keptTest = device.shape.test.unwrap()

/** What a self-test says something of: this machine, this program and the runtime that computes. */
function circumstances(version: string): string {
  const cores = cpus()
  return JSON.stringify([version, runtimeVersion(), platform(), arch(), hostname(), cores[0]?.model.trim() ?? '', cores.length])
}

function runtimeVersion(): string {
  try {
    return locateLibrary().version
  } catch {
    return ''
  }
}

/** @param folder the program's own folder @param version the program's */
export function openDeviceTests(folder = homeFolder(), version = programVersion()): DeviceTests {
  const file = join(folder, FILE)
  const here = circumstances(version)
  /** A file that is missing or cannot be read says nothing of any device. */
  const read = (): Record<string, Record<string, unknown>> => {
    try {
      const all = JSON.parse(readFileSync(file, 'utf8')) as unknown
      return typeof all === 'object' && all !== null ? (all as Record<string, Record<string, unknown>>) : {}
    } catch {
      return {}
    }
  }
  return {
    of(name) {
      const kept = keptTest.safeParse(read()[here]?.[name])
      return kept.success && kept.data.device === name ? kept.data : null
    },
    keep(report, atMs) {
      const all = read()
      const next = { ...all, [here]: { ...all[here], [report.device]: { ...report, atMs } } }
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(`${file}.new`, `${JSON.stringify(next, null, 2)}\n`)
      renameSync(`${file}.new`, file)
    },
  }
}

/** Why runs may not compute on a device; empty where they may. The processor needs no proof. */
export function refusalOf(name: ProviderName, tests: DeviceTests | undefined): string {
  if (name === 'cpu') return ''
  const { comes, systems } = providers[name]
  if (!systems.includes(process.platform)) return `it does not exist on ${process.platform}`
  if (comes === 'described') return 'no session is opened on it'
  if (comes === 'added' && !cudaIsThere()) return 'its libraries are not in place'
  const test = tests?.of(name) ?? null
  if (test === null) return 'its self-test has not been run on this machine with this version'
  const failed = test.checks.filter(({ ok }) => !ok).length
  return test.ok ? '' : `its self-test failed: ${failed} of ${test.checks.length} checks`
}

/** Throws LabError `device.unproven` for a device that has not shown here that its numbers are right. */
export function requireDevice(name: DeviceName, tests: DeviceTests | undefined): void {
  const refusal = refusalOf(name, tests)
  if (refusal === '') return
  throw new LabError('device.unproven', {
    expected: `a device whose self-test has passed on this machine with this version; ${name} is asked for`,
    found: refusal,
    next: `Run \`mrt devices --self-test --device ${name}\`, or the self-test on the page Models; or set device to cpu.`,
  })
}
