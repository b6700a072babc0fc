// Files into a workspace: a dataset becomes problems, a dump becomes a run with its rollouts, and what was bad is told with its line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { importInto } from '../../src-main/lab/files/importInto.ts'
import { fromRolloutDetail } from '../../src-main/data/records.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import { toTrlRow } from '../../src-main/data/rollouts/trl.ts'
import { writeRollouts } from '../../src-main/data/write/rollouts.ts'
import { openStore } from '../../src-main/store/openStore.ts'

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
    expect(store.runs.get(runId!)).toMatchObject({ method: 'imported', status: 'finished' })
    const rollouts = store.rollouts.group({ runId: runId!, steps: [7, 7] })
    expect(rollouts.map(({ group, sample, reward, tokenCount, progress }) => [group, sample, reward, tokenCount, progress])).toEqual([
      [0, 0, 1, 0, null],
      [0, 1, 0, 0, null],
    ])
    expect(store.rollouts.detail(rollouts[0]!.id)!.text).toBe('it is 4')
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
