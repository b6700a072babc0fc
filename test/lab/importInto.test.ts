// Files into a workspace: a dataset becomes problems, a dump becomes a run with its rollouts, and what was bad is told with its line.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { importInto } from '../../src-main/lab/importInto.ts'
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
    const path = file('gsm8k.jsonl', ['{"question": "2 + 2?", "answer": "four\\n#### 4"}', 'not json', '{"question": "1,000 + 1?", "answer": "#### 1,001"}'])
    const { report, datasetId } = await importInto(store, [path], { name: 'arithmetic' }, () => 1)
    expect([report.rows, report.imported, report.rejected.map(({ line }) => line)]).toEqual([3, 2, [2]])
    expect(store.datasets.get(datasetId!)).toMatchObject({ name: 'arithmetic', kind: 'imported', grader: 'integer', problemCount: 2 })
    expect(store.datasets.problems(datasetId!, 'imported', 0, 10).map(({ prompt, answer }) => [prompt, answer])).toEqual([['2 + 2?', '4'], ['1,000 + 1?', '1001']])
  })

  it('makes a run of its own out of the rollouts of another trainer, step by step, and invents nothing that was not there', async () => {
    const path = file('7.jsonl', [
      '{"input": "2 + 2?", "output": "it is 4", "gts": "4", "score": 1, "step": 7}',
      '{"input": "2 + 2?", "output": "it is 5", "gts": "4", "score": 0, "step": 7}',
    ])
    const { runId } = await importInto(store, [path], { as: 'verl' }, () => 2)
    expect(store.runs.get(runId!)).toMatchObject({ method: 'imported', status: 'finished' })
    const rollouts = store.rollouts.group({ runId: runId!, steps: [7, 7] })
    expect(rollouts.map(({ group, sample, reward, tokenCount, progress }) => [group, sample, reward, tokenCount, progress])).toEqual([[0, 0, 1, 0, null], [0, 1, 0, 0, null]])
    expect(store.rollouts.detail(rollouts[0]!.id)!.text).toBe('it is 4')
  })

  it('leaves the workspace as it was when a file cannot be read at all', async () => {
    const before = store.workspace().counts
    await expect(importInto(store, [join(folder, 'missing.jsonl')], {}, () => 3)).rejects.toMatchObject({ code: expect.stringMatching(/^file\./) })
    expect(store.workspace().counts).toEqual(before)
  })
})
