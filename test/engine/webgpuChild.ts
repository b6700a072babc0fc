// The child process of webgpu.test.ts: the same generation and the same training steps on both devices, as JSON on stdout.
import { openEngine } from '../../src-main/engine/engine.ts'
import type { Device } from '../../src-main/engine/providers.ts'
import { tensor, type Tensors } from '../../src-main/engine/tensor.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { decodeGraph, trainGraph } from '../../src-main/model/llama.ts'
import { LLAMA, llamaParameters, prompt } from './models.ts'

const ROWS = 3
const WIDTH = 7

const engine = openEngine()

async function generated(device: Device) {
  const parameters = llamaParameters(engine)
  const decoder = await engine.createDecoder({
    onnx: toOnnx(decodeGraph(LLAMA)),
    parameters,
    layers: LLAMA.layers,
    kvHeads: LLAMA.kvHeads,
    headDim: LLAMA.headDim,
    maxLength: 48,
    vocabulary: LLAMA.vocabSize,
    rows: ROWS,
    device,
  })
  const work = {
    sources: [prompt(5, 1), prompt(9, 2)],
    requests: Array.from({ length: 5 }, (_, seed) => ({ source: seed % 2, seed, maxNewTokens: 6 + seed, stopTokens: [] })),
  }
  const before = await decoder.generate(work)
  parameters.copyFrom(llamaParameters(engine, 2))
  return [...before, ...(await decoder.generate(work))].map(({ tokens, logps }) => ({ tokens: [...tokens], logps: [...logps] }))
}

async function trained(device: Device) {
  const parameters = llamaParameters(engine)
  const graph = trainGraph(
    LLAMA,
    (g, { logps, weights }) => ({ loss: g.neg(g.reduceSum(g.mul(logps, weights), undefined, false)), sums: {} }),
    { oldLogps: false, refLogps: false },
  )
  const trainer = await engine.createTrainer({ onnx: toOnnx(graph), parameters, device })
  const plane = (value: number) => tensor.float32(new Float32Array(2 * WIDTH).fill(value), [2, WIDTH])
  const given: Tensors = {
    tokens: tensor.int64([...prompt(WIDTH, 1), ...prompt(WIDTH, 2)], [2, WIDTH]),
    targets: tensor.int64([...prompt(WIDTH, 3), ...prompt(WIDTH, 4)], [2, WIDTH]),
    positions: tensor.int64(
      Array.from({ length: 2 * WIDTH }, (_, i) => i % WIDTH),
      [2, WIDTH],
    ),
    scored: tensor.int64(
      Array.from({ length: 2 * WIDTH }, (_, i) => i),
      [2 * WIDTH],
    ),
    weights: plane(1 / (2 * WIDTH)),
    advantages: plane(1),
  }
  const feeds = Object.fromEntries(trainer.inputs.filter((input) => !input.bound).map((input) => [input.name, given[input.name]!]))
  const norms: number[] = []
  const losses: number[] = []
  for (let step = 0; step < 3; step++) {
    const result = await trainer.step({ microbatches: [feeds, feeds], outputs: ['loss'], optimizer: { lr: 0.01 } })
    norms.push(result.gradNorm)
    losses.push(Number(result.outputs[1]!.loss!.data[0]))
  }
  return { norms, losses }
}

const devices: readonly Device[] = ['cpu', 'webgpu']
const results: Record<string, unknown> = { devices: await engine.devices() }
for (const device of devices) results[device] = { generated: await generated(device), trained: await trained(device) }
console.log(`\n${JSON.stringify(results)}`)
