// Paths into nested values, as --map and the preview take them.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import type { DatasetRow } from '../../src-main/data/datasets/normalise.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import type { ImportOptions } from '../../src-main/data/converter.ts'
import { pathsOf, valueAt } from '../../src-main/data/json.ts'
import type { JsonObject } from '../../src-main/data/json.ts'
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
