/**
 * Example data for the gallery: plausible shapes, no measurement. Deterministic, so that pictures of it can be compared.
 */
import { assignLooks, looks } from '../charts/identity.ts'
import type { Point } from '../charts/drawing.ts'
import type { EpisodeView } from '../parts/EpisodeText.svelte'
import type { TokenView } from '../parts/TokenText.svelte'

/** A small congruential generator (Park and Miller's constants). */
export function random(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48271) % 2147483647) / 2147483647
}

const round = (value: number, digits = 4) => Number(value.toFixed(digits))

export const budgets = [0, 12, 24, 36, 48, 64, 80, 100, 120, 160, 200]
export const trainedTo = 120

const curves: readonly (readonly [name: string, family: string, accuracy: readonly number[]])[] = [
  ['start', 'start', [0.321, 0.378, 0.377, 0.463, 0.499, 0.555, 0.568, 0.583, 0.593, 0.6, 0.6]],
  ['length penalty', 'length', [0.356, 0.433, 0.433, 0.504, 0.551, 0.617, 0.641, 0.674, 0.694, 0.7, 0.7]],
  ['outcome RL', 'outcome', [0.34, 0.452, 0.453, 0.534, 0.576, 0.665, 0.685, 0.706, 0.731, 0.742, 0.745]],
  ['MRT-exact', 'mrt', [0.376, 0.493, 0.493, 0.598, 0.66, 0.722, 0.737, 0.773, 0.788, 0.806, 0.812]],
]
const methodLooks = assignLooks(curves.map(([, family]) => family))

export interface Method {
  readonly name: string
  readonly look: (typeof looks)[number]
  readonly accuracy: readonly Point[]
  readonly regret: readonly Point[]
}

export const methods: readonly Method[] = curves.map(([name, , accuracy], i) => {
  let area = 0
  return {
    name,
    look: methodLooks[i],
    accuracy: accuracy.map((y, k) => ({
      x: budgets[k],
      y,
      lo: round(y - 0.012 - 0.006 * (1 - y)),
      hi: round(y + 0.012 + 0.006 * (1 - y)),
    })),
    regret: accuracy.flatMap((y, k): Point[] => {
      if (k === 0) return []
      area += ((y + accuracy[k - 1]) / 2) * (budgets[k] - budgets[k - 1])
      const value = round(1 - area / budgets[k])
      return [{ x: budgets[k], y: value, lo: round(value - 0.014), hi: round(value + 0.014) }]
    }),
  }
})

/** Value of a method's curve at a budget, between the measured ones on a straight line. */
export function valueAt(points: readonly Point[], budget: number): Point | undefined {
  const next = points.findIndex(({ x }) => (x as number) >= budget)
  if (next < 0) return points[points.length - 1]
  return points[next]
}

export const headline = [
  { method: methods[3], gain: [0.167, 0.152, 0.182], tokens: 58, solve: 59, trained: 2.0e6, mu: 0.9e6 },
  { method: methods[2], gain: [0.11, 0.095, 0.125], tokens: 70, solve: 97, trained: 2.0e6, mu: 0 },
  { method: methods[1], gain: [0.062, 0.048, 0.076], tokens: 66, solve: null, trained: 1.9e6, mu: 0 },
  { method: methods[0], gain: null, tokens: 59, solve: null, trained: 0, mu: 0 },
] as const

export const paths: readonly { readonly name: string; readonly look: Method['look']; readonly points: readonly Point[] }[] = [
  {
    name: 'outcome RL',
    look: methods[2].look,
    points: [
      [59.4, 0.598],
      [66, 0.65],
      [72.9, 0.701],
      [74, 0.715],
      [69.9, 0.736],
    ].map(([x, y]) => ({ x, y })),
  },
  {
    name: 'length penalty',
    look: methods[1].look,
    points: [
      [59.4, 0.598],
      [65, 0.64],
      [69.6, 0.681],
      [67, 0.694],
      [64.1, 0.7],
    ].map(([x, y]) => ({ x, y })),
  },
  {
    name: 'MRT-exact',
    look: methods[3].look,
    points: [
      [59.4, 0.598],
      [60.6, 0.68],
      [61.8, 0.742],
      [60, 0.76],
      [58.4, 0.773],
    ].map(([x, y]) => ({ x, y })),
  },
]

/** Equal regret on the plane of mean tokens and accuracy: regret falls with accuracy and rises with tokens. */
export const isoRegret = [0.35, 0.4, 0.45, 0.5].map((value) => ({
  value,
  text: `regret ${value.toFixed(2)}`,
  points: Array.from({ length: 31 }, (_, i): Point => {
    const x = 54 + i
    return { x, y: round((1 - value) / (1 - x / 400)) }
  }),
}))

export const tokenParts = ['useful', 'after a stable right answer', 'never solved', 'stopped too early'] as const
export const tokenBars = [
  { category: 'MRT-exact', values: [31, 6, 12, 9], look: methods[3].look },
  { category: 'outcome RL', values: [28, 24, 11, 7], look: methods[2].look },
  { category: 'length penalty', values: [26, 19, 14, 7], look: methods[1].look },
]

/** Reward through training: a noisy rise, one gap where the metric could not be computed. */
export function trainingCurve(
  seed: number,
  points: number,
  from: number,
  to: number,
  noise: number,
  gap?: readonly [number, number],
): readonly Point[] {
  const next = random(seed)
  let drift = 0
  return Array.from({ length: points }, (_, i) => {
    drift = 0.92 * drift + (next() - 0.5) * noise
    const y = from + (to - from) * (1 - Math.exp((-3.2 * i) / points)) + drift + (next() - 0.5) * noise
    return { x: i, y: gap && i >= gap[0] && i < gap[1] ? null : round(y) }
  })
}

export const seeds = [1, 2, 3, 4, 5].map((seed) => trainingCurve(seed * 97, 140, 0.33, 0.73, 0.035))
export const seedMean: readonly Point[] = seeds[0].map(({ x }, i) => {
  const values = seeds.map((points) => points[i].y as number)
  const y = values.reduce((sum, value) => sum + value, 0) / values.length
  return { x, y: round(y), lo: round(Math.min(...values)), hi: round(Math.max(...values)) }
})

export const long = trainingCurve(42, 12_400, 0.3, 0.78, 0.06, [5200, 5700])

export const twelve = Array.from({ length: 12 }, (_, i) => ({
  name: [
    'start',
    'outcome RL',
    'length penalty',
    'MRT-exact',
    'MRT, pooled',
    'MRT, online',
    'MRT-STaR',
    'STaR',
    'L1-max',
    'DAPO',
    'GSPO',
    'SFT',
  ][i],
  look: looks[i],
  points: [0, 8, 16, 24, 32, 48, 64, 96].map((x, k): Point => ({
    x,
    y: round(0.3 + 0.045 * i + 0.17 * (1 - Math.exp(-k / 2.6)) + 0.01 * Math.sin(i * 2 + k)),
  })),
}))

export const flops: readonly Point[] = Array.from({ length: 13 }, (_, i) => ({
  x: Number((2e12 * 2.15 ** i).toPrecision(3)),
  y: round(3.1 * 0.83 ** i + 0.42),
}))
export const hours: readonly Point[] = Array.from({ length: 90 }, (_, i) => ({
  x: i * 61,
  y: round(15_200 + 3_100 * (1 - Math.exp(-i / 9)) + 420 * Math.sin(i / 2.2) - (i > 50 && i < 55 ? 9_000 : 0), 0),
}))
export const schedule: readonly Point[] = [
  [0, 32],
  [30, 48],
  [60, 64],
  [95, 96],
  [120, 120],
  [140, 120],
].map(([x, y]) => ({ x, y }))

const bell = (i: number, middle: number, width: number) => Math.exp(-((i - middle) ** 2) / (2 * width ** 2))
export const rewardBins = Array.from({ length: 24 }, (_, i) => ({
  from: round(-0.25 + i * 0.0625),
  to: round(-0.25 + (i + 1) * 0.0625),
  count: Math.round(168 * bell(i, 5, 2.1) + 240 * bell(i, 18, 2.6) + 6),
}))

export const heatSteps = ['0', '20', '40', '60', '80', '100', '120', '140']
export const heatLevels = ['level 1', 'level 2', 'level 3', 'level 4', 'level 5']
export const heatCells = heatLevels.flatMap((y, row) =>
  heatSteps.map((x, column) => ({
    x,
    y,
    value: row === 4 && column < 2 ? null : round(Math.min(0.98, 0.88 - row * 0.19 + column * (0.012 + row * 0.014))),
  })),
)

export const calibration = Array.from({ length: 10 }, (_, i) => {
  const predicted = 0.05 + i * 0.1
  const n = [412, 260, 171, 122, 98, 91, 104, 150, 322, 870][i]
  const observed = round(
    Math.min(0.99, Math.max(0.01, predicted + [0.02, 0.045, 0.06, 0.03, 0.05, -0.02, -0.045, -0.06, -0.03, 0.01][i])),
    3,
  )
  const half = 1.96 * Math.sqrt((observed * (1 - observed)) / n)
  return {
    predicted: round(predicted, 2),
    observed,
    lo: round(Math.max(0, observed - half), 3),
    hi: round(Math.min(1, observed + half), 3),
    n,
  }
})

export const forest: readonly Point[] = [
  ['MRT-exact − outcome RL', 0.057, 0.041, 0.073],
  ['MRT-exact − length penalty', 0.105, 0.089, 0.121],
  ['shuffled progress − outcome RL', -0.004, -0.019, 0.011],
  ['constant bonus − outcome RL', 0.006, -0.01, 0.021],
].map(([y, x, lo, hi]) => ({ y: y as string, x: x as number, lo: lo as number, hi: hi as number }))

export const episodes: readonly EpisodeView[] = [
  { text: '5 + 4 = 9 , 15 − 9 = 6 no', tokens: 12, before: 0.321, after: 0.334, lo: 0.29, hi: 0.38, bonus: 0.013 },
  { text: 'Wait 4 * 15 = 60 , 60 + 5 = 65 no', marker: 'Wait', tokens: 13, before: 0.334, after: 0.273, lo: 0.24, hi: 0.31, bonus: -0.061 },
  { text: 'Wait 5 * 15 = 75 , 75 + 4 = 79 yes', marker: 'Wait', tokens: 13, before: 0.273, after: 0.994, lo: 0.98, hi: 1, bonus: 0.721 },
  { text: 'Wait 5 * 15 = 75 , 75 + 4 = 79 yes', marker: 'Wait', tokens: 13, before: 0.994, after: 0.995, lo: 0.98, hi: 1, bonus: 0.001 },
]

export const tokens: readonly TokenView[] =
  'Wait| 4| *| 15| =| 60| ,| 60| +| 5| =| 65| no| Wait| 5| *| 15| =| 75| ,| 75| +| 4| =| 79| yes|</think>| 5| *| 15| ,| 75| +| 4'
    .split('|')
    .map((text, i) => ({
      text,
      logp:
        text === '</think>'
          ? null
          : round(
              Math.log(
                [
                  0.42, 0.21, 0.63, 0.34, 0.999, 0.98, 0.99, 0.97, 0.44, 0.92, 0.998, 0.97, 0.88, 0.95, 0.07, 0.71, 0.006, 0.999, 0.99,
                  0.998, 0.97, 0.58, 0.93, 0.999, 0.996, 0.97, 1, 0.98, 0.99, 0.98, 0.99, 0.99, 0.98, 0.97,
                ][i] ?? 0.9,
              ),
              3,
            ),
      ...(text === '</think>' && { forced: true }),
      ...(i === 16 && {
        instead: [
          { text: ' 4', p: 0.61 },
          { text: ' 79', p: 0.2 },
        ],
      }),
    }))

const shared = {
  model: { layers: 6, width: 256 },
  sampling: { temperature: 1, group_size: 8, max_completion_length: 144 },
  optimizer: { learning_rate: 1e-4, betas: [0.9, 0.95] },
  kl: 0,
  seed: 1,
}
export const runConfigs = [
  { ...methods[2], config: { ...shared, algorithm: { name: 'grpo', normalise: 'group_std' } } },
  {
    ...methods[1],
    config: {
      ...shared,
      algorithm: { name: 'grpo', normalise: 'group_std', length_penalty: 0.1 },
      optimizer: { betas: [0.9, 0.95], learning_rate: 5e-5 },
    },
  },
  {
    ...methods[3],
    config: {
      ...shared,
      algorithm: { name: 'mrt', alpha: 1, credit: 'return_to_go' },
      sampling: { ...shared.sampling, group_size: 16 },
      progress: true,
    },
  },
]

export interface ExampleRollout {
  readonly id: string
  readonly step: number
  readonly problem: string
  readonly tokens: number
  readonly episodes: number
  readonly reward: number
  readonly progress: number | null
  readonly verdict: string
}

/** As many rollouts as a long run leaves behind. */
export function rollouts(count: number): readonly ExampleRollout[] {
  const next = random(2027)
  return Array.from({ length: count }, (_, i) => {
    const right = next() < 0.62
    const parts = 1 + Math.floor(next() * 9)
    const numbers = [1, 2, 3].map(() => 1 + Math.floor(next() * 25)).join(' ')
    return {
      id: `r${i}`,
      step: Math.floor(i / 256),
      problem: `${numbers} → ${10 + Math.floor(next() * 90)}`,
      tokens: parts * 12 + Math.floor(next() * 9),
      episodes: parts,
      reward: right ? 1 : 0,
      progress: next() < 0.04 ? null : round((right ? 0.6 : 0.02) + (next() - 0.5) * 0.3, 3),
      verdict: right ? 'right' : parts > 8 ? 'cut off' : 'wrong',
    }
  })
}
