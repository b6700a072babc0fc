// Student's t for whole degrees of freedom: what a spread estimated from few training seeds, or few clusters of problems, costs in certainty.

import { normalQuantile } from './intervals.ts'

/** From here on the expansion about the normal distribution is good to 1e-6. */
const EXPANDED_FROM = 40
/** Halvings of the angle at which the tail is sought: beyond 1e-15 of it. */
const HALVINGS = 50

/** The t with P(|T| > t) = tail, for 0 < tail <= 1; the normal one for infinitely many degrees of freedom. */
export function studentQuantile(tail: number, df: number): number {
  const z = -normalQuantile(tail / 2)
  if (df >= EXPANDED_FROM) return expanded(z, df)
  let [low, high] = [0, Math.PI / 2]
  for (let halving = 0; halving < HALVINGS; halving++) {
    const middle = (low + high) / 2
    if (tailAtAngle(middle, df) > tail) low = middle
    else high = middle
  }
  return Math.sqrt(df) * Math.tan((low + high) / 2)
}

/** P(|T| > sqrt(df) tan(angle)), by the finite sums for whole degrees of freedom (Abramowitz & Stegun 26.7.3 and 26.7.4). */
function tailAtAngle(angle: number, df: number): number {
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)]
  const odd = df % 2 === 1
  let term = odd ? cosine : 1
  let total = df === 1 ? 0 : term
  for (let k = odd ? 3 : 2; k < df; k += 2) {
    term *= (cosine ** 2 * (k - 1)) / k
    total += term
  }
  return Math.max(0, 1 - (odd ? (2 / Math.PI) * (angle + sine * total) : sine * total))
}

/** Cornish and Fisher's expansion in 1 / df (Abramowitz & Stegun 26.7.5). */
function expanded(z: number, df: number): number {
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92_160,
  ]
  return terms.reduce((sum, term, order) => sum + term / df ** (order + 1), z)
}
