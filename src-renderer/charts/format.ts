/**
 * Numbers as text: fixed digits, compact SI, durations, bytes, signed changes and intervals.
 * All figures are meant for tabular digits, use a true minus sign, and never print NaN: an absent value is an en dash.
 * Machine-readable output (CSV) does not come through here.
 */

export const MINUS = '\u2212'
export const ABSENT = '\u2013'
const THIN = '\u202f'

const isNumber = (value: number | null | undefined): value is number => typeof value === 'number' && Number.isFinite(value)

/** Groups the integer part in threes. */
function group(digits: string): string {
  const [whole, rest] = digits.split('.')
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return rest === undefined ? grouped : `${grouped}.${rest}`
}

const signOf = (value: number, text: string) => (value < 0 && /[1-9]/.test(text) ? MINUS : '')

/** `value` with exactly `digits` decimals; an absent value prints an en dash. */
export function fixed(value: number | null | undefined, digits = 0): string {
  if (!isNumber(value)) return ABSENT
  const text = Math.abs(value).toFixed(digits)
  return signOf(value, text) + group(text)
}

/** Like `fixed` with an explicit sign, zero unsigned: +0.721, −0.061, 0.000. */
export function signed(value: number | null | undefined, digits = 2): string {
  if (!isNumber(value)) return fixed(value)
  const text = fixed(value, digits)
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text
}

/** `digits` significant figures without exponent, trailing zeros kept: 0.0123, 4.00, 1,230. */
export function significant(value: number | null | undefined, digits = 3): string {
  if (!isNumber(value)) return fixed(value)
  if (value === 0) return '0'
  const size = Math.floor(Math.log10(Math.abs(value)))
  if (size < -4 || size > 9) return exponent(value, digits)
  return fixed(value, Math.max(0, digits - 1 - size))
}

/** 2.1e15, the spelling training reports use. */
export function exponent(value: number | null | undefined, digits = 3): string {
  if (!isNumber(value)) return fixed(value)
  if (value === 0) return '0'
  const [mantissa, power] = Math.abs(value)
    .toExponential(digits - 1)
    .split('e')
  const short = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa
  return `${value < 0 ? MINUS : ''}${short}e${power.replace('+', '').replace('-', MINUS)}`
}

const PREFIXES: readonly (readonly [number, string])[] = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]

/** Compact count: 812, 1.24k, 18.2k, 120k, 2.04M. */
export function compact(value: number | null | undefined, digits = 3): string {
  if (!isNumber(value)) return fixed(value)
  const size = Math.abs(value)
  const rounded = size === 0 ? 0 : Number(size.toPrecision(digits))
  const prefix = PREFIXES.find(([factor]) => rounded >= factor)
  if (!prefix) return Number.isInteger(value) ? fixed(value) : significant(value, digits)
  const scaled = rounded / prefix[0]
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(scaled)))
  return `${value < 0 ? MINUS : ''}${scaled.toFixed(decimals)}${prefix[1]}`
}

/** Seconds as a person says them: 850 ms, 4.2 s, 38 s, 4 min 12 s, 2 h 05 min, 3 d 4 h. */
export function duration(seconds: number | null | undefined): string {
  if (!isNumber(seconds)) return fixed(seconds)
  const sign = seconds < 0 ? MINUS : ''
  const size = Math.abs(seconds)
  if (size === 0) return `0${THIN}s`
  if (size < 0.0995) return `${sign}${significant(size * 1000, 2)}${THIN}ms`
  if (size < 0.9995) return `${sign}${Math.round(size * 1000)}${THIN}ms`
  if (size < 9.95) return `${sign}${size.toFixed(1)}${THIN}s`
  const whole = Math.round(size)
  if (whole < 60) return `${sign}${whole}${THIN}s`
  const pad = (value: number) => String(value).padStart(2, '0')
  if (whole < 3600) {
    const rest = whole % 60
    return `${sign}${Math.floor(whole / 60)}${THIN}min${rest ? ` ${pad(rest)}${THIN}s` : ''}`
  }
  const minutes = Math.round(size / 60)
  if (minutes < 1440) {
    const rest = minutes % 60
    return `${sign}${Math.floor(minutes / 60)}${THIN}h${rest ? ` ${pad(rest)}${THIN}min` : ''}`
  }
  const hours = Math.round(size / 3600)
  const rest = hours % 24
  return `${sign}${Math.floor(hours / 24)}${THIN}d${rest ? ` ${rest}${THIN}h` : ''}`
}

/** Decimal bytes: 812 B, 1.10 GB. */
export function bytes(value: number | null | undefined): string {
  if (!isNumber(value)) return fixed(value)
  const text = compact(value)
  const unit = /[kMGT]$/.exec(text)
  return unit ? `${text.slice(0, -1)}${THIN}${unit[0]}B` : `${text}${THIN}B`
}

/** The quiet part beside an estimate: ±1.7 when the interval is (nearly) symmetric, else 70.5 to 73.9. */
export function interval(
  value: number | null | undefined,
  low: number | null | undefined,
  high: number | null | undefined,
  digits = 1,
): string {
  if (!isNumber(value) || !isNumber(low) || !isNumber(high)) return ''
  const half = (high - low) / 2
  const step = 10 ** -digits
  return Math.abs((high + low) / 2 - value) <= step / 2 + Math.abs(half) * 0.05
    ? `±${fixed(half, digits)}`
    : `${fixed(low, digits)} to ${fixed(high, digits)}`
}

/** Decimals needed so that values `step` apart print differently and exactly. */
export function decimalsFor(step: number): number {
  if (!isNumber(step) || step === 0) return 0
  for (let digits = 0; digits < 12; digits += 1) {
    const scaled = Math.abs(step) * 10 ** digits
    if (Math.round(scaled) > 0 && Math.abs(scaled - Math.round(scaled)) < 1e-6 * Math.max(1, scaled)) return digits
  }
  return 12
}
