// Is a device to be trusted? Log-probs, entropies, loss and every gradient of two micro-models on the device are compared with the CPU, and
// what it writes token by token, scores, and measures as J with the CPU's whole-sequence pass. A device that disagrees must not train: wrong gradients show no error anywhere else.
import type { SelfTestReport } from '../../../src-preload/contract.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Device } from '../../engine/providers.ts'
import type { Tensor } from '../../engine/tensor.ts'
import { toOnnx } from '../../graph/onnx.ts'
import { initialWeights, parameterSpecs } from '../../model/config.ts'
import type { LlamaConfig } from '../../model/config.ts'
import { GRADIENT_PREFIX, trainGraph } from '../../model/llama.ts'
import { createRng } from '../../numeric/rng.ts'
import { lossGraph } from '../../rl/loss.ts'
import { batchByLength } from '../../rollout/batches.ts'
import { createWeights, openPolicy, type Policy } from '../../rollout/policy.ts'
import { completionPlane, forwardedLength, sequenceFeeds } from '../../rollout/sequences.ts'
import type { AnswerTrie } from '../../tasks/types.ts'

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
/** What other families have. */
const OTHERS: LlamaConfig = { ...MICRO, architecture: 'qwen3', attentionBias: 'qkvo', qkNorm: true, untiedHead: true }
/** Five answers as token lists, 1 ends each; as the prefix tree of all of them; and what forces the stop. */
const WRITTEN = [
  [5, 1],
  [5, 6, 1],
  [5, 7, 1],
  [8, 1],
  [9, 6, 1],
]
const ANSWERS: AnswerTrie = {
  token: Int32Array.of(5, 1, 6, 1, 7, 1, 8, 1, 9, 6, 1),
  parent: Int32Array.of(-1, 0, 0, 2, 0, 4, -1, 6, -1, 8, 9),
  terminal: Uint8Array.of(0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1),
  strings: 5,
}
const STOP = [3, 4]
const DECODED = 64
const LARGEST_RELATIVE_ERROR = 1e-3
const LARGEST_LOGP_DIFFERENCE = 1e-4

/** Tests one device against the CPU; the CPU is tested against itself. A device that cannot run at all fails with one check that says so. */
export async function selfTest(engine: Engine, device: Device, now: () => number): Promise<SelfTestReport> {
  const began = now()
  const checks = device === 'cpu' ? await testPolicy(engine, 'cpu') : await testDevice(engine, device)
  return { device, ok: checks.every((check) => check.ok), checks, durationMs: now() - began }
}

type Check = SelfTestReport['checks'][number]

export const check = (name: string, found: number, limit: number, unit: string): Check => ({
  name,
  // What is not a number is as wrong as can be.
  found: Number.isFinite(found) ? found : Number.MAX_VALUE,
  limit,
  unit,
  ok: found <= limit,
})

function microWeights(config: LlamaConfig): Map<string, Float32Array> {
  const weights = initialWeights(config, 7)
  for (const { name, decay } of parameterSpecs(config))
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

/** Log-probs, entropies, loss and every gradient of one model on a device, against the processor. */
async function testTraining(engine: Engine, device: Device, config: LlamaConfig, of: string): Promise<Check[]> {
  const onnx = toOnnx(
    trainGraph(
      config,
      (g, values) =>
        lossGraph(g, values, { ratio: 'none', clipLow: 0, clipHigh: 0, aggregation: 'token-mean', klBeta: 0, updatesPerBatch: 1 }),
      { oldLogps: false, refLogps: false },
    ),
  )
  const weights = microWeights(config)
  const sequences = microSequences()
  const batch = batchByLength(sequences.map(forwardedLength), { tokenBudget: 1e6, maxPadding: 1 })[0]!
  const rng = createRng(5)
  const feeds: Record<string, Tensor> = {
    ...Object.fromEntries(
      parameterSpecs(config).map(({ name, dims }) => [name, { dtype: 'float32', dims, data: weights.get(name)! } satisfies Tensor]),
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
  const [expected, found] = [await runOn('cpu'), await runOn(device)]
  const names = ['logps', 'entropy', 'loss', ...parameterSpecs(config).map(({ name }) => `${GRADIENT_PREFIX}${name}`)]
  return names.map((name) => check(`${of}${name}`, relativeError(found[name]!, expected[name]!), LARGEST_RELATIVE_ERROR, 'relative'))
}

async function testDevice(engine: Engine, device: Device): Promise<Check[]> {
  try {
    return [
      ...(await testTraining(engine, device, MICRO, '')),
      ...(await testTraining(engine, device, OTHERS, 'with biases, norms of heads, own head: ')),
      ...(await testPolicy(engine, device)),
    ]
  } catch (error) {
    return [{ name: `runs at all (${(error as Error).message.split('\n')[0]})`, found: 1, limit: 0, unit: 'failures', ok: false }]
  }
}

/** |found - expected| / |expected| in the Euclidean norm over the tensor. */
export function relativeError(found: Tensor, expected: Tensor): number {
  let difference = 0
  let size = 0
  for (let i = 0; i < expected.data.length; i++) {
    difference += (Number(found.data[i]) - Number(expected.data[i])) ** 2
    size += Number(expected.data[i]) ** 2
  }
  return Math.sqrt(difference / (size || 1))
}

/**
 * Tokens drawn with the cache on a device have the log-probs that the whole-sequence pass gives them on the processor, and J by branches on the device is the summed
 * probability of the answers that the processor reads as whole sequences.
 */
async function testPolicy(engine: Engine, device: Device): Promise<Check[]> {
  const parameters = createWeights(engine, MICRO, microWeights(MICRO))
  const policy = await openPolicy(engine, MICRO, parameters, { rows: 4, maxLength: MICRO.maxPositions })
  const tested = device === 'cpu' ? policy : await openPolicy(engine, MICRO, parameters, { rows: 2, maxLength: MICRO.maxPositions, device })
  const decodeLimit = device === 'cpu' ? LARGEST_LOGP_DIFFERENCE : LARGEST_RELATIVE_ERROR
  try {
    const sources = microSequences().map(({ prompt }) => Int32Array.from(prompt))
    const completions = await tested.decoder.generate({
      sources,
      requests: sources.map((_, source) => ({ source, seed: source + 1, maxNewTokens: DECODED, stopTokens: [] })),
    })
    const drawn = completions.map((completion, index) => ({ prompt: sources[index]!, completion: completion.tokens }))
    const scored = await policy.score(drawn)
    const worst = (of: (index: number) => ArrayLike<number>): number =>
      Math.max(...scored.map((logps, index) => Math.max(...logps.map((logp, t) => Math.abs(logp - of(index)[t]!)))))
    const again = device === 'cpu' ? scored : await tested.score(drawn)
    return [
      check(
        `${DECODED} decoded tokens: their log-probs against those of training on the processor`,
        worst((index) => completions[index]!.logps),
        decodeLimit,
        'nats',
      ),
      ...(device === 'cpu'
        ? []
        : [
            check(
              'scored tokens: their log-probs against the processor',
              worst((index) => again[index]!),
              decodeLimit,
              'nats',
            ),
          ]),
      check(
        'J of five answers after two cuts, against whole sequences on the processor',
        await errorOfJ(policy, tested, drawn[0]!),
        decodeLimit,
        'relative',
      ),
    ]
  } finally {
    if (tested !== policy) tested.dispose()
    policy.dispose()
    parameters.dispose()
  }
}

async function errorOfJ(
  policy: Policy,
  tested: Policy,
  { prompt, completion }: { readonly prompt: Int32Array; readonly completion: Int32Array },
): Promise<number> {
  const cuts = [0, 9]
  const { J } = await tested.measure([{ prompt, completion, cuts, answers: ANSWERS }], STOP)
  const errors = cuts.map(async (cut, at) => {
    const before = [...prompt, ...completion.slice(0, cut), ...STOP]
    const logps = await policy.score(WRITTEN.map((answer) => ({ prompt: before, completion: answer })))
    const expected = logps.reduce((sum, each) => sum + Math.exp(each.reduce((all, logp) => all + logp, 0)), 0)
    return Math.abs(J[0]![at]! - expected) / expected
  })
  return Math.max(...(await Promise.all(errors)))
}
