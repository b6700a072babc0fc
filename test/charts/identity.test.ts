/** Runs can be told apart by everybody: by colour under each kind of vision, and without colour at all. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { assignLooks, looks, markers, partLooks } from '../../src-renderer/charts/identity.ts'

type Triple = readonly [number, number, number]

const css = readFileSync(new URL('../../src-renderer/style/tokens.css', import.meta.url), 'utf8')
/** Day and night value of a token of the normal contrast. */
function token(name: string): readonly [light: string, dark: string] {
  const found = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css)
  if (!found) throw new Error(`no light-dark hex value for --${name}`)
  return [found[1], found[2]]
}

const linear = (hex: string): Triple => {
  const part = (at: number) => {
    const c = parseInt(hex.slice(at, at + 2), 16) / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  }
  return [part(1), part(3), part(5)]
}
const luminance = ([r, g, b]: Triple) => 0.2126 * r + 0.7152 * g + 0.0722 * b
const contrast = (a: Triple, b: Triple) => {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (high + 0.05) / (low + 0.05)
}
/** Ottosson 2020. */
const oklab = ([r, g, b]: Triple): Triple => {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}
const fromOklab = ([L, a, b]: Triple): Triple => {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ]
}
/** Machado, Oliveira and Fernandes 2009, severity 1. */
const visions: Readonly<Record<string, readonly number[]>> = {
  normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protan: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deutan: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritan: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
}
const seen = (m: readonly number[], v: Triple): Triple => {
  const row = (i: number) => Math.min(1, Math.max(0, m[i] * v[0] + m[i + 1] * v[1] + m[i + 2] * v[2]))
  return [row(0), row(3), row(6)]
}
const apart = (a: Triple, b: Triple) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])

describe.each([
  ['light', 0],
  ['dark', 1],
] as const)('run colours on %s paper', (_name, side) => {
  const colours = looks.map(({ slot }) => linear(token(`run-${slot}`)[side]))
  const panel = linear(token('panel')[side])
  const ink = oklab(linear(token('ink')[side]))

  it.each(Object.keys(visions))('stay apart for %s vision, the first six further', (vision) => {
    const views = colours.map((colour) => oklab(seen(visions[vision], colour)))
    views.forEach((a, i) =>
      views.slice(0, i).forEach((b, j) => expect(apart(a, b), `slots ${j} and ${i}`).toBeGreaterThan(i < 6 && j < 6 ? 0.085 : 0.055)),
    )
  })
  it('are seen as lines at 3:1', () => {
    colours.forEach((colour, slot) => expect(contrast(colour, panel), `slot ${slot}`).toBeGreaterThanOrEqual(3))
  })
  it('are read as labels at 4.5:1 once mixed toward ink', () => {
    const share = Number(/--label-share: (\d+)%/.exec(css)?.[1]) / 100
    colours.forEach((colour, slot) => {
      const lab = oklab(colour)
      const mixed = fromOklab([0, 1, 2].map((i) => share * lab[i] + (1 - share) * ink[i]) as unknown as Triple)
      expect(contrast(mixed, panel), `slot ${slot}`).toBeGreaterThanOrEqual(4.5)
    })
  })
  it('leave series within a run colours of their own: far from every method and from each other, for every vision, at 3:1', () => {
    const parts = partLooks.map((_, at) => linear(token(`part-${at}`)[side]))
    parts.forEach((colour) => {
      expect(contrast(colour, panel)).toBeGreaterThanOrEqual(3)
      colours.forEach((run, slot) => expect(apart(oklab(colour), oklab(run)), `slot ${slot}`).toBeGreaterThan(0.06))
    })
    for (const vision of Object.values(visions)) {
      const views = parts.map((colour) => oklab(seen(vision, colour)))
      views.forEach((a, i) => views.slice(0, i).forEach((b) => expect(apart(a, b)).toBeGreaterThan(0.15)))
    }
  })
  it('have quiet text at 4.5:1 on paper and panel', () => {
    for (const text of ['ink', 'ink-2', 'ink-3', 'good', 'bad', 'warn', 'accent']) {
      for (const ground of ['paper', 'panel'])
        expect(contrast(linear(token(text)[side]), linear(token(ground)[side])), `${text} on ${ground}`).toBeGreaterThanOrEqual(4.5)
    }
  })
})

describe('without colour', () => {
  it('every slot has its own pair of dash and marker', () => {
    const all = [...looks, ...partLooks]
    expect(new Set(all.map(({ dash, marker }) => `${dash} ${marker}`)).size).toBe(all.length)
    expect(new Set(all.map(({ color }) => color)).size).toBe(all.length)
    expect(new Set(looks.map(({ marker }) => marker)).size).toBe(looks.length)
  })
  it('every marker has a drawable path', () => {
    for (const shape of Object.values(markers)) expect(shape.path(3)).toMatch(/^M[-\d.,MLAHVZ ]+$/)
  })
})

describe('assigning looks', () => {
  it('gives the known families their own slot wherever they stand', () => {
    expect(assignLooks(['mrt', undefined, 'start', 'outcome']).map(({ slot }) => slot)).toEqual([3, 4, 0, 1])
  })
  it('gives a second run of a family another slot, and moves nobody when one is added', () => {
    const first = assignLooks(['mrt', 'mrt', 'length'])
    expect(first.map(({ slot }) => slot)).toEqual([3, 4, 2])
    expect(assignLooks(['mrt', 'mrt', 'length', 'mrt']).slice(0, 3)).toEqual(first)
  })
  it('gives twelve runs twelve looks', () => {
    expect(new Set(assignLooks(Array.from({ length: 12 }, () => undefined)).map(({ slot }) => slot)).size).toBe(12)
  })
})
