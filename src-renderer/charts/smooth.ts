/**
 * The one smoothing a chart offers: an exponential moving average, debiased as in Adam (Kingma & Ba 2015, section 3) so
 * that the start is not dragged toward zero. Off by default, and a chart always draws the raw line with it.
 * Gaps are skipped and stay gaps; nothing is filled in.
 */

/**
 * `weight` in [0, 1) is the share of the past: s_t = w s_{t-1} + (1 - w) y_t, shown as s_t / (1 - w^t).
 * Throws a RangeError for a weight outside that range.
 */
export function smooth(values: readonly (number | null)[], weight: number): readonly (number | null)[] {
  if (!(weight >= 0 && weight < 1)) throw new RangeError(`smoothing weight must be in [0, 1), got ${weight}`)
  if (weight === 0) return values
  let average = 0
  let past = 1
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null
    average = weight * average + (1 - weight) * value
    past *= weight
    return average / (1 - past)
  })
}
