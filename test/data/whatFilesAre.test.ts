// What is said of files and folders before anything is imported, where they are damaged, large, or of several kinds; and what an import says of
// files that hold nothing or repeat what another set holds.

import { writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { createDuplicateIndex } from '../../src-main/data/datasets/duplicates.ts'
import { splitOf } from '../../src-main/data/datasets/summary.ts'
import { detectImport } from '../../src-main/data/detect.ts'
import { fileSha256 } from '../../src-main/data/fileFacts.ts'
import { planFolder } from '../../src-main/data/folder.ts'
import { patternTest } from '../../src-main/data/frontMatter.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import type { ImportOptions } from '../../src-main/data/converter.ts'
import type { Json } from '../../src-main/data/json.ts'
import { previewImport } from '../../src-main/data/preview.ts'
import { createNoteBook } from '../../src-main/data/notes.ts'
import { detailsOf } from '../../src-main/data/read/jsonDocument.ts'
import { createIdentity } from '../../src-main/data/rollouts/identity.ts'
import { zipOf } from './archives.ts'
import { file, newFolder, readAll } from './files.ts'

const lines = (rows: readonly unknown[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
const problem = (at: number): { question: string; answer: string } => ({
  question: `What is ${at} plus ${at + 1}, please?`,
  answer: String(2 * at + 1),
})
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at)

async function imported(paths: readonly string[], options: ImportOptions = {}) {
  const job = importFiles(paths, options)
  const rows: unknown[] = []
  for await (const batch of job) rows.push(...batch.rows)
  return { rows, report: job.report() }
}

describe('what a file is', () => {
  it('is unknown, with the reason, where it is damaged, of whatever kind it is', async () => {
    const zip = zipOf([['a.jsonl', lines([problem(1)])]])
    const database = Buffer.alloc(8192, 'x')
    database.write('SQLite format 3\0', 0, 'latin1')
    for (const [path, format, why] of [
      [file('a.zip', zip.subarray(0, -30)), 'archive', 'cut off'],
      [file('a.db', database), 'sqlite', 'a.db'],
      [file('a.parquet', `PAR1${'x'.repeat(100)}`), 'parquet', 'ends without one'],
      [file('a.arrow', Buffer.concat([Buffer.from('ARROW1\0\0'), Buffer.alloc(64, 1)])), 'arrow', 'no schema'],
    ] as const) {
      const found = await detectImport(path)
      expect(found).toMatchObject({ path, kind: 'unknown', format, why: expect.stringContaining(why) })
      expect([found.files, found.columns]).toEqual([[], []])
    }
  })

  it('is no error of ours where a folder holds an archive that cannot be read: that one is named', async () => {
    const folder = newFolder()
    const zip = zipOf([['a.jsonl', lines([problem(1)])]])
    writeFileSync(join(folder, 'bad.zip'), zip.subarray(0, -30))
    writeFileSync(join(folder, 'good.zip'), zip)
    const { files, skipped, why } = await planFolder(folder)
    expect(files).toEqual([`${join(folder, 'good.zip')}!/a.jsonl`])
    expect(skipped).toEqual([expect.stringMatching(/bad\.zip \(.*cut off.*\)$/)])
    expect(why).toBe('it holds 1 archives of rows')
  })

  it('is the same file while its bytes are, and hashing it ends when it is told to', async () => {
    const path = file('a.txt', 'abc')
    expect(await fileSha256(path)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    await expect(fileSha256(path, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough')
    await expect(fileSha256(`${path}.gone`)).rejects.toMatchObject({ code: 'file.missing' })
  })
})

describe('a preview', () => {
  it('shows fifty rows and estimates how many there are from their length', async () => {
    const path = file('train.jsonl', lines(numbers(200).map((at) => problem(1000 + at))))
    const { rows, rowCount, rejected } = await previewImport(path)
    // Each of the 200 rows is as long as any other.
    expect([rows.length, rowCount, rejected]).toEqual([50, { rows: 200, exact: false }, []])
    expect((await previewImport(file('a.jsonl', lines(numbers(50).map(problem))))).rowCount).toEqual({ rows: 50, exact: false })
    expect((await previewImport(file('a.jsonl', lines(numbers(49).map(problem))))).rowCount).toEqual({ rows: 49, exact: true })
    const packed = file('a.jsonl.zst', zstdCompressSync(lines(numbers(60).map(problem))))
    expect(await previewImport(packed)).toMatchObject({ rowCount: null })
    // The others are longer, and there are no fewer rows than are shown.
    const uneven = [...numbers(49).map(problem), { ...problem(50), note: 'x'.repeat(5000) }]
    expect((await previewImport(file('a.jsonl', lines(uneven)))).rowCount).toEqual({ rows: 50, exact: false })
  })

  it('shows what would be turned away among the rows that it shows, and nothing behind them', async () => {
    const all = numbers(60).flatMap((at) => [
      JSON.stringify(problem(at)),
      ...(at % 20 === 5 ? ['{bad'] : []),
      ...(at === 7 ? [JSON.stringify({ question: '', answer: '1' })] : []),
    ])
    const { rows, rejected } = await previewImport(file('a.jsonl', `${all.join('\n')}\n`))
    // Bad rows follow the problems 5, 25 and 45; the row without a problem is the tenth line.
    expect(rejected.map(({ line, code }) => [line, code])).toEqual([
      [7, 'row.notJson'],
      [29, 'row.notJson'],
      [50, 'row.notJson'],
      [10, 'row.noProblem'],
    ])
    expect(rows).toHaveLength(49)
  })
})

describe('an import', () => {
  it('of several files names those without rows, and one such file alone is refused', async () => {
    const [full, empty] = [file('full.jsonl', lines([problem(1)])), file('empty.jsonl', '')]
    const { rows, report } = await imported([full, empty])
    expect([rows.length, report.files.map(({ path }) => basename(path))]).toEqual([1, ['full.jsonl']])
    expect(report.notes).toMatchObject([{ code: 'rows.none', detail: empty }])
    await expect(imported([empty])).rejects.toMatchObject({ code: 'file.empty' })
  })

  it('counts the problems that another set holds, the same and nearly the same, and shows some', async () => {
    const long = (at: number, end: string): string =>
      `In the year ${at} a farmer had many cows and hens, sold half of them to his neighbour, and bought as many sheep again; ${end}`
    const against = createDuplicateIndex()
    for (const at of numbers(30)) against.add(`theirs ${at}`, long(at, 'how many animals are there now in all?'))
    const rows = [
      ...numbers(25).map((at) => ({ question: long(at, 'how many animals are there now in all?'), answer: '1' })),
      { question: long(28, 'how many animals are there now in total?'), answer: '1' },
      { question: 'What is two plus two, if you please?', answer: '4' },
    ]
    const { report } = await imported([file('a.jsonl', lines(rows))], { against })
    expect(report.dataset!.overlap).toMatchObject({ exact: 25, near: 1, total: 27 })
    const { examples } = report.dataset!.overlap!
    expect(examples).toHaveLength(20)
    expect(examples[0]).toMatchObject({ match: { key: 'theirs 0', similarity: 1 } })
    expect((await imported([file('a.jsonl', lines(rows))])).report.dataset!.overlap).toBeNull()
  })
})

describe('a problem', () => {
  it('falls into the last split where the shares come to less than one', () => {
    const of = (shares: readonly { name: string; share: number }[]): Set<string> =>
      new Set(numbers(200).map((at) => splitOf(1, `p${at}`, shares)))
    expect(
      of([
        { name: 'a', share: 0 },
        { name: 'b', share: 0 },
      ]),
    ).toEqual(new Set(['b']))
    expect(
      of([
        { name: 'a', share: 1 },
        { name: 'b', share: 0 },
      ]),
    ).toEqual(new Set(['a']))
    expect(
      of([
        { name: 'a', share: 0.5 },
        { name: 'b', share: 0.1 },
      ]),
    ).toEqual(new Set(['a', 'b']))
  })

  it('that was first met without an id takes that of a later row, and a reading that goes on is told so', () => {
    const met: (string | null)[] = []
    const identity = createIdentity('prompt', { met: ({ stated }) => met.push(stated) })
    const notes = createNoteBook()
    const row = (promptId?: string): CanonicalRollout => ({
      schemaVersion: 1,
      prompt: '1 + 1?',
      completion: '2',
      ...(promptId !== undefined && { promptId }),
    })
    for (const [at, id] of [undefined, 'a', 'a', undefined, 'b'].entries()) identity.place(row(id), 'f', at + 1, notes)
    expect(met).toEqual([null, 'a', 'b'])
    expect(identity.facts()).toMatchObject({ byPrompt: 1, running: 1, examples: ['the prompt "1 + 1?" has the ids a and b'] })
  })

  it('takes the answer of the first row that names one; another answer is another problem', () => {
    const met: string[] = []
    const identity = createIdentity('prompt', { met: ({ answer }) => met.push(answer) })
    const notes = createNoteBook()
    const of = (groundTruth?: string): string | undefined =>
      identity.place(
        { schemaVersion: 1, prompt: '1 + 1?', completion: '2', ...(groundTruth !== undefined && { groundTruth }) },
        'f',
        1,
        notes,
      ).promptId
    const [first, second, third, fourth, fifth] = [of(), of('2'), of('3'), of('2'), of()]
    expect([second === first, third === first, fourth === first, fifth === first]).toEqual([true, false, true, true])
    expect(met).toEqual(['', '"2"', '"3"'])
    expect(identity.facts()).toMatchObject({
      byPrompt: 2,
      byId: 1,
      answers: 1,
      examples: ['the prompt "1 + 1?" comes with the answers "\\"2\\"" and "\\"3\\""'],
    })
  })
})

describe('a pattern of files', () => {
  it('means what fsspec means by it, and a folder what is in it', () => {
    const taken = (pattern: string, ...paths: readonly string[]): string[] => paths.filter(patternTest(pattern))
    const all = ['a.csv', 'b.csv', 'ab.csv', 'x/a.csv', 'x/y/a.csv', 'a+b.csv', 'a.csvx']
    expect(taken('?.csv', ...all)).toEqual(['a.csv', 'b.csv'])
    expect(taken('*.csv', ...all)).toEqual(['a.csv', 'b.csv', 'ab.csv', 'a+b.csv'])
    expect(taken('**/a.csv', ...all)).toEqual(['a.csv', 'x/a.csv', 'x/y/a.csv'])
    expect(taken('x/**', ...all)).toEqual(['x/a.csv', 'x/y/a.csv'])
    expect(taken('./x/', ...all)).toEqual(['x/a.csv', 'x/y/a.csv'])
    expect(taken('[!a].csv', ...all)).toEqual(['b.csv'])
    expect(taken('{a,a+b}.csv', ...all)).toEqual(['a.csv', 'a+b.csv'])
    // A range that runs backwards is none: the name is taken as it stands.
    expect(taken('[z-a].csv', 'b.csv', '[z-a].csv')).toEqual(['[z-a].csv'])
  })
})

describe('a JSON document', () => {
  it('of rows under their names is a table of them, with the names in a column, where they have their fields in common', async () => {
    const document = JSON.stringify({ first: { q: '1?', a: '1' }, second: { q: '2?', a: '2', more: 1 } })
    expect((await readAll(file('a.json', document))).values).toEqual([
      { index: 'first', q: '1?', a: '1' },
      { index: 'second', q: '2?', a: '2', more: 1 },
    ])
    for (const other of [
      { only: { q: '1?', a: '1' } },
      { first: { q: '1?' }, second: { q: '2?' } },
      { first: { q: '1?', a: '1' }, second: { q: '2?', b: '2' } },
    ])
      expect((await readAll(file('a.json', JSON.stringify(other)))).values).toEqual([other])
  })

  it('has rows by number in its details, beside one other thing at most', () => {
    const [a, b] = [{ q: '1?' }, { q: '2?' }]
    expect(detailsOf({ details: { 0: a, 1: b } })).toEqual([a, b])
    expect(detailsOf({ details: { 0: a, 1: b, type: { of: 'GEN' } } })).toEqual([a, b])
    expect(detailsOf({ details: { 0: a, 1: 'no row' } })).toEqual([a])
    const others: readonly Json[] = [{ 0: a, type: 'GEN', more: 'x' }, { type: { of: 'GEN' } }, {}, [a, b], 'text', null]
    for (const details of others) expect(detailsOf({ details })).toBeNull()
  })

  it('that wraps its rows names what else stands beside them', async () => {
    const { values, notes } = await readAll(file('a.json', `{"data": [{"q": 1}, {"q": 2}], "more": [3, {"q": 4}]}`))
    expect(values).toEqual([{ q: 1 }, { q: 2 }, { q: 4 }])
    expect(notes.map(({ code, count }) => [code, count])).toEqual([['document.extra', 1]])
  })

  it('that is one object beyond what may be nested is one bad row', async () => {
    const deep = `{"a": ${'['.repeat(201)}${']'.repeat(201)}}`
    const { values, rejected } = await readAll(file('a.json', deep))
    expect([values, rejected.map(({ line, code }) => [line, code])]).toEqual([[], [[1, 'row.tooDeep']]])
  })

  it('of values one after the other may end with a number', async () => {
    const { values, rejected } = await readAll(file('a.json', '{\n"q": 1\n},\n{\n"q": 2\n},\n42'))
    expect(values).toEqual([{ q: 1 }, { q: 2 }])
    expect(rejected.map(({ code, text, start, end }) => [code, text, end! - start!])).toEqual([['row.notObject', '42', 2]])
  })
})

describe('a packed file', () => {
  it('with a few bytes after its end is read to its end, and they are counted', async () => {
    const rows = lines(numbers(3).map(problem))
    // Fewer than a frame begins with, as many, and more than is read at once.
    for (const rest of [1, 3, 4, 5, 200_000]) {
      const { values, notes } = await readAll(file('a.jsonl.zst', Buffer.concat([zstdCompressSync(rows), Buffer.alloc(rest, 0xfd)])))
      expect([values.length, notes.map(({ code, count }) => [code, count])]).toEqual([3, [['compressed.trailing', rest]]])
    }
    const two = Buffer.concat([zstdCompressSync(rows), zstdCompressSync(rows)])
    const { values, notes } = await readAll(file('a.jsonl.zst', two))
    expect([values.length, notes]).toEqual([6, []])
  })
})
