import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { LabError } from '../../src-preload/contract.ts'
import { makeFolder } from '../../src-main/disk/makeFolder.ts'

const scratch = mkdtempSync(join(tmpdir(), 'mrt-disk-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const refusal = (folder: string): Partial<LabError> => {
  try {
    makeFolder(folder)
    return {}
  } catch (error) {
    return error as LabError
  }
}

describe('a folder where a person says', () => {
  it('is made with the folders on the way, and twice is once', () => {
    const folder = join(scratch, 'a', 'b', 'c')
    makeFolder(folder)
    makeFolder(folder)
    expect(existsSync(folder)).toBe(true)
  })

  it('leaves what is in it', () => {
    const folder = join(scratch, 'kept')
    mkdirSync(folder)
    writeFileSync(join(folder, 'x'), '')
    makeFolder(folder)
    expect(existsSync(join(folder, 'x'))).toBe(true)
  })

  // Node's own recursive way does not come back from here.
  it('is refused where the system makes none', () =>
    expect(refusal('/proc/none/at/all')).toMatchObject({
      code: 'disk.name',
      found: 'that the system makes none in /proc',
      expected: 'a folder at /proc/none',
    }))

  it('is refused at and below a file, and at a link that leads nowhere', () => {
    const file = join(scratch, 'file')
    writeFileSync(file, '')
    expect(refusal(file)).toMatchObject({ code: 'disk.name', found: 'a file' })
    symlinkSync(join(scratch, 'nowhere'), join(scratch, 'link'))
    expect(refusal(join(scratch, 'link'))).toMatchObject({ code: 'disk.name', found: 'a file' })
    expect(refusal(join(file, 'below'))).toMatchObject({ code: 'disk.name', expected: `a folder at ${file}`, found: 'a file' })
  })
})
