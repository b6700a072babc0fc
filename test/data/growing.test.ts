// A file that is read a piece at a time while it grows: what of it is taken now, what is left for later, and where to go on.

import { appendFileSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import { createSession } from '../../src-main/data/importFiles.ts'
import type { Growing } from '../../src-main/data/importFiles.ts'
import { codeOf, file } from './files.ts'

/** A row as verl dumps it, whose format is told by a single one. */
const row = (at: number): string => JSON.stringify({ input: `${at} + ${at}?`, output: `${2 * at}`, gts: `${2 * at}`, score: 1, step: 1 })
const lines = (...rows: readonly string[]): string => rows.map((each) => `${each}\n`).join('')

async function read(path: string, given: Partial<Growing> = {}) {
  const asked: string[] = []
  const fresh = (content: string): boolean => {
    asked.push(content)
    return given.fresh?.(content) ?? true
  }
  const found: { answers: (string | undefined)[]; rejected: number[]; kinds: Set<string>; sources: Set<string | null>; readTo: unknown } = {
    answers: [],
    rejected: [],
    kinds: new Set(),
    sources: new Set(),
    readTo: undefined,
  }
  const batches = createSession({}).growing({ path, source: null, split: undefined }, { from: null, settled: false, ...given, fresh })
  for await (const batch of batches) {
    found.answers.push(...(batch.rows as readonly CanonicalRollout[]).map(({ completion }) => completion))
    found.rejected.push(...batch.rejected.map(({ line }) => line))
    found.kinds.add(batch.kind)
    found.sources.add(batch.source)
    found.readTo = batch.readTo
  }
  return { ...found, asked }
}

describe('JSON Lines that grow', () => {
  it('are read to their end, and from there on once there is more', async () => {
    const path = file('a.jsonl', lines(row(1), row(2)))
    const first = await read(path)
    expect(first).toMatchObject({ answers: ['2', '4'], rejected: [], readTo: { byte: statSync(path).size, line: 3 } })
    expect([[...first.kinds], [...first.sources]]).toEqual([['rollouts'], ['verl']])
    appendFileSync(path, lines(row(3)))
    const from = first.readTo as Growing['from']
    expect(await read(path, { from })).toMatchObject({ answers: ['6'], readTo: { byte: statSync(path).size, line: 4 } })
    expect(await read(path, { from: { byte: statSync(path).size, line: 4 } })).toMatchObject({ answers: [] })
    expect(await read(path)).toMatchObject({ answers: ['2', '4', '6'] })
  })

  it('give a last row that is whole though its line has no end yet, and go on behind it', async () => {
    const path = file('a.jsonl', lines(row(1)) + row(2))
    const { answers, readTo } = await read(path)
    expect([answers, readTo]).toEqual([['2', '4'], { byte: statSync(path).size, line: 2 }])
    appendFileSync(path, `\r\n${lines(row(3))}`)
    expect(await read(path, { from: readTo as Growing['from'] })).toMatchObject({
      answers: ['6'],
      readTo: { byte: statSync(path).size, line: 4 },
    })
  })

  it('keep a last line for later that is no row yet, however long nothing comes, and a bad one before it is bad', async () => {
    const whole = `${lines(row(1), '{"input": ', row(2))}`
    for (const settled of [false, true]) {
      const path = file('a.jsonl', `${whole}{"input": "3`)
      const { answers, rejected, readTo } = await read(path, { settled })
      expect([answers, rejected, readTo]).toEqual([['2', '4'], [2], { byte: whole.length, line: 4 }])
      appendFileSync(path, ` + 3?", "output": "6", "score": 1}\n`)
      expect(await read(path, { from: readTo as Growing['from'], settled })).toMatchObject({ answers: ['6'], rejected: [] })
    }
  })

  it('are asked of row by row in their order, bad ones by their text, and what was read before comes not again', async () => {
    const path = file('a.jsonl', lines(row(1), 'bad', row(2), 'worse', row(3)))
    const { asked, answers, rejected } = await read(path, { fresh: (content) => content !== row(2) && content !== 'worse' })
    expect(asked).toEqual([row(1), 'bad', row(2), 'worse', row(3)])
    expect([answers, rejected]).toEqual([['2', '6'], [2]])
  })

  it('have rows that their format turns away as well', async () => {
    const bad = JSON.stringify({ input: '2 + 2?', output: null, score: 1, step: 1 })
    expect(await read(file('a.jsonl', lines(row(1), bad, row(3))))).toMatchObject({ answers: ['2', '6'], rejected: [2] })
  })

  it('end with the piece at which they are told to', async () => {
    const abort = new AbortController()
    const session = createSession({ signal: abort.signal })
    const batches = session.growing(
      { path: file('a.jsonl', lines(row(1))), source: null, split: undefined },
      { from: null, fresh: () => true, settled: true },
    )
    expect((await batches.next()).value).toMatchObject({ rows: [{ completion: '2' }] })
    abort.abort(new Error('enough'))
    await expect(batches.next()).rejects.toThrow('enough')
  })
})

describe('other files that grow', () => {
  it('are read from their start each time: there is no place to go on from', async () => {
    const from = { byte: 5, line: 2 }
    for (const [name, content] of [
      ['a.jsonl.gz', gzipSync(lines(row(1), row(2)))],
      ['a.jsonl', Buffer.from(`\ufeff${lines(row(1), row(2))}`, 'utf16le')],
      ['a.json', `[${row(1)}, ${row(2)}]`],
    ] as const) {
      const path = file(name, content)
      for (const given of [null, from])
        expect(await read(path, { from: given, settled: true })).toMatchObject({ answers: ['2', '4'], readTo: null })
    }
  })

  it('as tables have a last row only when its line has an end, or nothing came for long', async () => {
    const table = 'input,output,gts,score,step\n1 + 1?,2,2,1,1\n2 + 2?,4,4,1,1'
    expect(await read(file('a.csv', table), { settled: false })).toMatchObject({ answers: ['2'], readTo: null })
    expect(await read(file('a.csv', table), { settled: true })).toMatchObject({ answers: ['2', '4'] })
    expect(await read(file('a.csv', `${table}\n`), { settled: false })).toMatchObject({ answers: ['2', '4'] })
  })
})

describe('what a file is', () => {
  const plain = (at: number): string => JSON.stringify({ prompt: `${at}?`, completion: `${at}`, reward: 1 })

  it('is told by eight rows of no known format, or by fewer that nothing follows', async () => {
    const few = file('a.jsonl', lines(...Array.from({ length: 7 }, (_, at) => plain(at))))
    expect(await codeOf(read(few))).toBe('follow.early')
    expect((await read(few, { settled: true })).answers).toHaveLength(7)
    appendFileSync(few, lines(plain(7)))
    expect((await read(few)).answers).toHaveLength(8)
  })

  it('is unknown while nothing can be read of it', async () => {
    const { kinds, sources, rejected } = await read(file('a.jsonl', '{"bad": \n{"worse": \n'), { settled: true })
    expect([[...kinds], [...sources], rejected]).toEqual([['unknown'], [null], [1, 2]])
  })

  it.skipIf(process.platform !== 'linux')('is found out without leaving it open, wherever reading goes on', async () => {
    const path = file('a.jsonl', lines(row(1), row(2)))
    const refused = file('b.jsonl', lines('{"prompt": "only"}', '{"prompt": "words"}'))
    await read(path)
    await read(path, { from: { byte: row(1).length + 1, line: 2 } })
    expect(await codeOf(read(refused, { settled: true }))).toMatch(/^import\./)
    const open = readdirSync('/proc/self/fd').flatMap((handle) => {
      try {
        return [readlinkSync(join('/proc/self/fd', handle))]
      } catch {
        return []
      }
    })
    expect(open.filter((each) => each === path || each === refused)).toEqual([])
  })
})
