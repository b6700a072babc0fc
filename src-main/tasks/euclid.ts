// Greatest common divisors, with the lines that lead to one.

/** Of whole numbers from 1 up. */
export function gcdOf(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b]
  return a
}

/** The divisions of Euclid's algorithm, one a line, the larger number first. */
export function divisionsOf(a: number, b: number): string[] {
  let [high, low] = a >= b ? [a, b] : [b, a]
  const lines: string[] = []
  while (low !== 0) {
    lines.push(`${high} = ${Math.floor(high / low)} * ${low} + ${high % low}`)
    ;[high, low] = [low, high % low]
  }
  return lines
}
