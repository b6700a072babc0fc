// The angular frequencies of rotary positions, with the ways in which models stretch them to contexts longer than they were first trained
// on. Formulas as in the papers and in the `modeling_rope_utils` of the transformers library; frequencies in radians per position.
import type { LlamaConfig, RopeScaling } from './config.ts'

export interface RotaryRule {
  /** Radians per position, [headDim / 2]. */
  readonly frequencies: readonly number[]
  /** Factor on every cosine and sine: 1 except for yarn. */
  readonly amplitude: number
}

/** Frequencies of a model; without scaling theta^(-2i / headDim) (Su et al. 2021). */
export function rotaryRule({ headDim, ropeTheta, ropeScaling }: Pick<LlamaConfig, 'headDim' | 'ropeTheta' | 'ropeScaling'>): RotaryRule {
  const half = headDim / 2
  const plain = Array.from({ length: half }, (_, i) => ropeTheta ** (-i / half))
  if (ropeScaling === undefined) return { frequencies: plain, amplitude: 1 }
  return scaled[ropeScaling.kind](plain, ropeScaling as never, { headDim, ropeTheta })
}

type Scale<Kind extends RopeScaling['kind']> = (
  plain: readonly number[],
  scaling: Extract<RopeScaling, { kind: Kind }>,
  model: { readonly headDim: number; readonly ropeTheta: number },
) => RotaryRule

const scaled: { readonly [Kind in RopeScaling['kind']]: Scale<Kind> } = {
  linear: (plain, { factor }) => ({ frequencies: plain.map((frequency) => frequency / factor), amplitude: 1 }),

  divisors: (plain, { divisors }) => ({ frequencies: plain.map((frequency, i) => frequency / divisors[i]!), amplitude: 1 }),

  // Long waves are divided by the factor, short ones kept, and between the two the frequency is interpolated (Llama 3.1).
  llama3: (plain, { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions }) => ({
    frequencies: plain.map((frequency) => {
      const turns = (originalPositions * frequency) / (2 * Math.PI)
      if (turns > high) return frequency
      if (turns < low) return frequency / factor
      const kept = (turns - low) / (high - low)
      return (1 - kept) * (frequency / factor) + kept * frequency
    }),
    amplitude: 1,
  }),

  // A ramp over the index of the frequency, from the one that turns betaFast times in the original length to the one that turns betaSlow
  // times (Peng et al. 2023, section 3.2).
  yarn: (plain, { factor, betaFast, betaSlow, originalPositions, attentionFactor, truncate }, { headDim, ropeTheta }) => {
    const indexOf = (turns: number): number => (headDim * Math.log(originalPositions / (turns * 2 * Math.PI))) / (2 * Math.log(ropeTheta))
    const from = Math.max(truncate ? Math.floor(indexOf(betaFast)) : indexOf(betaFast), 0)
    const found = Math.min(truncate ? Math.ceil(indexOf(betaSlow)) : indexOf(betaSlow), headDim - 1)
    const to = found === from ? from + 0.001 : found
    const frequencies = plain.map((frequency, i) => {
      const divided = Math.min(Math.max((i - from) / (to - from), 0), 1)
      return divided * (frequency / factor) + (1 - divided) * frequency
    })
    return { frequencies, amplitude: attentionFactor }
  },
}
