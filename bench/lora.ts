// What does training adapters on a language model of 135 million parameters cost? A step of the learner that runs use, with random weights of
// SmolLM2-135M's shape and adapters of rank 16 on every linear map: time, and memory beyond the weights.
import { openEngine } from '../src-main/engine/engine.ts'
import { openLearner } from '../src-main/lab/training/learner.ts'
import type { PaidSequence } from '../src-main/lab/training/learner.ts'
import { withAdapters } from '../src-main/model/adapters.ts'
import { adapterSpecs } from '../src-main/model/config.ts'
import { createRng } from '../src-main/numeric/rng.ts'
import { loadWeights } from '../src-main/rollout/policy.ts'
import { SMOL_CONFIG, randomWeights } from './models.ts'
import { LOSS, OPTIMIZER } from './train.ts'
import { clock, contest, figure } from './question.ts'
import type { Figure, Question } from './question.ts'

const PROMPT = 64
/** Sequences and tokens forwarded of each, the smaller first: a peak never falls. */
const BATCHES = [
  [1, 256],
  [1, 512],
  [4, 512],
] as const

export const question: Question = {
  title: 'lora: training adapters on 135 million parameters',
  async ask() {
    const engine = openEngine()
    const config = withAdapters(SMOL_CONFIG, { rank: 16, alpha: 32 })
    const parameters = await loadWeights(engine, config, randomWeights(config))
    const before = process.memoryUsage().rss
    const opening = performance.now()
    const learner = await openLearner(engine, config, parameters, LOSS, 4096, 1, 512)
    const figures: Figure[] = [figure('session opened', 'ms', [performance.now() - opening])]
    for (const [rows, length] of BATCHES) {
      const sequences = randomSequences(rows, length)
      // The first step of a size meets memory that was never touched; it is shown apart.
      const first = await clock(() => learner.step(sequences, OPTIMIZER))
      const { step } = await contest({ step: () => learner.step(sequences, OPTIMIZER) }, 3)
      figures.push(
        figure(`${rows} x ${length} tokens: first step`, 'ms', [first]),
        figure(`${rows} x ${length} tokens, ${PROMPT} of each a prompt: step`, 'ms', step),
        figure(
          `${rows} x ${length} tokens: trained`,
          'tokens per second',
          step.map((ms) => (rows * length * 1000) / ms),
        ),
        figure(`${rows} x ${length} tokens: memory beyond weights and program`, 'MiB', [(engine.peakResidentBytes - before) / 2 ** 20]),
      )
    }
    const adapters = adapterSpecs(config).reduce((sum, { dims }) => sum + dims[0]! * dims[1]!, 0)
    figures.push(figure('numbers that train', 'millions', [adapters / 1e6]))
    learner.dispose()
    engine.dispose()
    return { checks: [], figures, ratios: [] }
  },
}

/** Random tokens, the first of each a prompt; every token of the rest is paid alike. */
export function randomSequences(rows: number, length: number): PaidSequence[] {
  const rng = createRng(2)
  const tokens = (count: number): Int32Array => Int32Array.from({ length: count }, () => rng.int(SMOL_CONFIG.vocabSize))
  const completion = length + 1 - PROMPT
  return Array.from({ length: rows }, () => ({
    prompt: tokens(PROMPT),
    completion: tokens(completion),
    advantages: new Float32Array(completion).fill(1),
    weights: new Float32Array(completion).fill(1 / (rows * completion)),
    sampledLogps: new Float32Array(completion).fill(-11),
  }))
}
