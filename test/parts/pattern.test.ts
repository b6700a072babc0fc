/** Patterns that a person types to find runs: what is usual works line by line, and what could try for ever is refused before it is tried. */
import { describe, expect, it } from 'vitest'
import { linePattern } from '../../src-renderer/parts/pattern.ts'

const text = 'MRT exact\ntag pilot\nseed 12\noptimizer.lr = 0.0001\nbudget.thinkingTokens = 120'

describe('a pattern over the lines of a run', () => {
  it.each([
    ['reward|mrt', true],
    ['^seed 1\\d$', true],
    ['lr = .*01$', true],
    ['(pilot|final)', true],
    ['thinkingTokens = (?:60|120)$', true],
    ['(?<size>tokens)? = \\d{3}', true],
    ['[(+*]', false],
    ['^exact', false],
    ['pilot.*seed', false],
    ['\\(a+\\)+', false],
  ])('%s gives %s', (source, found) => {
    expect(linePattern(source)(text)).toBe(found)
  })

  it.each([
    '(a+)+$',
    '(a*)*b',
    '(a|a)*b',
    '(a|aa)+$',
    '((a+)b?)+$',
    '(?:a{1,9})*b',
    '(a?){40}a{40}',
    'a*a*a*b',
    '(?<x>a+){2,}$',
    '(?:(?:a|b)c)+d',
  ])('%s is refused, whatever it would be tried on', (source) => {
    expect(() => linePattern(source)).toThrow(RangeError)
  })

  it('what is no expression says so', () => {
    expect(() => linePattern('(a')).toThrow(SyntaxError)
  })

  it('the slowest that is let through is done with a line of any length in a tenth of a second', () => {
    const matches = linePattern('a*a*b')
    // Of the processor's time: others may be at work.
    const began = process.cpuUsage()
    for (let run = 0; run < 5; run++) expect(matches('a'.repeat(100_000))).toBe(false)
    const { user, system } = process.cpuUsage(began)
    expect((user + system) / 1000 / 5).toBeLessThan(100)
  })
})
