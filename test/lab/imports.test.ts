// Files as a window brings them in: looked at first, imported as a job, with rejected rows that can be read and taken away, datasets that
// say what is in them and what they share, and models that are refused with the reason when they cannot be computed here.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rolloutSources } from '../../src-main/data/rollouts/mapping.ts'
import { sourceReaders } from '../../src-main/data/rollouts/sources.ts'
import { bringRows, importLabel, progressOf } from '../../src-main/lab/answers/importing.ts'
import { importAnswers } from '../../src-main/lab/answers/imports.ts'
import { incomingFolder, rejectedFile } from '../../src-main/lab/files/keptAside.ts'
import { createJobs } from '../../src-main/lab/process/jobs.ts'
import { readCheckpointMeta } from '../../src-main/model/checkpoint.ts'
import { initialWeights, parameterSpecs, type LlamaConfig } from '../../src-main/model/config.ts'
import { writeSafetensors } from '../../src-main/model/safetensors.ts'
import { graderKinds } from '../../src-main/tasks/graders/grader.ts'
import type { ImportResult, ImportStart, LabEvent } from '../../src-preload/contract.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'

let lab: LocalLab
const folder = mkdtempSync(join(tmpdir(), 'mrt-imports-'))
beforeAll(async () => {
  lab = await openLocalLab()
})
afterAll(async () => {
  await lab.close()
  rmSync(folder, { recursive: true, force: true })
})

function file(name: string, lines: readonly string[]): string {
  const path = join(folder, name)
  writeFileSync(path, `${lines.join('\n')}\n`)
  return path
}
async function bring(request: Partial<ImportStart> & { paths: string[] }): Promise<ImportResult> {
  const { id } = await lab.client.imports.start(request)
  return lab.client.imports.result({ jobId: id })
}

/** Some words. */
const said = expect.stringMatching(/./) as unknown

/** What was told to have changed, but for jobs. */
const changes = () => lab.events.flatMap((event) => (event.kind === 'changed' && event.noun !== 'jobs' ? [[event.noun, event.ids]] : []))

const GSM8K = [
  '{"question": "2 + 2?", "answer": "four\\n#### 4"}',
  'not json',
  '{"question": "1,000 + 1?", "answer": "#### 1,001"}',
  '{"question": "Tom has 3 apples and eats 1. How many are left?", "answer": "#### 2"}',
]

describe('a file before it is imported', () => {
  it('is shown with the roles and the grader that were guessed, and the rows that would be turned away', async () => {
    const [offer] = await lab.client.imports.inspect({ paths: [file('gsm8k.jsonl', GSM8K)] })
    expect(offer).toMatchObject({
      kind: 'dataset',
      source: 'gsm8k',
      refusal: null,
      roles: { problem: 'question', answer: 'answer', answerIn: 'hashes', confidence: 'high' },
      grader: { grader: 'integer' },
      rowCount: { rows: 3, exact: true },
    })
    expect(offer!.problems.map(({ problem, answer }) => [problem, answer])).toEqual([
      ['2 + 2?', '4'],
      ['1,000 + 1?', '1001'],
      ['Tom has 3 apples and eats 1. How many are left?', '2'],
    ])
    expect(offer!.rejected).toEqual([{ file: 'gsm8k.jsonl', line: 2, rows: 1, code: 'row.notJson', reason: said, text: 'not json' }])
    expect(offer).toMatchObject({
      path: join(folder, 'gsm8k.jsonl'),
      name: 'gsm8k.jsonl',
      bytes: statSync(join(folder, 'gsm8k.jsonl')).size,
      files: 1,
      format: 'jsonl',
      why: said,
      recipe: null,
      tables: [],
      columns: ['question', 'answer'],
      rollouts: [],
      identity: null,
    })
    expect([offer!.roles!.why, offer!.grader!.why]).toEqual([said, said])
  })

  it('is shown with everything that its rows say of a problem, and with what an import would do besides', async () => {
    const row = { problem: '1 + 1?', answer: '2', level: 3, subject: 'sums', id: 'p7', split: 'test', solution: 'count', link: 'x' }
    const [offer] = await lab.client.imports.inspect({ paths: [file('whole-row.jsonl', [JSON.stringify(row)])] })
    expect(offer!.roles).toMatchObject({ id: 'id', solution: 'solution', split: 'split', slices: ['level', 'subject'] })
    expect(offer!.problems).toEqual([
      { line: 1, key: 'p7', problem: '1 + 1?', answer: '2', split: 'test', level: 3, slices: { level: '3', subject: 'sums' } },
    ])
    expect(offer!.notes).toEqual([expect.stringContaining('link')])
    const bare = file('bare-row.jsonl', ['{"problem": "1 + 1?", "answer": "2"}'])
    const [{ problems } = { problems: [] }] = await lab.client.imports.inspect({ paths: [bare] })
    expect(problems).toEqual([{ line: 1, key: said, problem: '1 + 1?', answer: '2', split: null, level: null, slices: {} }])
    const [puzzle] = await lab.client.imports.inspect({ paths: [file('puzzle.jsonl', ['{"nums": [6, 7, 1], "target": 42}'])] })
    expect(puzzle).toMatchObject({ roles: { problem: 'nums', answer: 'target' }, grader: { grader: 'countdown' } })
  })

  it('that is a database offers its tables, and the rows of the one that is named', async () => {
    const path = join(folder, 'tables.db')
    const db = new Database(path)
    db.exec(`
      CREATE TABLE easy (problem TEXT, answer TEXT); INSERT INTO easy VALUES ('1 + 1?', '2'), ('1 + 2?', '3');
      CREATE TABLE hard (problem TEXT, answer TEXT); INSERT INTO hard VALUES ('91 * 17?', '1547')`)
    db.close()
    const [offer] = await lab.client.imports.inspect({ paths: [path] })
    expect(offer!.tables).toEqual([
      { name: 'easy', rows: 2 },
      { name: 'hard', rows: 1 },
    ])
    const [hard] = await lab.client.imports.inspect({ paths: [path], table: 'hard' })
    expect(hard!.problems.map(({ problem }) => problem)).toEqual(['91 * 17?'])
    const { datasetId, records } = await bring({ paths: [path], table: 'easy' })
    expect([records, (await lab.client.datasets.get({ datasetId: datasetId! })).problemCount]).toEqual([2, 2])
  })

  it('that left this program is shown with its verdicts and its episodes', async () => {
    const { path } = await lab.client.exports.write({ kind: 'rollouts', filter: { runId: lab.filled.runIds[0]!, steps: [2, 2] } })
    const [offer] = await lab.client.imports.inspect({ paths: [path] })
    expect(offer!.rollouts.map(({ step, prompt, correct, reward, episodes }) => [step, prompt, correct, reward, episodes])).toEqual(
      [true, false, true, false].map((correct) => [2, 'problem 2', correct, correct ? 1 : 0, 2]),
    )
    expect(offer!.identity).toMatchObject({ by: 'prompt', byPrompt: 1, byId: 1, collisions: 0, running: 0, answers: 0, examples: [] })
    const ids = file(
      'ids.jsonl',
      [7, 8].map((id) => JSON.stringify({ prompt: '2 + 2?', completion: 'four', prompt_id: id, reward: 1 })),
    )
    const [running] = await lab.client.imports.inspect({ paths: [ids] })
    expect(running!.identity).toMatchObject({ byPrompt: 1, byId: 2, running: 1, examples: [said] })
  })

  it('says what is missing, with its columns, and is whole once the roles are named', async () => {
    const path = file('odd.jsonl', ['{"ask": "1 + 1?", "gold": "2"}'])
    const [unknown] = await lab.client.imports.inspect({ paths: [path] })
    expect(unknown).toMatchObject({ kind: 'unknown', columns: ['ask', 'gold'] })
    const [refused] = await lab.client.imports.inspect({ paths: [path], as: 'dataset' })
    expect(refused).toMatchObject({ refusal: { code: 'import.noProblem' }, problems: [] })
    const [mapped] = await lab.client.imports.inspect({ paths: [path], as: 'dataset', map: { problem: 'ask', answer: 'gold' } })
    expect(mapped).toMatchObject({ refusal: null, problems: [{ problem: '1 + 1?', answer: '2' }] })
  })

  it('is shown as rollouts where it holds what a trainer sampled, and a pickle with the recipe that converts it', async () => {
    const dump = file('3.jsonl', ['{"input": "2 + 2?", "output": "it is 4", "gts": "4", "score": 1, "step": 3}'])
    const pickle = join(folder, 'pass_at_k.pkl')
    writeFileSync(pickle, Buffer.from([0x80, 0x04, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 0x7d, 0x94, 0x2e]))
    const [rollouts, unsafe] = await lab.client.imports.inspect({ paths: [dump, pickle] })
    expect(rollouts).toMatchObject({
      kind: 'rollouts',
      source: 'verl',
      rollouts: [{ step: 3, completion: 'it is 4', truth: '4', reward: 1 }],
    })
    expect(unsafe).toMatchObject({ kind: 'unknown', format: 'pickle', recipe: expect.stringContaining('pickle') })
  })

  it('is shown as a model whatever it is where it is to be one, and as nothing of its rows', async () => {
    const [offer] = await lab.client.imports.inspect({ paths: [file('as-model.jsonl', GSM8K)], as: 'model' })
    expect(offer).toMatchObject({ problems: [], rollouts: [], rejected: [], rowCount: null, roles: null, grader: null, refusal: null })
  })

  it('has its long texts cut after six hundred letters, and no more than fifty of its bad rows', async () => {
    const [just, more] = ['x'.repeat(600), 'x'.repeat(601)]
    const path = file('long.jsonl', [`{"problem": "${just}", "answer": "1"}`, `{"problem": "y${more}", "answer": "2"}`])
    const [offer] = await lab.client.imports.inspect({ paths: [path] })
    expect(offer!.problems.map(({ problem }) => problem)).toEqual([just, `y${just.slice(1)} …`])
    const bad = file('many-bad.jsonl', [...GSM8K, ...Array.from({ length: 60 }, (_, n) => `not json ${n}`)])
    const { rejected, record } = await bring({ paths: [bad] })
    expect([rejected.length, record.rejectedRows]).toEqual([50, 61])
    const [shown] = await lab.client.imports.inspect({ paths: [bad] })
    expect(shown!.rejected.length).toBeLessThanOrEqual(50)
  })

  it('shows a conversation as its lines, and what a row of it does not say as absent', async () => {
    const path = file('chat.jsonl', [
      JSON.stringify({
        prompt: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: '2 + 2?' },
        ],
        completion: [{ role: 'assistant', content: 'four' }],
        reward: 0.5,
      }),
    ])
    const [offer] = await lab.client.imports.inspect({ paths: [path] })
    expect(offer!.rollouts).toEqual([
      { step: null, prompt: 'Be brief.\n\n2 + 2?', completion: 'four', truth: null, correct: null, reward: 0.5, episodes: 0 },
    ])
    const prompt_messages = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: '2 + 2?' },
    ]
    const kept = file('kept-apart.jsonl', [JSON.stringify({ prompt_messages, completion: 'four' })])
    const [apart] = await lab.client.imports.inspect({ paths: [kept], as: 'canonical' })
    expect(apart!.rollouts.map((row) => row.prompt)).toEqual(['Be brief.\n2 + 2?'])
  })

  it('is not offered as refused where it was the program that failed', async () => {
    const bug = new Error('a bug')
    const map = {
      get problem(): string {
        throw bug
      },
    }
    const tell = (): void => {}
    const { inspect } = importAnswers({
      open: () => lab.lab.workspaces.store(),
      jobs: createJobs({ tell, now: Date.now }),
      tell,
      now: Date.now,
    })
    const paths = [file('whole-set.jsonl', GSM8K)]
    await expect(
      inspect({ paths, as: 'dataset', map, identity: 'prompt', table: null }, { signal: new AbortController().signal }),
    ).rejects.toBe(bug)
  })

  it('must be named from the root', async () => {
    await expect(lab.client.imports.inspect({ paths: ['data.jsonl'] })).rejects.toMatchObject({ code: 'import.relative' })
    await expect(lab.client.imports.inspect({ paths: [join(folder, 'missing.jsonl')] })).rejects.toMatchObject({ code: 'file.missing' })
  })
})

describe('an import as a job', () => {
  it('makes a dataset dealt into splits by seed, and keeps every rejected row with line, reason and text', async () => {
    const { datasetId, record, rejected } = await bring({
      paths: [file('set.jsonl', GSM8K)],
      name: 'arithmetic',
      grader: 'math',
      split: {
        seed: 7,
        shares: [
          { name: 'train', share: 0.5 },
          { name: 'test', share: 0.5 },
        ],
      },
    })
    const set = await lab.client.datasets.get({ datasetId: datasetId! })
    expect(set).toMatchObject({ name: 'arithmetic', grader: 'math', problemCount: 3, roles: { problem: 'question', answer: 'answer' } })
    expect(Object.keys(set.splits).every((split) => ['train', 'test'].includes(split))).toBe(true)
    expect([record.rows, record.imported, record.rejectedRows, rejected.length]).toEqual([4, 3, 1, 1])
    const kept = await lab.client.imports.rejected({ importId: record.importId })
    expect(kept).toMatchObject({ total: 1, rows: [{ file: 'set.jsonl', line: 2, code: 'row.notJson', text: 'not json' }] })
    const exported = await lab.client.imports.exportRejected({ importId: record.importId })
    expect(JSON.parse(readFileSync(exported.path, 'utf8'))).toMatchObject({ line: 2, text: 'not json' })
  })

  it('is a job of its own lane with a name, and tells whoever shows what it may have changed', async () => {
    lab.events.length = 0
    const path = file('named.jsonl', ['{"question": "6 + 7?", "answer": "13"}'])
    const job = await lab.client.imports.start({ paths: [path] })
    expect(job).toMatchObject({ kind: 'import', label: 'Importing named.jsonl', runId: null })
    expect(await lab.client.imports.result({ jobId: job.id })).toMatchObject({ records: 1, rejected: [], runId: null, modelId: null })
    expect(changes().map(([noun]) => noun)).toEqual(['datasets', 'runs', 'rollouts', 'models'])
  })

  it('takes a row once, or as often as it comes where that is asked for', async () => {
    const twice = new Array<string>(2).fill('{"question": "Twice 3?", "answer": "6"}')
    const once = await bring({ paths: [file('once.jsonl', twice)] })
    expect([once.records, once.record.rejectedRows, once.rejected[0]!.rows]).toEqual([1, 1, 1])
    expect((await bring({ paths: [file('twice.jsonl', twice)], keepDuplicates: true })).records).toBe(2)
  })

  it('tells problems apart by what they ask, or by their ids where that is asked for', async () => {
    const path = file(
      'same-prompt.jsonl',
      [7, 8].map((id) => JSON.stringify({ prompt: '5 + 2?', completion: '7', prompt_id: id, reward: 1 })),
    )
    const problems = async (identity: 'prompt' | 'id') => {
      const { datasetId } = await bring({ paths: [path], identity })
      return (await lab.client.datasets.get({ datasetId: datasetId! })).problemCount
    }
    expect([await problems('prompt'), await problems('id')]).toEqual([1, 2])
  })

  it('grades rollouts that say what would be right but not whether they were', async () => {
    const path = file('9.jsonl', [
      '{"prompt": "half?", "completion": "so \\\\boxed{0.5}", "answer": "\\\\frac{1}{2}"}',
      '{"prompt": "half?", "completion": "so \\\\boxed{2}", "answer": "\\\\frac{1}{2}"}',
    ])
    const { runId } = await bring({ paths: [path], as: 'plain', map: { ground_truth: 'answer' }, grader: 'math' })
    const { rollouts } = await lab.client.rollouts.query({
      filter: { runId: runId! },
      sort: 'place',
      descending: false,
      limit: 10,
      after: null,
    })
    expect(rollouts.map(({ correct, extractedAnswer, phase }) => [correct, extractedAnswer, phase])).toEqual([
      [true, '0.5', 'imported'],
      [false, '2', 'imported'],
    ])
    await expect(lab.client.runs.duplicate({ runId: runId! })).rejects.toMatchObject({ code: 'run.imported' })
  })

  it('leaves nothing behind when it is cancelled or breaks off', async () => {
    const before = await lab.client.workspace.info()
    const path = file(
      'many.jsonl',
      Array.from({ length: 20_000 }, (_, i) => `{"question": "What is ${i} plus ${i}?", "answer": "${2 * i}"}`),
    )
    const { id } = await lab.client.imports.start({ paths: [path] })
    await lab.client.jobs.cancel({ jobId: id })
    await expect(lab.client.imports.result({ jobId: id })).rejects.toMatchObject({ code: 'job.cancelled' })
    await expect(bring({ paths: [file('bare.jsonl', ['{"a": 1}'])] })).rejects.toMatchObject({ code: 'import.noProblem' })
    expect((await lab.client.workspace.info())!.counts).toEqual(before!.counts)
  })

  it('removes the copies that a browser sent once they are imported, and no other file', async () => {
    const drop = join(incomingFolder(lab.folder), 'drop-0001')
    mkdirSync(drop, { recursive: true })
    const sent = join(drop, 'sent.jsonl')
    writeFileSync(sent, '{"question": "9 - 1?", "answer": "8"}\n')
    const own = file('own.jsonl', ['{"question": "9 - 2?", "answer": "7"}'])
    await bring({ paths: [sent, own] })
    await lab.client.imports.discard({ paths: [own, join(incomingFolder(lab.folder), '..', '..', 'workspace.db')] })
    expect([existsSync(drop), existsSync(own), existsSync(join(lab.folder, 'workspace.db'))]).toEqual([false, true, true])
  })

  it('gives the rejected rows as a file with as many rows, and refuses where there are none', async () => {
    const { record } = await bring({ paths: [file('two-bad.jsonl', ['not json', ...GSM8K])] })
    const exported = await lab.client.imports.exportRejected({ importId: record.importId })
    const fileName = `rejected-rows-${record.importId}.jsonl`
    expect(exported).toEqual({
      fileName,
      path: join(lab.folder, 'exports', fileName),
      bytes: readFileSync(exported.path).length,
      rows: 2,
      href: `./exports/${fileName}`,
    })
    const whole = await bring({ paths: [file('whole.jsonl', ['{"question": "7 + 7?", "answer": "14"}'])] })
    await expect(lab.client.imports.exportRejected({ importId: whole.record.importId })).rejects.toMatchObject({ code: 'export.empty' })
  })

  it('takes one model at a time', async () => {
    await expect(bring({ paths: [folder, folder], as: 'model' })).rejects.toMatchObject({ code: 'import.oneModel', found: '2 paths' })
  })

  it('is remembered for as long as twenty others were not asked for after it', async () => {
    const ids: string[] = []
    for (let n = 0; n < 21; n++) ids.push((await lab.client.imports.start({ paths: [join(folder, 'missing.jsonl')] })).id)
    await expect(lab.client.imports.result({ jobId: ids[0]! })).rejects.toMatchObject({ code: 'import.unknown' })
    for (const jobId of ids.slice(1)) await expect(lab.client.imports.result({ jobId })).rejects.toMatchObject({ code: 'file.missing' })
  })

  it('is refused in a workspace that is open for reading', async () => {
    await lab.client.workspace.close()
    await lab.client.workspace.open({ folder: lab.folder, readOnly: true })
    try {
      await expect(lab.client.imports.start({ paths: [file('read.jsonl', GSM8K)] })).rejects.toMatchObject({ code: 'workspace.readOnly' })
    } finally {
      await lab.client.workspace.close()
      await lab.client.workspace.open({ folder: lab.folder })
    }
  })

  it('is called after its first file and how many more there are', () => {
    expect([importLabel(['/a/one.jsonl']), importLabel(['/a/one.jsonl', '/b/two', '/c/three'])]).toEqual([
      'Importing one.jsonl',
      'Importing one.jsonl and 2 more',
    ])
  })

  it('tells how far it is in a unit that suits the whole, and how long the rest takes at the pace so far', () => {
    expect(progressOf({ bytesRead: 0, bytesTotal: 9_999_999, rows: 0 }, 5)).toEqual({
      done: 0,
      total: 10_000,
      unit: 'kB, 0 rows',
      etaMs: null,
    })
    expect(progressOf({ bytesRead: 2_500_001, bytesTotal: 10_000_000, rows: 7 }, 100)).toMatchObject({
      done: 3,
      total: 10,
      unit: 'MB, 7 rows',
    })
    expect(progressOf({ bytesRead: 1, bytesTotal: 4, rows: 1 }, 100).etaMs).toBe(300)
  })

  it('has told of all of its bytes at its end', async () => {
    const events: LabEvent[] = []
    const path = file('told.jsonl', ['{"question": "told 7 + 7?", "answer": "14"}'])
    const request = {
      paths: [path],
      as: null,
      map: {},
      identity: 'prompt' as const,
      table: null,
      name: null,
      grader: null,
      keepDuplicates: false,
    }
    const parts = { store: lab.lab.workspaces.store(), now: () => 5, label: 'told' }
    await bringRows(request, parts, { signal: new AbortController().signal, onEvent: (event) => events.push(event) })
    const last = events.findLast((event) => event.kind === 'progress')
    expect(last).toMatchObject({ report: { label: 'told', etaMs: 0, atMs: 5, total: 1 } })
  })

  it('guesses how long the rest takes from the time since it began', async () => {
    const events: LabEvent[] = []
    const paths = ['one', 'two'].map((name) => file(`half-${name}.jsonl`, [`{"question": "${name} and 1?", "answer": "2"}`]))
    const request = { paths, as: null, map: {}, identity: 'prompt', table: null, name: null, grader: null, keepDuplicates: false } as const
    let nowMs = 1000
    const parts = { store: lab.lab.workspaces.store(), now: () => nowMs, label: 'halves' }
    const brought = bringRows(request, parts, { signal: new AbortController().signal, onEvent: (event) => events.push(event) })
    nowMs = 1100
    await brought
    const reports = events.flatMap((event) => (event.kind === 'progress' && event.runId === null ? [event.report] : []))
    expect(reports).toHaveLength(events.length)
    // Of two files that are as long one is read.
    expect(reports.map(({ etaMs }) => etaMs)).toContain(100)
    for (const { memoryBytes, tokensPerSecond } of reports) expect([memoryBytes! > 0, tokensPerSecond]).toEqual([true, null])
  })

  it('refuses names of imports that lead out of the workspace', async () => {
    await expect(lab.client.imports.rejected({ importId: '../../secret' })).rejects.toMatchObject({ code: 'import.unknown' })
    await expect(lab.client.imports.result({ jobId: 'import-999' })).rejects.toMatchObject({ code: 'import.unknown' })
  })
})

describe('what can be chosen for an import', () => {
  it('are graders, sources, and what columns may stand for, each with what it means', async () => {
    const { graders, sources, roles, fields } = await lab.client.imports.choices()
    expect(graders.map(({ name }) => name)).toEqual(Object.keys(graderKinds))
    expect(graders.map(({ title, about }) => [title, about])).toEqual(Object.values(graderKinds).map(({ title, says }) => [title, says]))
    expect(sources.map(({ name }) => name)).toEqual(rolloutSources)
    for (const { name, about } of sources) {
      const { title, files } = sourceReaders[name as keyof typeof sourceReaders].format
      expect(about).toBe(`${title}: ${files}`)
    }
    expect(roles.map(({ name, needed }) => (needed ? `${name}!` : name))).toEqual([
      'problem!',
      'answer!',
      'solution',
      'id',
      'split',
      'slices',
    ])
    expect(fields.map(({ name, needed }) => (needed ? `${name}!` : name))).toEqual([
      'prompt',
      'completion!',
      'ground_truth',
      'extracted_answer',
      'correct',
      'reward',
      'advantage',
      'step',
      'prompt_id',
      'group_id',
      'sample_idx',
      'prompt_tokens',
      'completion_tokens',
      'finish_reason',
    ])
    for (const { about } of [...roles, ...fields]) expect(about.length).toBeGreaterThan(10)
  })
})

describe('a dataset that is kept', () => {
  const rows = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) =>
      JSON.stringify({
        problem: `A farmer number ${from + i} sells ${3 * (from + i)} eggs on Monday and twice as many on Friday; how many in all?`,
        answer: String(9 * (from + i)),
        level: 1 + ((from + i) % 3),
        subject: 'eggs',
      }),
    )

  it('says how long and how hard its problems are, and what they are about', async () => {
    const { datasetId } = await bring({ paths: [file('eggs.jsonl', rows(0, 30))] })
    const facts = await lab.client.datasets.facts({ datasetId: datasetId! })
    expect(facts.levels).toEqual([1, 2, 3].map((level) => ({ from: level, to: level, count: 10 })))
    expect(facts.slices.find(({ name }) => name === 'subject')).toEqual({
      name: 'subject',
      values: [{ value: 'eggs', count: 30 }],
      others: 0,
    })
    expect(facts.problemLengths.counts.reduce((sum, each) => sum + each, 0)).toBe(30)
    expect(facts.record).toMatchObject({ kind: 'dataset', rows: 30, similar: { count: expect.any(Number) } })
  })

  it('puts levels that are many into bins', async () => {
    const { datasetId } = await bring({
      paths: [
        file(
          'graded.jsonl',
          Array.from({ length: 60 }, (_, i) =>
            JSON.stringify({ problem: `Ride ${i}: how long is a road with ${i} stones?`, answer: String(i), difficulty: i / 60 }),
          ),
        ),
      ],
      keepDuplicates: true,
    })
    const { levels } = await lab.client.datasets.facts({ datasetId: datasetId! })
    expect(levels).toHaveLength(12)
    expect(levels.map(({ count }) => count)).toEqual(new Array(12).fill(5))
    const width = levels[0]!.to - levels[0]!.from
    for (const [bin, { from, to }] of levels.entries()) {
      expect(to - from).toBeCloseTo(width, 9)
      expect(from).toBeCloseTo(levels[0]!.from + bin * width, 9)
    }
    expect([levels[0]!.from, levels.at(-1)!.to]).toEqual([0, expect.closeTo(59 / 60, 9)])
  })

  it('names the problems it shares with another set', async () => {
    await bring({ paths: [file('dozens.jsonl', rows(200, 230))] })
    const { datasetId } = await bring({ paths: [file('more-dozens.jsonl', rows(225, 240))] })
    const { found, whole } = await lab.client.datasets.overlap({ datasetId: datasetId! })
    expect(whole).toBe(true)
    const shared = found.find(({ b }) => b.name === 'dozens.jsonl')!
    expect(shared.exact).toBe(5)
    expect(shared.examples.length).toBeGreaterThan(0)
  })

  it('takes another grader, another name and other splits, and goes when nothing refers to it', async () => {
    const { datasetId } = await bring({ paths: [file('few.jsonl', rows(100, 150))] })
    const id = datasetId!
    expect(await lab.client.datasets.describe({ datasetId: id, name: 'few eggs', note: 'a note', grader: 'decimal' })).toMatchObject({
      name: 'few eggs',
      grader: 'decimal',
    })
    await expect(lab.client.datasets.describe({ datasetId: id, name: 'x', note: '', grader: 'nonsense' })).rejects.toMatchObject({
      code: 'grader.kind',
    })
    const rule = {
      seed: 3,
      shares: [
        { name: 'train', share: 0.8 },
        { name: 'eval', share: 0.2 },
      ],
    }
    const first = await lab.client.datasets.split({ datasetId: id, rule })
    expect(first.splits.train! + first.splits.eval!).toBe(50)
    expect((await lab.client.datasets.split({ datasetId: id, rule })).splits).toEqual(first.splits)
    await lab.client.datasets.remove({ datasetId: id })
    await expect(lab.client.datasets.get({ datasetId: id })).rejects.toMatchObject({ code: 'dataset.unknown' })
  })

  it('keeps what it came from beside the rule that dealt it, tells of each change, and takes its rejected rows with it', async () => {
    const { datasetId, record } = await bring({ paths: [file('some.jsonl', ['not json', ...rows(300, 310)])], grader: 'decimal' })
    const id = datasetId!
    expect(await lab.client.datasets.get({ datasetId: id })).toMatchObject({ source: { importId: record.importId, split: null } })
    lab.events.length = 0
    const rule = { seed: 3, shares: [{ name: 'mine', share: 1 }] }
    expect(await lab.client.datasets.split({ datasetId: id, rule })).toMatchObject({
      source: { importId: record.importId, split: rule },
      roles: { problem: 'problem' },
      grader: 'decimal',
      splits: { mine: 10 },
    })
    await lab.client.datasets.describe({ datasetId: id, name: 'some eggs', note: '', grader: 'decimal' })
    expect(existsSync(rejectedFile(lab.folder, record.importId))).toBe(true)
    await lab.client.datasets.remove({ datasetId: id })
    expect(existsSync(rejectedFile(lab.folder, record.importId))).toBe(false)
    expect(changes()).toEqual(new Array(3).fill(['datasets', [id]]))
  })

  it('of problems that the program makes keeps its grader, which no other set may have; what it was made of stays', async () => {
    const { datasets } = lab.lab.workspaces.store()
    const add = (grader: string, source: string | string[]) =>
      datasets.add({ name: 'made', kind: 'procedural', source, roles: null, grader, note: '', createdAtMs: 1 })
    const own = add('countdown', 'the program')
    const other = add('math', ['a', 'b'])
    expect(await lab.client.datasets.describe({ datasetId: own, name: 'ours', note: 'n', grader: 'countdown' })).toMatchObject({
      name: 'ours',
      note: 'n',
      grader: 'countdown',
    })
    await expect(lab.client.datasets.describe({ datasetId: other, name: 'x', note: '', grader: 'countdown' })).rejects.toMatchObject({
      code: 'grader.kind',
      expected: expect.stringMatching(/^one of .*, countdown, countdown-returns$/) as unknown,
      found: 'countdown',
    })
    const rule = { seed: 1, shares: [{ name: 'all', share: 1 }] }
    const dealt = async (datasetId: number) => (await lab.client.datasets.split({ datasetId, rule })).source
    expect([await dealt(own), await dealt(other)]).toEqual([
      { source: 'the program', split: rule },
      { source: ['a', 'b'], split: rule },
    ])
    for (const datasetId of [own, other]) await lab.client.datasets.remove({ datasetId })
  })

  it('is not taken apart while runs refer to it', async () => {
    const [used] = await lab.client.datasets.list()
    await expect(
      lab.client.datasets.split({ datasetId: used!.id, rule: { seed: 1, shares: [{ name: 'train', share: 1 }] } }),
    ).rejects.toMatchObject({ code: 'dataset.inUse' })
    await expect(lab.client.datasets.remove({ datasetId: used!.id })).rejects.toMatchObject({ code: 'dataset.inUse' })
  })
})

describe('a model folder', () => {
  const config: LlamaConfig = {
    architecture: 'llama',
    vocabSize: 416,
    hiddenSize: 16,
    intermediateSize: 32,
    layers: 1,
    heads: 2,
    kvHeads: 1,
    headDim: 16,
    ropeTheta: 10_000,
    rmsEps: 1e-5,
    maxPositions: 64,
  }
  const stated = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: 416,
    hidden_size: 16,
    intermediate_size: 32,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 16,
    rms_norm_eps: 1e-5,
    max_position_embeddings: 64,
    hidden_act: 'silu',
    tie_word_embeddings: true,
  }
  async function model(name: string, changes: object = {}): Promise<string> {
    const path = join(folder, name)
    mkdirSync(path)
    writeFileSync(join(path, 'config.json'), JSON.stringify({ ...stated, ...changes }))
    writeFileSync(join(path, 'README.md'), '---\nlicense: apache-2.0\n---\nA model.\n')
    const weights = initialWeights(config, 1)
    await writeSafetensors(
      join(path, 'model.safetensors'),
      new Map(parameterSpecs(config).map(({ name: tensor, dims }) => [tensor, { dims, data: weights.get(tensor)! }])),
    )
    return path
  }

  it('becomes a model with its checksums and licence, and a checkpoint where it speaks our vocabulary', async () => {
    const path = await model('tiny')
    expect((await lab.client.imports.inspect({ paths: [path] }))[0]).toMatchObject({ kind: 'model' })
    const brought = await bring({ paths: [path], name: 'mine' })
    const { modelId } = brought
    expect(brought).toMatchObject({ records: 1, rejected: [], datasetId: null, runId: null, record: { kind: 'model' } })
    const kept = (await lab.client.models.list()).find(({ id }) => id === modelId)!
    expect(kept).toMatchObject({
      name: 'mine',
      kind: 'huggingface',
      family: 'llama',
      config: { layers: 1, vocabSize: 416 },
      provenance: { licence: 'apache-2.0', dtypes: ['F32'] },
    })
    expect(kept.tokenizer).toEqual({ files: [], vocabSize: 416, task: 'countdown' })
    expect(existsSync(join(lab.folder, kept.path, 'checkpoint', 'weights.safetensors'))).toBe(true)
    expect(existsSync(join(lab.folder, kept.path, '.saving'))).toBe(false)
    expect(await readCheckpointMeta(join(lab.folder, kept.path, 'checkpoint'))).toMatchObject({
      made: 'from a Hugging Face folder',
      licence: 'apache-2.0',
    })
    await expect(bring({ paths: [path] })).rejects.toMatchObject({ code: 'model.known' })
    lab.events.length = 0
    await lab.client.models.remove({ modelId: kept.id })
    expect(existsSync(join(lab.folder, kept.path))).toBe(false)
    expect(changes()).toEqual([['models', [kept.id]]])
    await expect(lab.client.models.remove({ modelId: kept.id })).rejects.toMatchObject({ code: 'model.unknown' })
  })

  it('whose files are gone already can go as well', async () => {
    const { models } = lab.lab.workspaces.store()
    const { id: _id, ...like } = models.list()[0]!
    const modelId = models.add({ ...like, sha256: 'gone', path: 'models/gone' })
    await lab.client.models.remove({ modelId })
    expect(models.get(modelId)).toBeNull()
  })

  it('that lies elsewhere stays there when its record goes', async () => {
    const { models } = lab.lab.workspaces.store()
    const { id: _id, ...like } = models.list()[0]!
    mkdirSync(join(lab.folder, 'others', 'one'), { recursive: true })
    mkdirSync(join(folder, 'models', 'two'), { recursive: true })
    for (const [sha256, path, place] of [
      ['one', 'others/one', join(lab.folder, 'others', 'one')],
      ['two', join(folder, 'models', 'two'), join(folder, 'models', 'two')],
    ] as const) {
      await lab.client.models.remove({ modelId: models.add({ ...like, sha256, path }) })
      expect(existsSync(place)).toBe(true)
    }
  })

  it.each([
    ['another family', { model_type: 'gemma3', architectures: ['Gemma3ForCausalLM'] }, 'model.architecture', 'gemma3'],
    ['an output matrix that it does not have', { tie_word_embeddings: false }, 'model.tensors', 'none'],
    ['positions scaled in an unknown way', { rope_scaling: { rope_type: 'longrope', factor: 8 } }, 'model.architecture', 'longrope'],
    ['biases that it does not have', { attention_bias: true }, 'model.tensors', 'none'],
    ['a size that its weights do not have', { intermediate_size: 48 }, 'model.tensors', 'in model.safetensors'],
    ['no size at all', { hidden_size: null }, 'model.config', 'null'],
  ])('is refused with %s', async (what, changes, code, found) => {
    await expect(bring({ paths: [await model(`not ${what}`, changes)] })).rejects.toMatchObject({
      code,
      found: expect.stringContaining(found),
    })
  })
})
