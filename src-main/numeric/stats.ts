// Summaries of one list of numbers. Every function says what it divides by; none of them changes its argument.
// An empty list has no mean, so it gives NaN rather than a number that could be mistaken for a measurement.

/** Arithmetic mean; NaN for an empty list. */
export function mean(values: ArrayLike<number>): number {
  return sum(values) / values.length
}

export function sum(values: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]
  return total
}

/** Unbiased variance, divided by n - 1; 0 for fewer than two values, which show no spread. */
export function sampleVariance(values: ArrayLike<number>): number {
  return values.length < 2 ? 0 : squares(values) / (values.length - 1)
}

/** Standard deviation with ddof = 1 (divided by n - 1); 0 for fewer than two values. */
export function sampleDeviation(values: ArrayLike<number>): number {
  return Math.sqrt(sampleVariance(values))
}

/** Standard deviation with ddof = 0 (divided by n); NaN for an empty list. */
export function populationDeviation(values: ArrayLike<number>): number {
  return Math.sqrt(squares(values) / values.length)
}

/** Sum of squared distances from the mean, in two passes so that large offsets cost no digits. */
function squares(values: ArrayLike<number>): number {
  const centre = mean(values)
  let total = 0
  for (let i = 0; i < values.length; i++) total += (values[i] - centre) ** 2
  return total
}

/** Quantile p in [0, 1] by linear interpolation between order statistics (Hyndman-Fan type 7, NumPy's default). */
export function quantile(values: ArrayLike<number>, p: number): number {
  return quantileOfSorted(Float64Array.from(values).sort(), p)
}

/** As `quantile`, for values already in ascending order. */
export function quantileOfSorted(ascending: ArrayLike<number>, p: number): number {
  const position = (ascending.length - 1) * p
  const below = Math.floor(position)
  const above = Math.ceil(position)
  return ascending[below] + (position - below) * (ascending[above] - ascending[below])
}

export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5)
}
