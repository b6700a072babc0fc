// Ten training steps of a micro-model, recorded once: losses, the norm of every gradient and of every weight must come out again. To record
// anew after a deliberate change: RECORD=1 vitest run test/lab/recordedRun.test.ts, and say in the commit why the numbers moved.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import type { Engine } from '../../src-main/engine/engine.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { initialWeights } from '../../src-main/model/config.ts'
import { trainGraph } from '../../src-main/model/llama.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { lossGraph } from '../../src-main/rl/loss.ts'
import { batchByLength } from '../../src-main/rollout/batches.ts'
import { createWeights } from '../../src-main/rollout/policy.ts'
import { completionPlane, forwardedLength, sequenceFeeds } from '../../src-main/rollout/sequences.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import { MICRO_CONFIG } from './micro.ts'

const FIXTURE = join(import.meta.dirname, '../fixtures/ten-steps.json')

interface RecordedStep {
  readonly loss: number
  readonly gradNorm: number
  readonly gradNorms: Readonly<Record<string, number>>
}

interface Recorded {
  readonly steps: readonly RecordedStep[]
  readonly weightNorms: Readonly<Record<string, number>>
}

let engine: Engine
beforeAll(() => {
  engine = openEngine()
})
afterAll(() => engine.dispose())

/** A clipped policy loss with mixed advantages on teacher traces: forward, loss, backward, clipping and AdamW all take part. */
async function tenSteps(): Promise<Recorded & { readonly checksum: string }> {
  const task = createCountdown()
  const problems = task.problems('train', 40, 2)
  const parameters = createWeights(engine, MICRO_CONFIG, initialWeights(MICRO_CONFIG, 3))
  const onnx = toOnnx(
    trainGraph(
      MICRO_CONFIG,
      (g, values) =>
        lossGraph(g, values, { ratio: 'token', clipLow: 0.2, clipHigh: 0.28, aggregation: 'token-mean', klBeta: 0, updatesPerBatch: 1 }),
      { oldLogps: true, refLogps: false },
    ),
  )
  const trainer = await engine.createTrainer({ onnx, parameters })
  const rng = createRng(17)
  const steps: RecordedStep[] = []
  for (let step = 0; step < 10; step++) {
    const sequences = Array.from({ length: 8 }, () => {
      const problem = rng.pick(problems)
      return { prompt: problem.promptTokens, completion: task.teacherTrace(problem, rng)!.completion }
    })
    const total = sequences.reduce((sum, { completion }) => sum + completion.length, 0)
    const pay = sequences.map(() => rng.gaussian())
    const microbatches = batchByLength(sequences.map(forwardedLength), { tokenBudget: 256, maxPadding: 0.12 }).map((batch) => ({
      ...sequenceFeeds(batch, sequences),
      advantages: completionPlane(batch, sequences, (member) => sequences[member]!.completion.map(() => pay[member]!)),
      weights: completionPlane(batch, sequences, (member) => sequences[member]!.completion.map(() => 1 / total)),
      old_logps: completionPlane(batch, sequences, (member) => sequences[member]!.completion.map(() => -6)),
    }))
    const result = await trainer.step({
      microbatches,
      outputs: ['loss'],
      optimizer: { lr: 3e-3, beta2: 0.99, weightDecay: 0.01, clipNorm: 0.5 },
    })
    steps.push({
      loss: result.outputs.reduce((sum, outputs) => sum + Number(outputs.loss!.data[0]), 0),
      gradNorm: result.gradNorm,
      gradNorms: result.gradNorms,
    })
  }
  const weightNorms = Object.fromEntries(parameters.specs.map(({ name }) => [name, Math.hypot(...parameters.get(name))]))
  const checksum = parameters.checksum()
  trainer.dispose()
  parameters.dispose()
  return { steps, weightNorms, checksum }
}

const close = (found: number, expected: number): boolean => Math.abs(found - expected) <= 2e-3 * Math.abs(expected) + 1e-6

describe('a recorded training run', () => {
  it('replays: losses, every gradient norm and every weight norm of ten steps', async () => {
    const { steps, weightNorms } = await tenSteps()
    if (process.env.RECORD === '1') writeFileSync(FIXTURE, `${JSON.stringify({ steps, weightNorms }, null, 1)}\n`)
    const expected = JSON.parse(readFileSync(FIXTURE, 'utf8')) as Recorded
    expect(steps).toHaveLength(10)
    const off: string[] = []
    steps.forEach((step, index) => {
      const recorded = expected.steps[index]!
      if (!close(step.loss, recorded.loss)) off.push(`loss of step ${index + 1}: ${step.loss} against ${recorded.loss}`)
      expect(Object.keys(step.gradNorms)).toEqual(Object.keys(recorded.gradNorms))
      for (const [name, norm] of Object.entries(recorded.gradNorms))
        if (!close(step.gradNorms[name]!, norm))
          off.push(`gradient of ${name} at step ${index + 1}: ${step.gradNorms[name]} against ${norm}`)
    })
    for (const [name, norm] of Object.entries(expected.weightNorms))
      if (!close(weightNorms[name]!, norm)) off.push(`weights of ${name}: ${weightNorms[name]} against ${norm}`)
    expect(off).toEqual([])
  })

  it('ends with the same weights to the last bit when it is made twice on one machine', async () => {
    expect((await tenSteps()).checksum).toBe((await tenSteps()).checksum)
  })
})
