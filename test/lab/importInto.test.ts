// Files into a workspace: a dataset becomes problems, a dump becomes a run with its rollouts, and what was bad is told with its line.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { importInto, withVerdict } from '../../src-main/lab/files/importInto.ts'
import { discardIncoming, incomingFolder, readRejected, rejectedFile } from '../../src-main/lab/files/keptAside.ts'
import { fromRolloutDetail } from '../../src-main/data/records.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import { toTrlRow } from '../../src-main/data/rollouts/trl.ts'
import { writeRollouts } from '../../src-main/data/write/rollouts.ts'
import { openStore } from '../../src-main/store/openStore.ts'
import { createGrader } from '../../src-main/tasks/graders/grader.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-import-'))
const store = openStore(join(folder, 'workspace'), { create: true, program: 'test' })
afterAll(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name)
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}

describe('an import into a workspace', () => {
  it('keeps the problems of a dataset with the roles and the grader that were found, and tells the bad lines', async () => {
    const path = file('gsm8k.jsonl', [
      '{"question": "2 + 2?", "answer": "four\\n#### 4"}',
      'not json',
      '{"question": "1,000 + 1?", "answer": "#### 1,001"}',
    ])
    const { report, datasetId } = await importInto(store, [path], { name: 'arithmetic' }, () => 1)
    expect([report.rows, report.imported, report.rejected.map(({ line }) => line)]).toEqual([3, 2, [2]])
    expect(store.datasets.get(datasetId!)).toMatchObject({ name: 'arithmetic', kind: 'imported', grader: 'integer', problemCount: 2 })
    expect(store.datasets.problems(datasetId!, 'imported', 0, 10).map(({ prompt, answer }) => [prompt, answer])).toEqual([
      ['2 + 2?', '4'],
      ['1,000 + 1?', '1001'],
    ])
  })

  it('keeps with each problem what its file said besides, and hands it out with the problem alone', async () => {
    const path = file('extra.jsonl', [
      '{"question": "2 + 2?", "answer": "two and two\\n#### 4", "source_url": "example.org", "tags": ["a", "b"], "empty": null}',
      '{"question": "3 + 3?", "answer": "#### 6"}',
    ])
    const { datasetId, report } = await importInto(store, [path], {}, () => 1)
    const [first, second] = store.datasets.problems(datasetId!, 'imported', 0, 10)
    expect(first).not.toHaveProperty('extra')
    expect(store.datasets.problem(first!.id)!.extra).toEqual({ answer: 'two and two\n#### 4', source_url: 'example.org', tags: ['a', 'b'] })
    expect(store.datasets.problem(second!.id)!.extra).toEqual({ answer: '#### 6' })
    expect(report.files[0]!.notes).toMatchObject([{ code: 'columns.unused', detail: 'source_url, tags, empty' }])
  })

  it('makes a run of its own out of the rollouts of another trainer, step by step, and invents nothing that was not there', async () => {
    const path = file('7.jsonl', [
      '{"input": "2 + 2?", "output": "it is 4", "gts": "4", "score": 1, "step": 7}',
      '{"input": "2 + 2?", "output": "it is 5", "gts": "4", "score": 0, "step": 7}',
    ])
    const { runId } = await importInto(store, [path], { as: 'verl' }, () => 2)
    const { groupKey, ...run } = store.runs.get(runId!)!
    expect(run).toMatchObject({
      method: 'imported',
      algorithm: 'imported',
      status: 'finished',
      config: { files: ['7.jsonl'], grader: null },
      environment: {},
      note: '',
      modelId: null,
      parentRunId: null,
      parentStep: null,
      createdAtMs: 2,
    })
    expect(groupKey).toMatch(/^imported 2-[0-9a-f]{8}$/)
    const rollouts = store.rollouts.group({ runId: runId!, steps: [7, 7] })
    expect(rollouts.map(({ group, sample, reward, tokenCount, progress }) => [group, sample, reward, tokenCount, progress])).toEqual([
      [0, 0, 1, 0, null],
      [0, 1, 0, 0, null],
    ])
    expect(store.rollouts.detail(rollouts[0]!.id)).toMatchObject({
      text: 'it is 4',
      provenance: {
        source: 'imported',
        checkpointId: null,
        policyStep: null,
        sampling: null,
        template: '',
        device: '',
        engine: '',
        file: '7.jsonl',
      },
    })
  })

  it('puts rows that say no step before the first one, and each to its own', async () => {
    const path = file('steps.jsonl', [
      '{"prompt": "1?", "completion": "a", "reward": 1, "step": 2}',
      '{"prompt": "1?", "completion": "b", "reward": 1}',
      '{"prompt": "1?", "completion": "c", "reward": 1, "step": 2}',
    ])
    const { runId } = await importInto(store, [path], { name: 'steps' }, () => 2)
    const at = (step: number) =>
      store.rollouts.group({ runId: runId!, steps: [step, step] }).map(({ id }) => store.rollouts.detail(id)!.text)
    expect([at(0), at(1), at(2)]).toEqual([['b'], [], ['a', 'c']])
    expect(store.runs.get(runId!)!.name).toBe('steps')
  })

  it('leaves the workspace as it was when a file cannot be read at all', async () => {
    const before = store.workspace().counts
    await expect(importInto(store, [join(folder, 'missing.jsonl')], {}, () => 3)).rejects.toMatchObject({
      code: expect.stringMatching(/^file\./),
    })
    expect(store.workspace().counts).toEqual(before)
  })

  it('gives TRL back every column and the structure of its messages', async () => {
    const rows = [
      {
        step: 8,
        prompt: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: '7+8?' },
        ],
        completion: [{ role: 'assistant', content: '\\boxed{15}', reasoning_content: 'fifteen' }],
        accuracy_reward: 1,
        format_reward: 0.5,
        solution: '15',
        gold_parsed: '[15]',
        advantage: 0.5,
      },
      {
        step: 8,
        prompt: [{ role: 'user', content: 'Prove it.' }],
        completion: [{ role: 'assistant', content: 'It is.' }],
        accuracy_reward: null,
        format_reward: 0,
        solution: 'by parity',
        gold_parsed: '[]',
        advantage: 0,
      },
    ]
    const path = file(
      'trl.jsonl',
      rows.map((row) => JSON.stringify(row)),
    )
    const { runId } = await importInto(store, [path], {}, () => 4)
    const stored = store.rollouts.group({ runId: runId!, steps: [8, 8] }).map(({ id }) => store.rollouts.detail(id)!)
    expect(stored.map(({ rollout }) => rollout.finishReason)).toEqual(['unknown', 'unknown'])
    const back = stored.map((detail) => toTrlRow(fromRolloutDetail(detail, null)))
    back.forEach((row, at) =>
      expect(row).toMatchObject(Object.fromEntries(Object.entries(rows[at]!).filter(([, value]) => value !== null))),
    )
    for (const invented of ['finish_reason', 'used']) expect(back[0]).not.toHaveProperty(invented)
    const written = join(folder, 'back.jsonl')
    await writeRollouts(written, () => stored.map((detail) => fromRolloutDetail(detail, null)), { as: 'trl' })
    const again = importFiles([written])
    for await (const batch of again)
      expect(batch.rows).toMatchObject([
        { completionMessages: rows[0]!.completion, rewards: { accuracy_reward: 1, format_reward: 0.5 } },
        { rewards: { format_reward: 0 }, extra: { gold_parsed: '[]' } },
      ])
  })

  it('refuses to bring nothing unless it was asked to, and says why', async () => {
    const path = file('unanswered.jsonl', ['{"problem": "a?", "answer": "notfound"}', '{"problem": "b?", "answer": "proof"}'])
    await expect(importInto(store, [path], {}, () => 5)).rejects.toMatchObject({
      code: 'import.nothing',
      found: expect.stringContaining('notfound stands for none'),
    })
    const { report } = await importInto(store, [path], { allowEmpty: true }, () => 6)
    expect([report.rows, report.imported]).toEqual([2, 0])
  })

  it('keeps prompt and gold of each benchmark though both count their ids from 0, and grades no unclosed thought as right', async () => {
    const one = file('one.jsonl', ['{"id": 0, "question": "3^4?", "response": "81", "answer": "81", "reward": 1}'])
    const two = file('two.jsonl', ['{"id": 0, "question": "Legs of a dog? <think>", "response": "maybe 4", "answer": "4", "reward": 0}'])
    const { datasetId, runId } = await importInto(store, [one, two], { grader: 'integer' }, () => 7)
    expect(
      store.datasets.problems(datasetId!, 'imported', 0, 10).map(({ key, prompt, answer }) => [key.slice(0, 1), prompt, answer]),
    ).toEqual([
      ['0', '3^4?', '81'],
      ['0', 'Legs of a dog? <think>', '4'],
    ])
    expect(
      store.rollouts
        .page({ filter: { runId: runId! }, sort: 'place', descending: false, limit: 10, after: null })
        .rollouts.map(({ correct }) => correct),
    ).toEqual([true, false])
  })
})

describe('what an import leaves', () => {
  const good = (n: number): string => `{"input": "${n} + 1?", "output": "it is ${n + 1}", "gts": "${n + 1}", "score": 1, "step": ${n}}`
  const open = (name: string) => openStore(join(folder, name), { create: true, program: 'test' })

  it('stays when the workspace is opened again, and nothing does of one that broke off after its first rows', async () => {
    let own = open('again')
    const rows = file('rows.jsonl', [good(1), good(2)])
    const problems = file('problems.jsonl', ['{"question": "2 + 2?", "answer": "4"}'])
    const broken = join(folder, 'broken.parquet')
    writeFileSync(broken, 'PAR1 and no more')
    for (const path of [rows, problems])
      await expect(importInto(own, [path, broken], {}, () => 1)).rejects.toMatchObject({
        code: expect.stringMatching(/^parquet\./) as unknown,
      })
    expect([own.datasets.list(), own.runs.list()]).toEqual([[], []])
    const made = [await importInto(own, [rows], {}, () => 1), await importInto(own, [problems], {}, () => 1)]
    own.close()
    own = open('again')
    expect(own.datasets.list().map(({ id, name }) => [id, name])).toEqual([
      [made[0]!.datasetId, 'rows.jsonl'],
      [made[1]!.datasetId, 'problems.jsonl'],
    ])
    expect(own.runs.list().map(({ rolloutCount }) => rolloutCount)).toEqual([2])
    own.close()
  })

  it('is called after the first file, and says of all of them what came of them', async () => {
    const one = file('first.jsonl', [good(1), 'not json'])
    const two = file('second.jsonl', [good(2)])
    const { record, runId, datasetId } = await importInto(store, [one, two], {}, () => 9)
    expect([store.runs.get(runId!)!.name, store.datasets.get(datasetId!)!.name]).toEqual(['first.jsonl', 'first.jsonl'])
    expect(record).toMatchObject({ kind: 'rollouts', rows: 3, imported: 2, rejectedRows: 1, similar: { count: 0, examples: [] }, atMs: 9 })
    expect(record.files.map(({ name, rows, imported, rejected }) => [name, rows, imported, rejected])).toEqual([
      ['first.jsonl', 2, 1, 1],
      ['second.jsonl', 1, 1, 0],
    ])
    const [given] = record.files
    expect(given).toEqual({
      name: 'first.jsonl',
      format: 'jsonl',
      compression: 'none',
      bytes: statSync(one).size,
      sha256: createHash('sha256').update(readFileSync(one)).digest('hex'),
      source: 'verl',
      rows: 2,
      imported: 1,
      rejected: 1,
      notes: [],
    })
    expect(record).toMatchObject({ rejectedByCode: { 'row.notJson': 1 }, split: null, why: { roles: '', grader: '' }, notes: [] })
    expect(record.importId).toMatch(/^9-[0-9a-f]{8}$/)
    expect(existsSync(rejectedFile(store.folder, record.importId))).toBe(true)
    const whole = await importInto(store, [two], {}, () => 10)
    expect(existsSync(rejectedFile(store.folder, whole.record.importId))).toBe(false)
    expect(store.runs.get(runId!)).toMatchObject({ plannedSteps: 0, seed: 0, datasetId })
  })

  it('names the problems that are nearly the same, why its columns were taken for what they are, and what no column was taken for', async () => {
    const words = Array.from({ length: 30 }, (_, n) => `word${n}`).join(' ')
    const place = join(folder, 'similar')
    mkdirSync(place)
    file('similar/other.jsonl', ['{"a": 1}'])
    file('similar/similar.jsonl', [
      `{"problem": "${words}?", "answer": "1", "id": "first", "link": "x"}`,
      `{"problem": "another ${words}?", "answer": "1", "id": "second", "link": "x"}`,
    ])
    const { record, datasetId } = await importInto(store, [place], {}, () => 9)
    expect(record.similar).toEqual({
      count: 1,
      examples: [
        {
          key: 'second',
          other: expect.stringMatching(/^line 1 of .*similar\.jsonl$/) as unknown,
          similarity: expect.any(Number) as unknown,
        },
      ],
    })
    expect(record.similar.examples[0]!.similarity).toBeGreaterThan(0.5)
    expect([record.why.roles, record.why.grader].map((why) => why.length > 0)).toEqual([true, true])
    expect(record.notes).toEqual([expect.stringContaining('other.jsonl')])
    expect(record.files[0]!.notes).toContainEqual(expect.stringContaining('link'))
    expect(store.datasets.get(datasetId!)).toMatchObject({ source: record, roles: { problem: 'problem', answer: 'answer', id: 'id' } })
  })

  it('is no dataset and no run where nothing was asked to come', async () => {
    const before = store.workspace().counts
    const bad = file('bad.jsonl', ['{"problem": "a?", "answer": "notfound"}'])
    expect(await importInto(store, [bad], { allowEmpty: true }, () => 11)).toMatchObject({ datasetId: null, runId: null })
    const rows = file('bad-rows.jsonl', ['{"input": "a?", "gts": "1", "score": 1, "step": 1}'])
    expect(await importInto(store, [rows], { as: 'verl', allowEmpty: true }, () => 12)).toMatchObject({ datasetId: null, runId: null })
    expect(store.workspace().counts).toEqual(before)
  })

  it('says where nothing came how many rows of which files were turned away, and for what', async () => {
    const bad = [1, 2, 3, 4].map((n) => file(`bad-${n}.jsonl`, [`{"problem": "a${n}?", "answer": "notfound"}`]))
    await expect(importInto(store, bad, {}, () => 13)).rejects.toMatchObject({
      found: expect.stringMatching(
        /^4 rows in bad-1\.jsonl, bad-2\.jsonl, bad-3\.jsonl, all turned away; 4 of them like line 1: .+ They are kept with their text in .+-rejected\.jsonl\.$/,
      ) as unknown,
    })
    const none = join(folder, 'none.json')
    writeFileSync(none, '[]')
    await expect(importInto(store, [none], {}, () => 14)).rejects.toMatchObject({ found: 'no rows in none.json' })
    const empty = ['empty-1.jsonl', 'empty-2.jsonl'].map((name) => join(folder, name))
    for (const path of empty) writeFileSync(path, '')
    await expect(importInto(store, empty, {}, () => 14)).rejects.toMatchObject({ found: 'no rows in the files' })
    const other = file('bad-else.jsonl', ['not json', '{"problem": "a?", "answer": "notfound"}', '{"problem": "b?", "answer": "notfound"}'])
    await expect(importInto(store, [other], {}, () => 14)).rejects.toMatchObject({
      found: expect.stringMatching(/^3 rows in bad-else\.jsonl, all turned away; 1 of them like line 1: /) as unknown,
    })
  })

  it('is dealt into the splits that were asked for', async () => {
    const path = file('dealt.jsonl', ['{"question": "2 + 2?", "answer": "4"}', '{"question": "3 + 2?", "answer": "5"}'])
    const split = { seed: 1, shares: [{ name: 'mine', share: 1 }] }
    const { datasetId, record } = await importInto(store, [path], { split, grader: 'decimal' }, () => 15)
    expect(store.datasets.get(datasetId!)).toMatchObject({ splits: { mine: 2 }, grader: 'decimal' })
    expect(record.split).toEqual(split)
  })

  it('is not graded where the program makes the problems itself', async () => {
    const path = file('own.jsonl', ['{"prompt": "2 + 2?", "completion": "it is 4", "ground_truth": "4", "step": 1}'])
    const { runId, datasetId } = await importInto(store, [path], { grader: 'countdown' }, () => 16)
    expect(store.rollouts.group({ runId: runId!, steps: [1, 1] }).map(({ correct }) => correct)).toEqual([null])
    expect(store.datasets.get(datasetId!)!.grader).toBe('countdown')
  })
})

describe('what is kept beside the database', () => {
  it('are rejected rows from a place on, at most so many, with how many there are', async () => {
    const path = file('three-bad.jsonl', ['no', 'nor this', 'nothing', '{"question": "2 + 2?", "answer": "4"}'])
    const { record } = await importInto(store, [path], {}, () => 20)
    const lines = async (offset: number, limit: number) => {
      const { rows, total } = await readRejected(store.folder, record.importId, offset, limit)
      return [rows.map(({ line }) => line), total]
    }
    expect(await lines(0, 10)).toEqual([[1, 2, 3], 3])
    expect(await lines(1, 1)).toEqual([[2], 3])
    expect(await lines(3, 5)).toEqual([[], 3])
    expect(await readRejected(store.folder, '1-00000000', 0, 5)).toEqual({ rows: [], total: 0 })
    const unknown = {
      code: 'import.unknown',
      expected: 'an import of this workspace',
      next: 'Choose a dataset or a run that was imported.',
    }
    for (const [name, found] of [
      ['../x', '../x'],
      [`${'1'.repeat(17)}-00000000`, `${'1'.repeat(17)}-00000000`],
      ['1-0000000', '1-0000000'],
      ['1-0000000g', '1-0000000g'],
      ['x'.repeat(41), 'x'.repeat(40)],
    ] as const)
      expect(() => rejectedFile(store.folder, name)).toThrow(expect.objectContaining({ ...unknown, found }))
    expect(rejectedFile('/w', `${'1'.repeat(16)}-0123abcd`)).toBe(join('/w', 'imports', `${'1'.repeat(16)}-0123abcd-rejected.jsonl`))
  })

  it('are copies of a browser, of which each goes by itself, its folder with the last, and nothing outside', () => {
    const incoming = incomingFolder(store.folder)
    const drop = join(incoming, 'drop')
    mkdirSync(drop, { recursive: true })
    for (const name of ['a', 'b']) writeFileSync(join(drop, name), '')
    discardIncoming(store.folder, [join(drop, 'a'), incoming, folder, join(incoming, '..', 'x')])
    expect([existsSync(join(drop, 'a')), existsSync(join(drop, 'b')), existsSync(folder)]).toEqual([false, true, true])
    discardIncoming(store.folder, [join(drop, 'b')])
    expect([existsSync(drop), existsSync(incoming)]).toEqual([false, true])
    discardIncoming(store.folder, [join(drop, 'b')])
  })
})

describe('the verdict on a rollout', () => {
  it('is the grader’s only where the row has an answer, something to compare it with, and no verdict of its own', async () => {
    const grader = createGrader('integer')
    const row = { prompt: '2 + 2?', completion: 'it is \\boxed{4}', groundTruth: '4' } as unknown as Parameters<typeof withVerdict>[0]
    const graded = (more: object) => withVerdict({ ...row, ...more } as never, grader)
    expect(await graded({})).toMatchObject({ correct: true, extractedAnswer: '4' })
    expect(await graded({ groundTruth: '5' })).toMatchObject({ correct: false })
    for (const more of [{ correct: false }, { groundTruth: undefined }, { completion: undefined }])
      expect(await graded(more)).toEqual({ ...row, ...more })
    // What the row found itself is judged, and kept.
    expect(await graded({ completion: 'it is \\boxed{5}', extractedAnswer: '4' })).toMatchObject({ correct: true, extractedAnswer: '4' })
    expect(await graded({ completion: '' })).toEqual({ ...row, completion: '', correct: false })
    // A thought that never closed is no answer, unless the row says which one is.
    for (const open of [{ completion: '<think> \\boxed{4}' }, { prompt: '2 + 2? <think>', completion: '\\boxed{4}' }]) {
      expect(await graded(open)).toEqual({ ...row, ...open, correct: false })
      expect(await graded({ ...open, extractedAnswer: '4' })).toMatchObject({ correct: true })
    }
    expect(await graded({ completion: '<think> \\boxed{5} </think> \\boxed{4}' })).toMatchObject({ correct: true })
    expect(await graded({ prompt: undefined })).toMatchObject({ correct: true })
    await grader.close()
  })
})
