/** Settings of runs side by side, numbers as typed, commands by a few letters, shortcuts by their caps. */
import { describe, expect, it } from 'vitest'
import { configDiff, settingChange, settingText } from '../../src-renderer/parts/configDiff.ts'
import { checkNumber, readNumber, writeNumber } from '../../src-renderer/parts/fieldValue.ts'
import { isChord, keyParts } from '../../src-renderer/parts/keys.ts'
import { match, search } from '../../src-renderer/parts/match.ts'

describe('what differs between settings', () => {
  const rows = configDiff(
    [
      { optimizer: { learning_rate: 1e-4, betas: [0.9, 0.95] }, name: 'a', penalty: { kind: 'cosine', min: 0 } },
      { optimizer: { betas: [0.9, 0.95], learning_rate: 0.0001 }, name: 'b', penalty: { min: 0, kind: 'cosine' }, alpha: 1 },
    ],
    ['name'],
  )
  it('is found by value, not by spelling or order of keys', () => {
    expect(rows.filter(({ differs }) => differs).map(({ path }) => path)).toEqual(['alpha'])
  })
  it('lists every setting that occurs anywhere, without the ignored ones', () => {
    expect(rows.map(({ path }) => path)).toEqual(['optimizer.learning_rate', 'optimizer.betas', 'penalty.kind', 'penalty.min', 'alpha'])
  })
  it('tells a missing setting from one that is none, and a number from its text', () => {
    expect(configDiff([{ a: null }, {}])[0].differs).toBe(true)
    expect(configDiff([{ a: 1 }, { a: '1' }])[0].differs).toBe(true)
  })
  it('reads each type its own way', () => {
    expect([true, null, undefined, 1e-4, 0.95, 1200, [0.9, 0.95], []].map(settingText)).toEqual([
      'on',
      'none',
      '–',
      '1e−4',
      '0.95',
      '1,200',
      '0.9, 0.95',
      'empty list',
    ])
  })
  it('says by how much a number moved where a factor means something', () => {
    expect([settingChange(16, 8), settingChange(5e-5, 1e-4), settingChange(0, 1), settingChange('a', 1), settingChange(3, 3)]).toEqual([
      '×2',
      '÷2',
      '',
      '',
      '',
    ])
  })
})

describe('a number field', () => {
  it('reads what researchers type', () => {
    expect(['1e-4', ' 0.5', '2_000', '.5', '−3', '3,5', '1e', ''].map(readNumber)).toEqual([1e-4, 0.5, 2000, 0.5, -3, NaN, NaN, NaN])
  })
  it('says what was expected and what was found', () => {
    expect(checkNumber('-64', { min: 8, whole: true })).toBe('Expected a whole number, 8 or more; found -64.')
    expect(checkNumber('2.5', { min: 2, max: 64, whole: true })).toBe('Expected a whole number from 2 to 64; found 2.5.')
    expect(checkNumber('abc', {})).toBe('Expected a number; found abc.')
    expect(checkNumber('8', { min: 8, max: 64, whole: true })).toBeNull()
  })
  it('writes small numbers the way papers do and gets them back', () => {
    expect([1e-4, 2.5e-7, 0.05, 0].map(writeNumber)).toEqual(['1e-4', '2.5e-7', '0.05', '0'])
    expect(readNumber(writeNumber(2.5e-7))).toBe(2.5e-7)
  })
})

describe('finding a command', () => {
  const titles = ['Import dataset', 'New run', 'Compare chosen runs', 'Metric glossary']
  it('prefers the start of words', () => {
    expect(search('im', titles, String)[0].item).toBe('Import dataset')
    expect(search('ru', titles, String).map(({ item }) => item)).toEqual(['New run', 'Compare chosen runs'])
  })
  it('finds letters in order across words and shows which', () => {
    expect(match('ccr', 'Compare chosen runs')?.letters).toEqual([0, 8, 15])
    expect(match('zz', 'Compare chosen runs')).toBeNull()
  })
  it('keeps the given order while nothing is typed', () => {
    expect(search('', titles, String).map(({ item }) => item)).toEqual(titles)
  })
})

describe('shortcuts', () => {
  const press = (key: string, extra: Partial<Record<'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey', boolean>> = {}) => ({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...extra,
  })
  it('show the caps of the system at hand', () => {
    expect(keyParts('Mod+Shift+F', false)).toEqual(['Ctrl', 'Shift', 'F'])
    expect(keyParts('Mod+Shift+F', true)).toEqual(['⌘', '⇧', 'F'])
    expect(keyParts('g g', false)).toEqual(['g', 'g'])
  })
  it('tell n from N and leave chords to their modifiers', () => {
    expect(isChord(press('n'), 'n', false)).toBe(true)
    expect(isChord(press('N', { shiftKey: true }), 'n', false)).toBe(false)
    expect(isChord(press('n', { ctrlKey: true }), 'n', false)).toBe(false)
    expect(isChord(press('k', { ctrlKey: true }), 'Mod+K', false)).toBe(true)
    expect(isChord(press('k', { metaKey: true }), 'Mod+K', true)).toBe(true)
    expect(isChord(press('k', { ctrlKey: true }), 'Mod+K', true)).toBe(false)
  })
})
