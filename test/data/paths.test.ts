// Paths into nested values, as --map and the preview take them.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import type { DatasetRow } from '../../src-main/data/datasets/normalise.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import type { ImportOptions } from '../../src-main/data/converter.ts'
import { kindOf, MAX_DEPTH, parseJson, pathsOf, valueAt } from '../../src-main/data/json.ts'
import type { JsonObject } from '../../src-main/data/json.ts'
import { nearest } from '../../src-main/data/nearest.ts'
import { previewImport } from '../../src-main/data/preview.ts'
import { file } from './files.ts'

const lines = (...rows: readonly object[]): string => file('data.jsonl', rows.map((row) => `${JSON.stringify(row)}\n`).join(''))

async function imported(path: string, options: ImportOptions): Promise<(CanonicalRollout | DatasetRow)[]> {
  const job = importFiles([path], options)
  const rows: (CanonicalRollout | DatasetRow)[] = []
  for await (const batch of job) rows.push(...batch.rows)
  return rows
}

describe('a path', () => {
  const row: JsonObject = {
    resps: [['a', 'b'], ['c']],
    sample: { output: { choices: [{ message: { content: 'x' } }, { message: { content: 'y' } }] } },
    'reward_model.ground_truth': '7',
    'a.b': { c: 1 },
    a: { b: { c: 2 } },
    text: '[{"role": "user", "content": "hi"}]',
    nothing: null,
  }

  it.each([
    ['resps[0][1]', 'b'],
    ['resps.1.0', 'c'],
    ['resps[-1][0]', 'c'],
    ['sample.output.choices[0].message.content', 'x'],
    ['sample.output.choices[*].message.content', ['x', 'y']],
    ['reward_model.ground_truth', '7'],
    ['a.b.c', 1],
    ['text[0].content', 'hi'],
    ['nothing', null],
  ])('%s leads to its value', (path, value) => expect(valueAt(row, path)).toEqual(value))

  it.each([
    'resps[5]',
    'resps.x',
    'sample.output.choices[0].nothing',
    'gone',
    'resps[0][0].deeper',
    'sample[0]',
    'nothing.more',
    'toString',
    '__proto__',
    'constructor.name',
  ])('%s leads nowhere', (path) => expect(valueAt(row, path)).toBeUndefined())

  it('that is listed for any row leads to something', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ minLength: 1, unit: fc.constantFrom('a', 'b', '.', '[', ']', '0') }), fc.jsonValue({ maxDepth: 3 })),
        (any) => {
          const value = JSON.parse(JSON.stringify(any)) as JsonObject
          const top = new Set(Object.keys(value))
          for (const path of pathsOf([value])) if (top.has(path)) expect(valueAt(value, path)).toEqual(value[path])
        },
      ),
    )
    for (const path of pathsOf([row])) expect(valueAt(row, path), path).toBeDefined()
    expect(pathsOf([row])).toContain('sample.output.choices[0].message.content')
  })
})

describe('the paths that are offered for a file', () => {
  const chain = (names: readonly string[]): JsonObject => ({ [names[0]!]: names.length === 1 ? 1 : chain(names.slice(1)) })

  it('lead six names deep', () => {
    expect(pathsOf([chain(['a', 'b', 'c', 'd', 'e', 'f', 'g'])])).toEqual(['a', 'a.b', 'a.b.c', 'a.b.c.d', 'a.b.c.d.e', 'a.b.c.d.e.f'])
  })

  it('are every column and, up to two hundred in all, what lies in them', () => {
    const wide = Object.fromEntries(Array.from({ length: 198 }, (_, at) => [`c${at}`, { x: 1, y: 2, z: 3 }]))
    expect(pathsOf([wide])).toHaveLength(200)
    expect(pathsOf([wide]).slice(198)).toEqual(['c0.x', 'c0.y'])
    expect(pathsOf([{ ...wide, d0: {}, d1: {}, d2: {}, d3: {} }])).toHaveLength(202)
  })

  it('take columns from every row of the sample, and enter lists of numbers only where they are columns', () => {
    expect(pathsOf([{ a: [1, 2] }, { b: { c: [1, 2], d: [] } }, { e: [['x']] }])).toEqual([
      'a',
      'b',
      'e',
      'a[0]',
      'b.c',
      'b.d',
      'e[0]',
      'e[0][0]',
    ])
  })
})

describe('the name that was meant', () => {
  it('is the same but for case and marks, or the last part of a path, before any that is only like it', () => {
    expect(nearest('Gold-Answer', ['gold_answers', 'gold_answer'])).toBe('gold_answer')
    expect(nearest('CONTENT', ['contents', 'message.content'])).toBe('message.content')
    expect(nearest('role', ['rule', 'turns[0].role'])).toBe('turns[0].role')
    expect(nearest('0]', ['a', 'turns[0]'])).toBe('turns[0]')
  })

  it('is else at most two letters away, of three letters at least', () => {
    expect([nearest('anser', ['other', 'answer']), nearest('answerrr', ['answer']), nearest('ansr', ['answer'])]).toEqual([
      'answer',
      'answer',
      'answer',
    ])
    expect([nearest('anr', ['answer']), nearest('answerrrr', ['answer'])]).toEqual([null, null])
    // Three letters of kitten are others in sitting, two in sittin.
    expect([nearest('kitten', ['sitting']), nearest('kitten', ['sittin'])]).toEqual([null, 'sittin'])
    expect([nearest('abc', ['xbc']), nearest('abc', ['xyc']), nearest('abc', ['xyz']), nearest('ab', ['xb'])]).toEqual([
      'xbc',
      'xyc',
      null,
      null,
    ])
    expect([nearest('ABC', ['abd']), nearest('abc', ['ABD'])]).toEqual(['abd', 'ABD'])
    expect(nearest('abc', [])).toBeNull()
  })
})

it('what a value is can be said of every kind', () => {
  const kinds = [undefined, null, [], 'x', 0, false, {}].map(kindOf)
  expect(kinds).toEqual(['nothing', 'null', 'a list', 'text', 'a number', 'true or false', 'an object'])
})

describe('JSON of a row', () => {
  const read = (text: string) => {
    const tally = { exact: false, nonFinite: false }
    return [parseJson(text, tally), tally.exact, tally.nonFinite]
  }

  it('keeps whole numbers beyond 2^53 and numbers beyond a double digit for digit, and says so', () => {
    expect(read('[9007199254740991, -9007199254740993, 1e400, 0.1, 1e3]')).toEqual([
      [9007199254740991, '-9007199254740993', '1e400', 0.1, 1000],
      true,
      false,
    ])
    expect(read('{"a": 9007199254740993}')).toEqual([{ a: '9007199254740993' }, true, false])
  })

  it('keeps NaN and Infinity as text outside of text, and only there', () => {
    expect(read('{"a": NaN, "b": [-Infinity, Infinity], "c": "NaN \\" NaN"}')).toEqual([
      { a: 'NaN', b: ['-Infinity', 'Infinity'], c: 'NaN " NaN' },
      false,
      true,
    ])
    expect(read('{"a": "NaN"}')).toEqual([{ a: 'NaN' }, false, false])
    expect(() => read('{"a": "NaN"')).toThrow(expect.objectContaining({ code: 'row.notJson' }))
    expect(() => read('{"a": NaN')).toThrow(expect.objectContaining({ code: 'row.notJson' }))
  })

  it.each([
    ['lists', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('may be %s within each other as deep as a person writes, and is refused beyond', (_, open, close) => {
    const nested = (depth: number): string => `${open.repeat(depth)}1${close.repeat(depth)}`
    expect(() => read(nested(MAX_DEPTH))).not.toThrow()
    expect(() => read(nested(MAX_DEPTH + 1))).toThrow(expect.objectContaining({ code: 'row.tooDeep' }))
  })
})

describe('--map', () => {
  const nested = { doc: { q: 'What is 6 times 7?', gold: ['42'] }, resps: [['\\boxed{42}']], verdicts: { exact: 1 }, mine: 'x' }

  it('reaches into lists and objects of rollouts, and what it points at stays in extra as well', async () => {
    const rows = await imported(lines(nested), {
      map: { prompt: 'doc.q', completion: 'resps[0][0]', ground_truth: 'doc.gold[0]', correct: 'verdicts.exact' },
    })
    expect(rows).toMatchObject([
      {
        prompt: 'What is 6 times 7?',
        completion: '\\boxed{42}',
        groundTruth: '42',
        correct: true,
        extra: { resps: [['\\boxed{42}']], mine: 'x' },
      },
    ])
  })

  it('may name all samples of a row', async () => {
    const rows = await imported(
      lines({ q: 'What is 6 times 7?', out: { choices: [{ message: { content: '42' } }, { message: { content: '46' } }] } }),
      { as: 'rollouts', map: { prompt: 'q', completion: 'out.choices[*].message.content' } },
    )
    expect(rows).toMatchObject([
      { completion: '42', sampleIndex: 0, prompt: 'What is 6 times 7?' },
      { completion: '46', sampleIndex: 1, prompt: 'What is 6 times 7?' },
    ])
  })

  it('reaches into the problems of a dataset', async () => {
    const rows = await imported(lines(nested), { as: 'dataset', map: { problem: 'doc.q', answer: 'doc.gold[0]', slices: 'mine' } })
    expect(rows).toMatchObject([{ problem: 'What is 6 times 7?', answer: '42', slices: { mine: 'x' } }])
  })

  it('is shown in the preview, where the paths to choose from are listed', async () => {
    const preview = await previewImport(lines(nested), { as: 'rollouts', map: { prompt: 'doc.q', completion: 'resps[0][0]' } })
    expect(preview.rows).toMatchObject([{ prompt: 'What is 6 times 7?', completion: '\\boxed{42}' }])
    expect(preview.columns).toEqual([
      'doc',
      'resps',
      'verdicts',
      'mine',
      'doc.q',
      'doc.gold',
      'doc.gold[0]',
      'resps[0]',
      'resps[0][0]',
      'verdicts.exact',
    ])
  })

  it.each(['dataset', 'rollouts'])(
    'that names a column which is not there is refused by its name, for %s, with the nearest',
    async (as) => {
      const map: Record<string, string> =
        as === 'dataset'
          ? { problem: 'doc.q', answer: 'doc.gould' }
          : { prompt: 'doc.q', completion: 'resps[0][0]', ground_truth: 'doc.gould' }
      await expect(imported(lines(nested), { as, map })).rejects.toMatchObject({
        code: 'import.noColumn',
        found: expect.stringMatching(
          /^no column "doc\.gould", which --map names for (answer|ground_truth); nearest is doc\.gold; the columns are doc,/,
        ),
      })
    },
  )
})
