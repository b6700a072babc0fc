// Is a device to be trusted? A micro-model's log-probs, entropies, loss and every gradient on the device are compared with the CPU, and
// what it writes token by token with the CPU's training pass. A device that disagrees must not train: wrong gradients show no error anywhere else.
import type { SelfTestReport } from '../../../src-preload/contract.ts'
import type { Decoder } from '../../engine/decoder.ts'
import type { Engine } from '../../engine/engine.ts'
import type { ParameterSet } from '../../engine/parameters.ts'
import type { Device } from '../../engine/providers.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { toOnnx } from '../../graph/onnx.ts'
import { initialWeights, parameterSpecs } from '../../model/config.ts'
import type { LlamaConfig } from '../../model/config.ts'
import { GRADIENT_PREFIX, trainGraph } from '../../model/llama.ts'
import { decodeModel } from '../../model/onnx.ts'
import { createRng } from '../../numeric/rng.ts'
import { lossGraph } from '../../rl/loss.ts'
import { batchByLength } from '../../rollout/batches.ts'
import { createWeights, openPolicy } from '../../rollout/policy.ts'
import { completionPlane, forwardedLength, sequenceFeeds } from '../../rollout/sequences.ts'

const MICRO: LlamaConfig = {
  architecture: 'llama',
  vocabSize: 48,
  hiddenSize: 32,
  intermediateSize: 64,
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headDim: 16,
  ropeTheta: 10_000,
  rmsEps: 1e-5,
  maxPositions: 96,
}
const DECODED = 64
const LARGEST_RELATIVE_ERROR = 1e-3
const LARGEST_LOGP_DIFFERENCE = 1e-4

/** Tests one device against the CPU; the CPU is tested against itself. A device that cannot run at all fails with one check that says so. */
export async function selfTest(engine: Engine, device: Device, now: () => number): Promise<SelfTestReport> {
  const began = now()
  const checks = device === 'cpu' ? await testDecode(engine, 'cpu') : await testDevice(engine, device)
  return { device, ok: checks.every((check) => check.ok), checks, durationMs: now() - began }
}

type Check = SelfTestReport['checks'][number]

const check = (name: string, found: number, limit: number, unit: string): Check => ({ name, found, limit, unit, ok: found <= limit })

function microWeights(): Map<string, Float32Array> {
  const weights = initialWeights(MICRO, 7)
  for (const { name, decay } of parameterSpecs(MICRO))
    if (decay)
      weights.set(
        name,
        weights.get(name)!.map((value) => value * 8),
      )
  return weights
}

function microSequences() {
  const rng = createRng(3)
  return Array.from({ length: 6 }, (_, index) => ({
    prompt: Array.from({ length: 4 }, () => rng.int(MICRO.vocabSize)),
    completion: Array.from({ length: 12 + 2 * index }, () => rng.int(MICRO.vocabSize)),
  }))
}

async function testDevice(engine: Engine, device: Device): Promise<Check[]> {
  const onnx = toOnnx(
    trainGraph(
      MICRO,
      (g, values) =>
        lossGraph(g, values, { ratio: 'none', clipLow: 0, clipHigh: 0, aggregation: 'token-mean', klBeta: 0, updatesPerBatch: 1 }),
      { oldLogps: false, refLogps: false },
    ),
  )
  const weights = microWeights()
  const sequences = microSequences()
  const batch = batchByLength(sequences.map(forwardedLength), { tokenBudget: 1e6, maxPadding: 1 })[0]!
  const rng = createRng(5)
  const feeds: Record<string, Tensor> = {
    ...Object.fromEntries(
      parameterSpecs(MICRO).map(({ name, dims }) => [name, { dtype: 'float32', dims, data: weights.get(name)! } satisfies Tensor]),
    ),
    ...sequenceFeeds(batch, sequences),
    advantages: completionPlane(batch, sequences, (member) => sequences[member]!.completion.map(() => rng.gaussian())),
    weights: completionPlane(batch, sequences, (member) => sequences[member]!.completion.map(() => 0.01)),
  }
  const runOn = async (on: Device): Promise<Record<string, Tensor>> => {
    const session = await engine.createSession(onnx, { device: on, optimization: 'basic' })
    try {
      return await session.run(feeds)
    } finally {
      session.dispose()
    }
  }
  try {
    const [expected, found] = [await runOn('cpu'), await runOn(device)]
    const compared = ['logps', 'entropy', 'loss', ...parameterSpecs(MICRO).map(({ name }) => `${GRADIENT_PREFIX}${name}`)].map((name) =>
      check(name, relativeError(found[name]!, expected[name]!), LARGEST_RELATIVE_ERROR, 'relative'),
    )
    return [...compared, ...(await testDecode(engine, device))]
  } catch (error) {
    return [{ name: `runs at all (${(error as Error).message.split('\n')[0]})`, found: 1, limit: 0, unit: 'failures', ok: false }]
  }
}

/** |found - expected| / |expected| in the Euclidean norm over the tensor. */
function relativeError(found: Tensor, expected: Tensor): number {
  let difference = 0
  let size = 0
  for (let i = 0; i < expected.data.length; i++) {
    difference += (Number(found.data[i]) - Number(expected.data[i])) ** 2
    size += Number(expected.data[i]) ** 2
  }
  return Math.sqrt(difference / (size || 1))
}

/** Tokens drawn with the cache, on a device, have the log-probs that the whole-sequence pass gives them on the CPU. */
async function testDecode(engine: Engine, device: Device): Promise<Check[]> {
  const parameters = createWeights(engine, MICRO, microWeights())
  const policy = await openPolicy(engine, MICRO, parameters, { rows: 4, maxLength: MICRO.maxPositions })
  const decoder = device === 'cpu' ? policy.decoder : await decoderOn(engine, parameters, device)
  try {
    const sources = microSequences().map(({ prompt }) => Int32Array.from(prompt))
    const completions = await decoder.generate({
      sources,
      requests: sources.map((_, source) => ({ source, seed: source + 1, maxNewTokens: DECODED, stopTokens: [] })),
    })
    const scored = await policy.score(completions.map((completion, index) => ({ prompt: sources[index]!, completion: completion.tokens })))
    const worst = Math.max(
      ...completions.map((completion, index) => Math.max(...completion.logps.map((logp, t) => Math.abs(logp - scored[index]![t]!)))),
    )
    const limit = device === 'cpu' ? LARGEST_LOGP_DIFFERENCE : LARGEST_RELATIVE_ERROR
    return [check(`${DECODED} decoded tokens: their log-probs against those of training on the processor`, worst, limit, 'nats')]
  } finally {
    decoder.dispose()
    policy.dispose()
    parameters.dispose()
  }
}

const decoderOn = (engine: Engine, parameters: ParameterSet, device: Device): Promise<Decoder> =>
  engine.createDecoder({
    onnx: decodeModel(MICRO),
    parameters,
    layers: MICRO.layers,
    kvHeads: MICRO.kvHeads,
    headDim: MICRO.headDim,
    vocabulary: MICRO.vocabSize,
    rows: 2,
    maxLength: MICRO.maxPositions,
    device,
  })
