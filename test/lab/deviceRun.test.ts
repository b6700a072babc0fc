// A run on another device than the processor, end to end: refused until the device's self-test has passed, then the same tokens, losses and
// gradients as on the processor. WebGPU, on a software Vulkan driver where there is no graphics card.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import type { LabErrorData, SelfTestReport } from '../../src-preload/contract.ts'
import { webgpuEnvironment } from '../graph/ort.ts'

interface Ran {
  readonly steps: readonly { readonly loss: number; readonly gradNorm: number }[]
  readonly rollouts: readonly { readonly tokens: readonly number[]; readonly logps: readonly number[] }[]
  readonly devices: readonly string[]
}
interface Both {
  readonly learned: Ran
  readonly sampled: Ran
  readonly stopped: { readonly answers: readonly unknown[]; readonly unproven: number; readonly made: readonly string[] }
}

let refusal: LabErrorData
let report: SelfTestReport
let cpu: Both
let webgpu: Both

beforeAll(async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'deviceRunChild.ts')], {
    env: { ...process.env, ...webgpuEnvironment() },
    maxBuffer: 1e7,
  })
  ;({ refusal, report, cpu, webgpu } = JSON.parse(stdout.trim().split('\n').at(-1)!) as {
    refusal: LabErrorData
    report: SelfTestReport
    cpu: Both
    webgpu: Both
  })
}, 600_000)

test('a device whose self-test has not been run is refused with a code and the way to run it', () => {
  expect(refusal.code).toBe('device.unproven')
  expect(refusal.next).toContain('mrt devices --self-test --device webgpu')
})

test('the self-test holds every gradient, J and 64 decoded tokens against the processor', () => {
  expect(report.ok).toBe(true)
  const names = report.checks.map(({ name }) => name)
  for (const wanted of [/logps$/, /entropy$/, /loss$/, /grad\/model\.layers\.1\.mlp\.down_proj/, /J of/, /64 decoded/])
    expect(names.some((name) => wanted.test(name))).toBe(true)
})

test('two steps on the proven device take the updates of the processor', () => {
  webgpu.learned.steps.forEach(({ loss, gradNorm }, step) => {
    expect(loss / cpu.learned.steps[step]!.loss).toBeCloseTo(1, 4)
    expect(gradNorm / cpu.learned.steps[step]!.gradNorm).toBeCloseTo(1, 4)
  })
  expect(webgpu.learned.steps[0]!.gradNorm).toBeGreaterThan(0)
  expect(webgpu.learned.steps[1]!.loss).not.toBe(webgpu.learned.steps[0]!.loss)
})

test('a step of outcome RL on it draws the same tokens, and every rollout says where it was made', () => {
  expect(webgpu.sampled.devices).toEqual(['webgpu'])
  expect(cpu.sampled.devices).toEqual(['cpu'])
  expect(webgpu.sampled.rollouts).toHaveLength(4)
  webgpu.sampled.rollouts.forEach(({ tokens, logps }, i) => {
    expect(tokens).toEqual(cpu.sampled.rollouts[i]!.tokens)
    logps.forEach((logp, t) => expect(logp).toBeCloseTo(cpu.sampled.rollouts[i]!.logps[t]!, 4))
  })
})

test('its weights answer on it when they are asked outside of the run, with the answers of the processor, and on the processor where nothing is proven', () => {
  expect(webgpu.stopped.made).toEqual(['webgpu', 'cpu'])
  expect(cpu.stopped.made).toEqual(['cpu', 'cpu'])
  expect(webgpu.stopped.answers).toEqual(cpu.stopped.answers)
  expect(webgpu.stopped.answers).toHaveLength(3)
  expect(webgpu.stopped.unproven).toBe(3)
})
