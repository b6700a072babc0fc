// How fast is a training step, and how much memory does it need? Forward, loss, backward, clipping and AdamW through the learner that
// runs use, against the machine's own matrix product (one large Gemm through the same ONNX Runtime). Equality: the gradient in one
// micro-batch and in several, and along its own direction against a finite difference of the loss.
import { joined } from '../src-main/engine/parameters.ts'
import { openEngine } from '../src-main/engine/engine.ts'
import type { Engine } from '../src-main/engine/engine.ts'
import type { ParameterSet } from '../src-main/engine/parameters.ts'
import type { Tensors } from '../src-main/engine/tensor.ts'
import { GraphBuilder } from '../src-main/graph/builder.ts'
import { toOnnx } from '../src-main/graph/onnx.ts'
import { openLearner } from '../src-main/lab/training/learner.ts'
import type { PaidSequence } from '../src-main/lab/training/learner.ts'
import { forwardFlopsPerToken } from '../src-main/model/config.ts'
import type { LlamaConfig } from '../src-main/model/config.ts'
import { trainGraph } from '../src-main/model/llama.ts'
import { createRng } from '../src-main/numeric/rng.ts'
import { createMethod } from '../src-main/rl/algorithms.ts'
import { lossGraph } from '../src-main/rl/loss.ts'
import { createWeights } from '../src-main/rollout/policy.ts'
import { completionPlane, forwardedLength, sequenceFeeds } from '../src-main/rollout/sequences.ts'
import { benchWeights, startWeights } from './models.ts'
import type { Weights } from './models.ts'
import { contest, figure, measure } from './question.ts'
import type { Answer, Check, Figure, Question } from './question.ts'

const PROMPT = 8
/** Tokens forwarded per sequence. */
const LENGTH = 128
const MICROBATCHES = [512, 1024, 2048, 4096, 8192]
export const OPTIMIZER = { lr: 1e-5, clipNorm: 1 }

const method = createMethod('dr-grpo')
export const LOSS = method.algorithm.loss(method.options)

export const question: Question = {
  title: "train: a step against the machine's own matrix product",
  async ask({ start }) {
    const engine = openEngine()
    const large = benchWeights()
    const small = await startWeights(start)
    const memory = await memoryByMicrobatch(engine, large)
    const checks = await gradientChecks(engine, large)
    const gemm = await matrixProduct(engine, 2048)
    const answers = [await speed(engine, 'large', large, gemm), await speed(engine, 'starter', small, gemm)]
    engine.dispose()
    return {
      checks,
      figures: [figure('Gemm 2048 x 2048 x 2048', 'GFLOP/s', gemm), ...answers.flatMap(({ figures }) => figures), ...memory],
      ratios: answers.flatMap(({ ratios }) => ratios),
    }
  },
}

/** Chosen sequences of the same length as the feeds of one micro-batch. */
export function batchFeeds(sequences: readonly PaidSequence[], members: readonly number[]): Tensors {
  const batch = { members, width: LENGTH }
  const plane = (of: (sequence: PaidSequence) => Float32Array) => completionPlane(batch, sequences, (member) => of(sequences[member]!))
  return {
    ...sequenceFeeds(batch, sequences),
    advantages: plane((each) => each.advantages),
    weights: plane((each) => each.weights),
    old_logps: plane((each) => each.sampledLogps!),
  }
}

/** Sequences of one length with random tokens, advantages of both signs and the weights of a plain mean. */
export function randomSequences(config: LlamaConfig, count: number): PaidSequence[] {
  const rng = createRng(1)
  const completion = LENGTH + 1 - PROMPT
  const tokens = (length: number): Int32Array => Int32Array.from({ length }, () => rng.int(config.vocabSize))
  return Array.from({ length: count }, () => ({
    prompt: tokens(PROMPT),
    completion: tokens(completion),
    advantages: Float32Array.from({ length: completion }, () => rng.gaussian()),
    weights: new Float32Array(completion).fill(1 / (count * completion)),
    sampledLogps: Float32Array.from({ length: completion }, () => -6 + 0.05 * rng.gaussian()),
  }))
}

async function speed(engine: Engine, name: string, weights: Weights, gemm: readonly number[]): Promise<Answer> {
  const parameters = createWeights(engine, weights.config, weights.tensors)
  const learner = await openLearner(engine, weights.config, parameters, LOSS, 4096)
  const sequences = randomSequences(weights.config, 32)
  const { step } = await contest({ step: () => learner.step(sequences, OPTIMIZER) }, 7)
  learner.dispose()
  parameters.dispose()
  const tokens = sequences.reduce((sum, sequence) => sum + forwardedLength(sequence), 0)
  const flops = 3 * tokens * forwardFlopsPerToken(weights.config, LENGTH / 2)
  const rate = step.map((ms) => flops / ms / 1e6)
  const peak = measure(gemm).median
  return {
    checks: [],
    figures: [
      figure(`${name} model: step of 32 x ${LENGTH} tokens`, 'ms', step),
      figure(
        `${name} model: trained`,
        'tokens per second',
        step.map((ms) => tokens / (ms / 1000)),
      ),
      figure(`${name} model: arithmetic`, 'GFLOP/s', rate),
    ],
    ratios: [
      {
        what: `${name} model: share of the machine's Gemm`,
        aim: null,
        best: Math.max(...rate) / Math.max(...gemm),
        ...measure(rate.map((each) => each / peak)),
      },
    ],
  }
}

/** C = A B with both matrices resident and one row of the result read. */
export async function openProduct(
  engine: Engine,
  size: number,
): Promise<{ readonly flops: number; run(): Promise<unknown>; dispose(): void }> {
  const g = new GraphBuilder('gemm')
  g.output(
    'row',
    g.slice(g.gemm(g.input('a', 'float32', [size, size]), g.input('b', 'float32', [size, size]), null, { transB: true }), 0, 0, 1),
  )
  const parameters = engine.createParameters(['a', 'b'].map((name) => ({ name, dims: [size, size], decay: false })))
  for (const name of ['a', 'b'])
    parameters.set(
      name,
      Float32Array.from({ length: size * size }, (_, index) => Math.sin(index)),
    )
  const session = await engine.createSession(toOnnx(g.build()), { parameters })
  return {
    flops: 2 * size ** 3,
    run: () => session.run({}),
    dispose() {
      session.dispose()
      parameters.dispose()
    },
  }
}

/** GFLOP/s of a large product. */
async function matrixProduct(engine: Engine, size: number): Promise<number[]> {
  const product = await openProduct(engine, size)
  const { times } = await contest({ times: product.run }, 7)
  product.dispose()
  return times.map((ms) => product.flops / ms / 1e6)
}

/** Peak memory of the process after steps of growing micro-batches, less what it held before the first. Runs first: a peak never falls. */
async function memoryByMicrobatch(engine: Engine, weights: Weights): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const tokens of MICROBATCHES) {
    const parameters = createWeights(engine, weights.config, weights.tensors)
    const before = process.memoryUsage().rss
    const learner = await openLearner(engine, weights.config, parameters, LOSS, tokens)
    const sequences = randomSequences(weights.config, tokens / LENGTH)
    for (let step = 0; step < 2; step++) await learner.step(sequences, OPTIMIZER)
    figures.push(figure(`large model: memory at ${tokens} tokens per micro-batch`, 'MiB', [(engine.peakResidentBytes - before) / 2 ** 20]))
    learner.dispose()
    parameters.dispose()
  }
  return figures
}

async function gradientChecks(engine: Engine, weights: Weights): Promise<Check[]> {
  const parameters = createWeights(engine, weights.config, weights.tensors)
  const graph = trainGraph(weights.config, (g, values) => lossGraph(g, values, LOSS), { oldLogps: true, refLogps: false })
  const trainer = await engine.createTrainer({ onnx: toOnnx(graph), parameters })
  const sequences = randomSequences(weights.config, 8)
  const look = async (microbatches: readonly Tensors[]) => {
    const { outputs } = await trainer.step({ microbatches, outputs: ['loss'], apply: false })
    return { loss: outputs.reduce((sum, { loss }) => sum + Number(loss!.data[0]), 0), gradient: flat(trainer.gradients()) }
  }
  // Clipping makes kinks, so the slope is taken where the sampling log-probs are the model's own.
  const onPolicy = async (members: readonly number[]): Promise<Tensors> => {
    const feeds = batchFeeds(sequences, members)
    const { outputs } = await trainer.step({ microbatches: [feeds], outputs: ['logps'], apply: false })
    return { ...feeds, old_logps: outputs[0]!.logps! }
  }
  const whole = [await onPolicy([0, 1, 2, 3, 4, 5, 6, 7])]
  const once = await look(whole)
  const split = await look([await onPolicy([0, 1]), await onPolicy([2, 3, 4]), await onPolicy([5]), await onPolicy([6, 7])])
  const along = await slopeAlong(parameters, once.gradient, async () => (await look(whole)).loss)
  trainer.dispose()
  parameters.dispose()
  return [
    {
      what: 'gradient in one micro-batch and in four',
      difference: norm(minus(once.gradient, split.gradient)) / norm(once.gradient),
      limit: 1e-5,
    },
    { what: 'gradient against a finite difference', difference: Math.abs(along / norm(once.gradient) - 1), limit: 1e-3 },
  ]
}

/** (loss(w + h d) - loss(w - h d)) / 2 h along the direction of the gradient; in exact arithmetic its norm, as h goes to 0. */
async function slopeAlong(parameters: ParameterSet, gradient: Float32Array, loss: () => Promise<number>): Promise<number> {
  const step = 0.002
  const start = parameters.snapshot()
  const size = norm(gradient)
  const at = async (sign: number): Promise<number> => {
    parameters.load(start.map((value, index) => value + (sign * step * gradient[index]!) / size))
    return loss()
  }
  const slope = ((await at(1)) - (await at(-1))) / (2 * step)
  parameters.load(start)
  return slope
}

const flat = (gradients: Readonly<Record<string, Float32Array>>): Float32Array => joined(Object.values(gradients))

function norm(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
}

function minus(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, index) => value - b[index]!)
}
