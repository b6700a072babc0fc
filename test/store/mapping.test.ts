// Rows become a list: all of them, or without those that cannot be read; and a row that cannot be read has a name.

import { describe, expect, it } from 'vitest'
import { allOrNone, leavingOut, mapping, readColumn, type Row } from '../../src-main/store/mapping.ts'
import { LabError } from '../../src-preload/contract.ts'
import { thrownBy } from './records.ts'

const { fromRow } = mapping<{ readonly config: unknown }>('models', { config: 'object' })

describe('a list without the rows that cannot be read', () => {
  const told: string[] = []
  const listed = leavingOut(({ expected }) => told.push(expected))
  const rows: readonly Row[] = [
    { id: 1, config: '{"a":1}' },
    { id: 2, config: '[]' },
    { id: 3, config: '{}' },
  ]

  it('goes on without them and tells of each, and one such value alone is none', () => {
    expect(listed(rows, fromRow)).toEqual([{ config: { a: 1 } }, { config: {} }])
    expect(listed.one(() => fromRow(rows[1]!))).toBeNull()
    expect(told).toEqual(['a readable config in row 2 of models', 'a readable config in row 2 of models'])
  })

  it('hides no other failure', () => {
    const other = new LabError('disk.full', { expected: 'room', found: 'none', next: 'Free some.' })
    for (const failure of [other, new TypeError('a mistake of ours')])
      expect(() =>
        listed(rows, () => {
          throw failure
        }),
      ).toThrow(failure)
  })

  it('is refused where all or none are asked for', () => {
    expect(allOrNone(rows.slice(2), fromRow)).toEqual([{ config: {} }])
    expect(thrownBy(() => allOrNone(rows, fromRow)).code).toBe('workspace.badRow')
    expect(thrownBy(() => allOrNone.one(() => fromRow(rows[1]!))).code).toBe('workspace.badRow')
  })
})

describe('a row that cannot be read', () => {
  const nameOf = (row: Row, table: string): string =>
    (thrownBy(() => readColumn({ spec_text: '{', ...row }, table, 'spec_text')) as LabError).expected

  it('is named by its number, by what else tells it apart, or by its table alone', () => {
    expect(nameOf({ id: 7 }, 'runs')).toBe('a readable spec text in row 7 of runs')
    expect(nameOf({ run_id: 2, step: 5 }, 'steps')).toBe('a readable spec text in the row of steps with run id 2, step 5')
    expect(nameOf({ step: 5 }, 'steps')).toBe('a readable spec text in row 5 of steps')
    expect(nameOf({}, 'rollout_bodies')).toBe('a readable spec text in a row of rollout_bodies')
  })

  it('shows the first sixty characters of what stands there', () => {
    const found = (text: string): string => (thrownBy(() => readColumn({ id: 1, text }, 'runs', 'text')) as LabError).found
    const sixty = `{${'x'.repeat(59)}`
    expect(found(`${sixty}y`)).toMatch(new RegExp(`^\\${sixty} \\(`))
  })

  it('holds a number that none is, however it is written', () => {
    const numbers = mapping<{ readonly metrics: unknown }>('steps', { metrics: 'numbers' })
    const list = mapping<{ readonly budgets: unknown }>('evaluations', { budgets: 'numberList' })
    const any = mapping<{ readonly data: unknown }>('events', { data: 'json' })
    expect(numbers.fromRow({ metrics: '{"a":1e99}' })).toEqual({ metrics: { a: 1e99 } })
    expect(list.fromRow({ budgets: '[0,64]' })).toEqual({ budgets: [0, 64] })
    expect(any.fromRow({ data: '{"note":"1e999","list":[null,true,1e100]}' })).toEqual({
      data: { note: '1e999', list: [null, true, 1e100] },
    })
    for (const work of [
      () => numbers.fromRow({ metrics: '{"a":null}' }),
      () => numbers.fromRow({ metrics: '[1]' }),
      () => list.fromRow({ budgets: '{"0":1}' }),
      () => list.fromRow({ budgets: '[1,"2"]' }),
      () => any.fromRow({ data: '{"deep":[{"n":1e999}]}' }),
      () => any.fromRow({ data: `-1${'0'.repeat(309)}` }),
      () => fromRow({ config: 'null' }),
      () => fromRow({ config: '3' }),
    ])
      expect(thrownBy(work).code).toBe('workspace.badRow')
  })

  it('of what may be absent or is a flag is read as it was written', () => {
    interface Kept {
      readonly error: object | null
      readonly pinned: boolean | null
    }
    const kept = mapping<Kept>('runs', { error: 'objectOrNull', pinned: 'flag' })
    expect(kept.toRow({ error: null, pinned: null })).toEqual([null, null])
    expect(kept.toRow({ error: { code: 'a.b' }, pinned: true })).toEqual(['{"code":"a.b"}', 1])
    expect(kept.fromRow({ error: null, pinned: null })).toEqual({ error: null, pinned: null })
    expect(kept.fromRow({ error: '{"code":"a.b"}', pinned: 0 })).toEqual({ error: { code: 'a.b' }, pinned: false })
    expect(thrownBy(() => kept.fromRow({ error: '[]', pinned: 1 })).code).toBe('workspace.badRow')
  })
})
