// What a disk and SQLite say when they refuse, as errors a person can act on; anything else stays what it is.

import Database from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { explainDisk, isOfDisk } from '../../src-main/disk/diskErrors.ts'
import { explain, explained } from '../../src-main/store/errors.ts'
import { LabError } from '../../src-preload/contract.ts'
import { thrownBy } from './records.ts'

const said = { expected: 'e', found: 'f', next: 'n' }

describe('a disk that refuses a file', () => {
  const refusal = (code: string, places: Readonly<Record<string, string>> = { path: '/a/file' }): Error =>
    Object.assign(new Error(code), { code, ...places })

  it.each([
    ['ENOSPC', 'disk.full'],
    ['EDQUOT', 'disk.full'],
    ['EIO', 'disk.io'],
    ['EROFS', 'disk.readOnly'],
    ['EACCES', 'disk.denied'],
    ['EPERM', 'disk.denied'],
    ['EMFILE', 'disk.tooManyOpen'],
    ['ENAMETOOLONG', 'disk.name'],
    ['EISDIR', 'disk.name'],
    ['ENOTDIR', 'disk.name'],
  ])('with %s is %s, and names the file', (system, code) => {
    const cause = refusal(system)
    const error = explainDisk(cause) as LabError
    expect(error).toBeInstanceOf(LabError)
    expect([error.code, error.cause]).toEqual([code, cause])
    expect(`${error.expected} ${error.found}`).toContain('/a/file')
  })

  it('tells a quota from a full disk', () => {
    const found = (system: string): string => (explainDisk(refusal(system)) as LabError).found
    expect([found('ENOSPC'), found('EDQUOT')]).toEqual(['a full disk', 'that your quota of the disk is used up'])
  })

  it('names the place that was to be written before the one that was read, and the end of a name that is too long', () => {
    expect((explainDisk(refusal('EIO', { path: '/from', dest: '/to' })) as LabError).expected).toContain('/to')
    expect((explainDisk(refusal('EIO', {})) as LabError).expected).toContain('a file')
    expect((explainDisk(refusal('ENAMETOOLONG', { path: `start${'x'.repeat(80)}` })) as LabError).found).toBe(
      `one that is too long (${'x'.repeat(80)})`,
    )
  })

  it('is left alone when no person can mend it', () => {
    const coded = new LabError('run.diverged', said)
    for (const error of [refusal('ENOENT'), new Error('plain'), coded, 'a text', null, Object.assign(new Error('odd'), { code: 5 })])
      expect(explainDisk(error)).toBe(error)
  })

  it('may be tried again once it is freed or mended, and only then', () => {
    const again = ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS'].map((code) => refusal(code))
    const coded = ['disk.full', 'disk.io', 'disk.readOnly', 'workspace.full', 'workspace.io', 'workspace.readOnly'].map(
      (code) => new LabError(code, said),
    )
    expect([...again, ...coded].every(isOfDisk)).toBe(true)
    for (const error of [refusal('EACCES'), new LabError('disk.name', said), new Error('plain'), { code: 'EIO' }, null])
      expect(isOfDisk(error)).toBe(false)
  })
})

describe('a database that refuses', () => {
  const refusal = (code: string, message = 'of SQLite'): Error => new Database.SqliteError(message, code)

  it.each([
    ['SQLITE_FULL', 'workspace.full'],
    ['SQLITE_READONLY_DIRECTORY', 'workspace.readOnly'],
    ['SQLITE_CORRUPT_VTAB', 'workspace.corrupt'],
    ['SQLITE_NOTADB', 'workspace.corrupt'],
    ['SQLITE_BUSY_SNAPSHOT', 'workspace.busy'],
    ['SQLITE_CANTOPEN', 'workspace.cannotOpen'],
    ['SQLITE_IOERR_WRITE', 'workspace.io'],
  ])('with %s is %s, and names the file', (sqlite, code) => {
    const cause = refusal(sqlite)
    const error = explain(cause, '/a/workspace.db') as LabError
    expect([error.code, error.cause]).toEqual([code, cause])
    expect(error.expected).toContain('/a/workspace.db')
  })

  it('over a value of which no part can be taken is a row that cannot be read', () => {
    expect(explain(refusal('SQLITE_ERROR', 'malformed JSON'), '/a/workspace.db')).toMatchObject({ code: 'workspace.badRow' })
  })

  it('over a constraint, like anything that is not of SQLite, is left alone', () => {
    for (const error of [refusal('SQLITE_CONSTRAINT_UNIQUE'), Object.assign(new Error('x'), { code: 'SQLITE_FULL' }), 'a text'])
      expect(explain(error, '/a/workspace.db')).toBe(error)
  })

  it('is explained in whichever function it happens, and what does not fail gives what it gave', () => {
    const { add, fail } = explained(
      {
        add: (one: number, other: number): number => one + other,
        fail: (): never => {
          throw refusal('SQLITE_FULL')
        },
      },
      '/a/workspace.db',
    )
    expect(add(1, 2)).toBe(3)
    expect(thrownBy(fail).code).toBe('workspace.full')
  })
})
