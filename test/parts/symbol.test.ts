// The paper's symbols, from plain text to what stands on the line and below it.
import { expect, it } from 'vitest'
import { symbolParts } from '../../src-renderer/pages/glossary/symbol.ts'

const set = (written: string) =>
  symbolParts(written)
    .map(({ text, below }) => (below ? `[${text}]` : text))
    .join('')

it('puts below the line what follows an underscore, a letter or braces', () => {
  expect(set('z_j')).toBe('z[j]')
  expect(set('z_{0:j}')).toBe('z[0:j]')
})

it('writes Greek names as letters, on the line and below it', () => {
  expect(set('J_r(mu | z_{0:j})')).toBe('J[r](μ | z[0:j])')
  expect([set('alpha'), set('Delta'), set('')]).toEqual(['α', 'Δ', ''])
})
