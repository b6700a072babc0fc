// The WebGPU provider, on a software Vulkan driver where there is no graphics card: the same tokens, log-probs, losses and
// gradient norms as on the CPU, with a key/value cache that stays on the device.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import type { DeviceReport } from '../../src-main/engine/devices.ts'
import { webgpuEnvironment } from '../graph/ort.ts'

interface Results {
  readonly generated: readonly { readonly tokens: readonly number[]; readonly logps: readonly number[] }[]
  readonly trained: { readonly norms: readonly number[]; readonly losses: readonly number[] }
}

let devices: readonly DeviceReport[]
let cpu: Results
let webgpu: Results

beforeAll(async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'webgpuChild.ts')], {
    env: { ...process.env, ...webgpuEnvironment() },
    maxBuffer: 1e7,
  })
  const results = JSON.parse(stdout.trim().split('\n').at(-1)!) as { devices: DeviceReport[]; cpu: Results; webgpu: Results }
  devices = results.devices
  cpu = results.cpu
  webgpu = results.webgpu
}, 300_000)

test('both devices are reported usable', () => {
  expect(devices.slice(0, 2)).toEqual([
    { device: 'cpu', provider: 'CPUExecutionProvider', usable: true },
    { device: 'webgpu', provider: 'WebGpuExecutionProvider', usable: true },
  ])
  expect(devices.map(({ device }) => device)).toEqual(['cpu', 'webgpu', 'cuda'])
})

test('generation writes the same tokens, also in refilled rows and after the weights changed', () => {
  expect(cpu.generated).toHaveLength(10)
  expect(webgpu.generated.map(({ tokens }) => tokens)).toEqual(cpu.generated.map(({ tokens }) => tokens))
  cpu.generated.forEach(({ logps }, i) => logps.forEach((logp, t) => expect(webgpu.generated[i]!.logps[t]).toBeCloseTo(logp, 4)))
})

test('three training steps follow the same losses and gradient norms', () => {
  expect(cpu.trained.losses[2]).toBeLessThan(cpu.trained.losses[0]!)
  cpu.trained.losses.forEach((loss, step) => expect(webgpu.trained.losses[step]! / loss).toBeCloseTo(1, 4))
  cpu.trained.norms.forEach((norm, step) => expect(webgpu.trained.norms[step]! / norm).toBeCloseTo(1, 4))
})
