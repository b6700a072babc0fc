// How fast this machine is at what runs do most: drawing tokens one by one in full batches, and reading whole sequences. Timed once, in
// about a second, with random weights of the starter's shape; larger models follow from operation counts. Training is not timed: it reads
// every sequence once and works back through it at twice the price.
import type { Engine } from '../../engine/engine.ts'
import { initialWeights, STARTER_CONFIG } from '../../model/config.ts'
import { createRng } from '../../numeric/rng.ts'
import { createWeights, openPolicy } from '../../rollout/policy.ts'

export interface MachineSpeed {
  /** Tokens per second, for the starter's shape. */
  readonly drawn: number
  readonly read: number
}

const ROWS = 256
const PROMPTS = 32
const PROMPT_TOKENS = 12
const DRAWN_TOKENS = 40

/** @param now milliseconds */
export async function measureSpeed(engine: Engine, now: () => number): Promise<MachineSpeed> {
  const rng = createRng(1)
  const sources = Array.from({ length: PROMPTS }, () => Int32Array.from({ length: PROMPT_TOKENS }, () => rng.int(STARTER_CONFIG.vocabSize)))
  const parameters = createWeights(engine, STARTER_CONFIG, initialWeights(STARTER_CONFIG, 1))
  const policy = await openPolicy(engine, STARTER_CONFIG, parameters, { rows: ROWS, maxLength: PROMPT_TOKENS + DRAWN_TOKENS })
  const draw = (rows: number, tokens: number) =>
    policy.decoder.generate({
      sources,
      requests: Array.from({ length: rows }, (_, row) => ({ source: row % PROMPTS, seed: row + 1, maxNewTokens: tokens, stopTokens: [] })),
    })
  try {
    const warm = await draw(8, 4)
    await policy.score(warm.map(({ tokens }, row) => ({ prompt: sources[row % PROMPTS]!, completion: tokens })))
    const began = now()
    const completions = await draw(ROWS, DRAWN_TOKENS)
    const drawn = now()
    await policy.score(completions.map(({ tokens }, row) => ({ prompt: sources[row % PROMPTS]!, completion: tokens })))
    const seconds = (fromMs: number, toMs: number): number => Math.max(1, toMs - fromMs) / 1000
    return { drawn: (ROWS * DRAWN_TOKENS) / seconds(began, drawn), read: (ROWS * (PROMPT_TOKENS + DRAWN_TOKENS)) / seconds(drawn, now()) }
  } finally {
    policy.dispose()
    parameters.dispose()
  }
}
