// The page on clusters holds what its script prints, and the script deals as it says.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { CONSTANTS, scaleText, simulate } from '../../bench/scale.ts'

it('docs/scale.md has the figures that node bench/scale.ts prints', () => {
  expect(readFileSync(join(import.meta.dirname, '../../docs/scale.md'), 'utf8')).toContain(scaleText(CONSTANTS))
})

it('more workers than problems of a step draw no faster, and one is always busy', () => {
  const [one, many, more] = [1, 128, 512].map((workers) => simulate(workers, CONSTANTS, 8))
  expect(one!.busy).toBeCloseTo(1, 9)
  expect(more!.sample).toBe(many!.sample)
  expect(more!.shares).toBe(128)
  expect(one!.sample / many!.sample).toBeLessThan(128)
})
