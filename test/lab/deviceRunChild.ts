// The child process of deviceRun.test.ts, whose environment names a driver of Vulkan before it starts: the same run of two steps on both devices, as
// JSON on stdout.
import { openDeviceTests } from '../../src-main/lab/process/deviceTests.ts'
import { selfTest } from '../../src-main/lab/process/selfTest.ts'
import { stopHere } from '../../src-main/lab/thinking/stopHere.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import type { DeviceName } from '../../src-preload/contract.ts'
import { microSpec, openBench } from './micro.ts'

const bench = await openBench()
const context = { ...bench.open('devices'), deviceTests: openDeviceTests(bench.folder, '0.0.0') }
const { store } = context

/** Demonstrations are learned; what outcome RL samples is compared as well. J of a run has a wide graph, slow without a card: the self-test measures a small one. */
const specOn = (device: DeviceName, name: 'sft' | 'grpo', steps: number) =>
  microSpec(
    bench.start,
    { name },
    { steps, promptsPerStep: 2, groupSize: 2, observeGroups: 0, budget: { thinkingTokens: 8, answerTokens: 4 }, device },
  )

async function ran(device: DeviceName, name: 'sft' | 'grpo', steps: number) {
  const runId = await createRun(context, specOn(device, name, steps))
  await trainRun(context, runId)
  const details = store.rollouts.group({ runId, steps: [1, steps] }).map(({ id }) => store.rollouts.detail(id)!)
  return {
    steps: store.steps.range(runId, 1, steps).map(({ metrics }) => ({ loss: metrics.loss ?? null, gradNorm: metrics.grad_norm ?? null })),
    rollouts: details.map(({ tokens, logps }) => ({ tokens: [...tokens], logps: [...(logps ?? [])] })),
    devices: [...new Set(details.map(({ provenance }) => provenance.device))],
  }
}
/** What the weights of a run answer when its first rollout is stopped, without a word about where. */
async function stopped(device: DeviceName) {
  const run = store.runs.list().findLast(({ run: each }) => (each.config as { device?: string }).device === device)!.run
  const [rollout] = store.rollouts.group({ runId: run.id, steps: [1, 1] })
  const made: string[] = []
  const watched = new Proxy(context.engine, {
    get(engine, name) {
      const value: unknown = Reflect.get(engine, name, engine)
      if (typeof value !== 'function') return value
      return (...given: { device?: string }[]) => {
        if (name === 'createDecoder') made.push(given[0]!.device ?? 'cpu')
        return (value as (...all: unknown[]) => unknown).apply(engine, given)
      }
    },
  })
  const request = { rolloutId: rollout!.id, boundary: 0, samples: 3, start: null }
  const asked = async (tests: typeof context.deviceTests | undefined) =>
    (await stopHere({ store, engine: watched, now: () => 1, ...(tests && { deviceTests: tests }) }, request, {})).answers
  return { answers: await asked(context.deviceTests), unproven: (await asked(undefined)).length, made }
}
const ranOn = async (device: DeviceName) => ({
  learned: await ran(device, 'sft', 2),
  sampled: await ran(device, 'grpo', 1),
  stopped: await stopped(device),
})

const refusal = await createRun(context, specOn('webgpu', 'sft', 1)).catch((error: unknown) => error)
const report = await selfTest(context.engine, 'webgpu', Date.now)
context.deviceTests.keep(report, Date.now())
console.log(`\n${JSON.stringify({ refusal, report, cpu: await ranOn('cpu'), webgpu: await ranOn('webgpu') })}`)
context.close()
bench.dispose()
