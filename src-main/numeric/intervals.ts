// How sure a share of right ones is, and how many questions a difference needs (Miller, "Adding error bars to evals", arXiv 2411.00640).
// Left out: the bootstrap, which has its own file and also serves curves.

export interface Interval {
  readonly low: number
  readonly high: number
}

/**
 * Wilson score interval for `successes` out of `n` independent trials (1927). For one set of independent yes/no
 * outcomes only: pooled samples of the same questions are clustered and would make it too narrow.
 */
export function wilson(successes: number, n: number, level = 0.95): Interval {
  if (n === 0) return { low: 0, high: 1 }
  const z = normalQuantile((1 + level) / 2)
  const p = successes / n
  const scale = 1 + z ** 2 / n
  const centre = (p + z ** 2 / (2 * n)) / scale
  const half = (z * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2))) / scale
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}

export interface PowerQuestion {
  /** The difference in accuracy to be seen, e.g. 0.03. */
  readonly difference: number
  /** Variance over questions of the true difference. */
  readonly differenceVariance: number
  /** Mean variance of one sampled answer within a question (p (1 - p)), and answers sampled, for each run. */
  readonly a: { readonly withinVariance: number; readonly samples: number }
  readonly b: { readonly withinVariance: number; readonly samples: number }
  readonly level?: number
  readonly power?: number
}

/** Questions needed to see a difference: (z_{a/2} + z_b)^2 (w^2 + s_A^2/n_A + s_B^2/n_B) / delta^2 (Miller, eq. 9). */
export function questionsNeeded({ difference, differenceVariance, a, b, level = 0.95, power = 0.8 }: PowerQuestion): number {
  const z = normalQuantile((1 + level) / 2) + normalQuantile(power)
  const variance = differenceVariance + a.withinVariance / a.samples + b.withinVariance / b.samples
  return Math.ceil((z ** 2 * variance) / difference ** 2)
}

/**
 * Quantile of the standard normal distribution, to about 1e-15 (Wichura, algorithm AS 241, 1988).
 * Gives -Infinity at 0 and Infinity at 1.
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5
  if (Math.abs(q) <= 0.425) return q * ratio(CENTRE, 0.180625 - q * q)
  const tail = Math.min(p, 1 - p)
  if (tail <= 0) return q < 0 ? -Infinity : Infinity
  const r = Math.sqrt(-Math.log(tail))
  return Math.sign(q) * (r <= 5 ? ratio(MIDDLE, r - 1.6) : ratio(FAR, r - 5))
}

/** Coefficients of numerator and denominator, highest power first. */
type Rational = readonly [numerator: readonly number[], denominator: readonly number[]]

function ratio([numerator, denominator]: Rational, x: number): number {
  const evaluate = (coefficients: readonly number[]): number => coefficients.reduce((value, c) => value * x + c, 0)
  return evaluate(numerator) / evaluate(denominator)
}

const CENTRE: Rational = [
  [
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4, 1.3731693765509461125e4,
    1.9715909503065514427e3, 1.3314166789178437745e2, 3.387132872796366608,
  ],
  [
    5.226495278852854561e3, 2.8729085735721942674e4, 3.930789580009271061e4, 2.1213794301586595867e4, 5.3941960214247511077e3,
    6.871870074920579083e2, 4.2313330701600911252e1, 1,
  ],
]
const MIDDLE: Rational = [
  [
    7.7454501427834140764e-4, 2.27238449892691845833e-2, 2.4178072517745061177e-1, 1.27045825245236838258, 3.64784832476320460504,
    5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734,
  ],
  [
    1.05075007164441684324e-9, 5.475938084995344946e-4, 1.51986665636164571966e-2, 1.4810397642748007459e-1, 6.8976733498510000455e-1,
    1.6763848301838038494, 2.05319162663775882187, 1,
  ],
]
const FAR: Rational = [
  [
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.2426609473880784386e-3, 2.6532189526576123093e-2, 2.9656057182850489123e-1,
    1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772,
  ],
  [
    2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4, 1.48753612908506148525e-2,
    1.3692988092273580531e-1, 5.9983220655588793769e-1, 1,
  ],
]
