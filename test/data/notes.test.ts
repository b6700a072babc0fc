// What an import says of a file that cost no row.
import { describe, expect, it } from 'vitest'
import { createNoteBook } from '../../src-main/data/notes.ts'

describe('notes of a file', () => {
  it('count each kind and name the first line where it happened', () => {
    const notes = createNoteBook()
    notes.add('number.exact', 4)
    notes.add('number.exact', 9)
    notes.add('id.repeated', 5, null, 3)
    expect(notes.list()).toEqual([
      {
        code: 'number.exact',
        count: 2,
        firstLine: 4,
        detail: null,
        message: '2 rows have whole numbers beyond 2^53, kept exactly as text (first at line 4).',
      },
      {
        code: 'id.repeated',
        count: 3,
        firstLine: 5,
        detail: null,
        message: '3 rows have the id of another problem; a hash was added to it (first at line 5).',
      },
    ])
  })

  it('count a line that is looked at twice once, also when an earlier one is looked at again', () => {
    const notes = createNoteBook()
    for (const line of [4, 4, 7, 4, 7, 8]) notes.add('number.nonFinite', line)
    expect(notes.list()).toMatchObject([{ count: 3, firstLine: 4 }])
  })

  it('keep what exactly, in order, for the first twenty', () => {
    const notes = createNoteBook()
    for (let at = 1; at <= 25; at++) notes.add('file.skipped', null, `file ${at}`)
    const [note] = notes.list()
    const names = Array.from({ length: 20 }, (_, at) => `file ${at + 1}`).join(', ')
    expect(note).toEqual({
      code: 'file.skipped',
      count: 25,
      firstLine: null,
      detail: names,
      message: `25 files in the folder are not part of the import: ${names}.`,
    })
  })

  it('are whole sentences of their own where they concern the file, without a count or a line', () => {
    const notes = createNoteBook()
    notes.add('rows.none')
    notes.add('document.cut', 12)
    notes.add('columns.unused', null, 'level')
    expect(notes.list().map(({ message, detail, firstLine }) => [message, detail, firstLine])).toEqual([
      ['The file has no rows.', null, null],
      ['The JSON document ends early; rows after that point are missing.', null, 12],
      ['These columns have no role; they are kept with each problem in extra: level.', 'level', null],
    ])
  })
})
