// Files as people have them, made after what was reported of other tools: each sentence says what is right for one, and the file is
// imported by the importer that everybody uses.

import { readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import type { DatasetRow } from '../../src-main/data/datasets/normalise.ts'
import { answerPart, readThinking } from '../../src-main/episodes/thinking.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import type { ImportOptions } from '../../src-main/data/converter.ts'
import type { ImportReport } from '../../src-main/data/importFiles.ts'
import { previewImport } from '../../src-main/data/preview.ts'
import { extractAnswer } from '../../src-main/tasks/graders/extract.ts'
import { newFolder } from './files.ts'

const root = join(import.meta.dirname, 'inputs')

async function imported(
  name: string,
  options: ImportOptions = {},
): Promise<{ report: ImportReport; rollouts: CanonicalRollout[]; problems: DatasetRow[]; notes: string[] }> {
  const entries = readdirSync(join(root, name)).sort()
  const job = importFiles(
    entries.length === 1 || name === 'id-collision-benchmarks' ? entries.map((entry) => join(root, name, entry)) : [join(root, name)],
    options,
  )
  const rollouts: CanonicalRollout[] = []
  const problems: DatasetRow[] = []
  for await (const batch of job) {
    if (batch.kind === 'rollouts') rollouts.push(...batch.rows)
    if (batch.kind === 'dataset') problems.push(...batch.rows)
  }
  const report = job.report()
  expect(report.rows).toBe(report.imported + report.rejectedRows)
  return { report, rollouts, problems, notes: [...report.notes, ...report.files.flatMap((file) => file.notes)].map(({ code }) => code) }
}

const problemsOf = (rollouts: readonly CanonicalRollout[]): number => new Set(rollouts.map(({ promptId }) => promptId)).size

describe('identity', () => {
  it('keeps two benchmarks apart that both count their ids from 0', async () => {
    const { rollouts, report, notes } = await imported('id-collision-benchmarks')
    expect(rollouts.map(({ prompt, groundTruth }) => [prompt, groundTruth])).toEqual([
      ['Find 3^4.', '81'],
      ['Find 3^5.', '243'],
      ['How many legs has a dog?', '4'],
      ['How many legs has a bird?', '2'],
    ])
    expect(problemsOf(rollouts)).toBe(4)
    expect(report.identity).toMatchObject({ by: 'prompt', byPrompt: 4, byId: 2, collisions: 2 })
    expect(report.identity!.examples[0]).toContain('How many legs has a dog?')
    expect(notes).toContain('id.collides')
  })

  it('joins them when the person says that ids are identity, and keeps what each row said with the row', async () => {
    const { rollouts } = await imported('id-collision-benchmarks', { identity: 'id' })
    expect(problemsOf(rollouts)).toBe(2)
    expect(rollouts[2]!.extra).toMatchObject({ own_prompt: 'How many legs has a dog?', own_ground_truth: '4' })
  })

  it('takes rows with a running number and the same prompt for samples of one problem', async () => {
    const { rollouts, report } = await imported('running-row-id')
    expect(Object.values(Object.groupBy(rollouts, ({ promptId }) => promptId!)).map((group) => group!.length)).toEqual([4, 4])
    expect(report.identity).toMatchObject({ byPrompt: 2, byId: 8, running: 2 })
    expect(problemsOf((await imported('running-row-id', { identity: 'id' })).rollouts)).toBe(8)
  })

  it('shows both readings before anything is kept', async () => {
    const { identity, notes } = await previewImport(join(root, 'running-row-id', 'gen.jsonl'))
    expect(identity).toMatchObject({ byPrompt: 2, byId: 8, running: 2 })
    expect(identity!.examples[0]).toMatch(/"What is 0\+1\?" has the ids 0 and 1/)
    expect(notes.map(({ code }) => code)).toContain('id.running')
  })

  it('keeps train and eval rollouts of a step apart that share their example ids', async () => {
    const { rollouts } = await imported('prime-rl-train-eval')
    expect(rollouts.map(({ split, step, prompt, groundTruth }) => [split, step, prompt, groundTruth])).toEqual([
      ['eval', 3, 'What is 50+50?', '100'],
      ['eval', 3, 'What is 60+60?', '120'],
      ['train', 3, 'What is 4+4?', '8'],
      ['train', 3, 'What is 4+4?', '8'],
    ])
    expect(problemsOf(rollouts)).toBe(3)
  })

  it('turns away the copies of a problem and says of which', async () => {
    const { report, problems } = await imported('dapo-duplicated')
    expect([problems.length, report.rejectedByCode]).toEqual([4, { 'row.duplicate': 16 }])
  })
})

describe('roles', () => {
  it('take a column called answer for the completion where it is what the model wrote and the gold is beside it', async () => {
    const { rollouts } = await imported('matharena-outputs')
    expect(rollouts.map(({ groundTruth, correct }) => [groundTruth, correct])).toEqual([
      ['6', false],
      ['6', true],
      ['24', false],
      ['24', true],
    ])
    expect(rollouts[0]!.completion).toMatch(/^Counting 3 to 20/)
    expect(problemsOf(rollouts)).toBe(2)
  })

  it('take a list of responses with a list of scores for as many rollouts', async () => {
    const { rollouts } = await imported('n-samples-per-row')
    expect(rollouts.map(({ completion, reward, groundTruth, sampleIndex }) => [completion, reward, groundTruth, sampleIndex])).toEqual([
      ['\\boxed{3}', 1, '3', 0],
      ['\\boxed{4}', 0, '3', 1],
    ])
  })

  it('never take proof or notfound for an answer', async () => {
    const { report, problems } = await imported('numina15-sentinels')
    expect([problems.map(({ answer }) => answer), report.rejectedByCode, report.dataset!.grader.grader]).toEqual([
      ['6'],
      { 'row.noAnswer': 2 },
      'integer',
    ])
  })

  it('find the expected answer of OpenMathReasoning, and turn away the row that has none', async () => {
    const { report, problems } = await imported('openmathreasoning')
    expect([problems.map(({ answer }) => answer), report.rejectedRows]).toEqual([['\\frac{1}{3}'], 1])
  })

  it('letter the choices of GPQA, wrong ones in columns of their own, and take the letter for the answer', async () => {
    const { problems, report } = await imported('gpqa-csv')
    expect(report.dataset!.grader.grader).toBe('choice')
    expect(problems[0]!.problem.split('\n').find((line) => line.endsWith('. Hydrogen'))![0]).toBe(problems[0]!.answer)
    for (const gas of ['Helium', 'Neon', 'Argon']) expect(problems[0]!.problem).toContain(gas)
  })

  it('ask for the answer of Alpaca, and put instruction and input together once it is named', async () => {
    await expect(imported('alpaca')).rejects.toMatchObject({ code: 'import.noAnswer' })
    const { problems } = await imported('alpaca', { as: 'dataset', map: { answer: 'output' } })
    expect(problems.map(({ problem, answer }) => [problem, answer])).toEqual([
      ['Solve the equation for x.\n\n2x = 10', '5'],
      ['Solve the equation for x.\n\n3x = 12', '4'],
    ])
  })

  it('name every column that has no role, and keep it with the problem', async () => {
    const { report } = await imported('openmathreasoning')
    expect(report.files[0]!.notes.find(({ code }) => code === 'columns.unused')!.detail).toContain('generated_solution')
    expect((await imported('openmathreasoning')).problems[0]!.extra).toMatchObject({
      generation_model: 'R',
      pass_rate_72b_tir: '0.625',
      generated_solution: expect.stringContaining('</think>'),
    })
  })

  it('read dotted columns and decimal answers as they are', async () => {
    expect((await imported('json-normalize-dotted')).problems.map(({ answer }) => answer)).toEqual(['0', '2', '4', '6', '8', '10'])
    expect((await imported('parquet-float-answers')).problems.slice(0, 2).map(({ answer }) => answer)).toEqual(['27', '3.5'])
  })
})

describe('text', () => {
  it('keeps the reasoning of a message wherever it is written', async () => {
    expect((await imported('reasoning-content-null')).rollouts.map(({ completion }) => completion)).toEqual([
      '<think>6*7=42</think>',
      '<think>48 it is. Wait.</think>\\boxed{48}',
      '<think>54.</think>\\boxed{54}',
    ])
  })

  it('reads the thinking of every family of models', async () => {
    const { rollouts } = await imported('think-variants')
    const answers = Object.fromEntries(
      rollouts.map(({ promptId, completion }) => [promptId, extractAnswer(completion!)?.replace('<|im_end|>', '') ?? null]),
    )
    expect(answers).toEqual({
      'no-open': '42',
      unclosed: null,
      'two-blocks': '2',
      'empty-think': '8',
      'mentions-tag': '6',
      'trailing-close': '9',
      harmony: '7',
      mistral: '11',
      im_end: '12',
      kimi: '3',
    })
    expect(readThinking(rollouts.find(({ promptId }) => promptId === 'unclosed')!.completion!).closed).toBe(false)
  })

  it('reads conversations that end with the model as rollouts, one line or many', async () => {
    const { rollouts } = await imported('chatml-messages-reasoning')
    expect(rollouts.map(({ prompt, completion }) => [prompt, completion])).toEqual([
      ['What is 12*12?', '<think>k*12. Wait, yes.</think>\\boxed{144}'],
      ['What is 13*12?', '<think>k*12. Wait, yes.</think>\\boxed{156}'],
    ])
    expect((await imported('one-row-messages')).rollouts.map(({ prompt, completion }) => [prompt, completion])).toEqual([
      ['What is 12*12?', '\\boxed{144}'],
    ])
  })

  it('reads ShareGPT: the problem is the turn of the user, the answer what follows the thought', async () => {
    const { rollouts } = await imported('sharegpt-conversations')
    expect(rollouts.map(({ prompt, completion }) => [prompt, answerPart(completion!).trim()])).toEqual([
      ['What is 12*12?', '\\boxed{144}'],
      ['What is 13*13?', '\\boxed{169}'],
    ])
    expect(rollouts[0]!.promptMessages![0]).toEqual({ role: 'system', content: 'Think first.' })
  })
})

describe('splits and steps', () => {
  it('come from the names of the files of a Hugging Face repository', async () => {
    const { problems } = await imported('hf-repo-folder')
    expect(problems.map(({ split }) => split).sort()).toEqual(['test', 'train', 'train', 'train'])
  })

  it('come from the folders of MATH, whose subject is a slice', async () => {
    const { problems } = await imported('math-original-folder')
    expect(problems.map(({ split, slices }) => [split, slices.type])).toEqual([
      ['test', 'Algebra'],
      ['test', 'Geometry'],
      ['train', 'Algebra'],
    ])
  })
})

describe('tables of other programs', () => {
  it('Feather is read as any table', async () => {
    expect((await imported('arrow-feather')).problems.map(({ problem, answer }) => [problem, answer])).toEqual([['What is 1+2?', '3']])
  })

  it('Parquet of every making gives what its writer put in: split streams of bytes, lists of lists, nulls in decimals and lists', async () => {
    const { report, problems } = await imported('parquet-zoo2', { keepDuplicates: true })
    expect(report.files.map(({ path, rows }) => [basename(path), rows])).toEqual([
      ['bss.parquet', 3],
      ['empty.parquet', 0],
      ['listlist.parquet', 1],
      ['polars-nulldec.parquet', 3],
      ['polars-nulllist.parquet', 4],
    ])
    expect(problems.map(({ raw: { question: _question, answer: _answer, ...rest } }) => rest)).toEqual([
      { f: 1.5 },
      { f: 2.5 },
      { f: 3.5 },
      { x: [['p', 'q'], []] },
      { d: null },
      { d: { a: null } },
      { d: { a: 1.25 } },
      { description: null },
      { description: [{ l: 'en', t: 'hello' }] },
      { description: [{ l: 'en', t: 'hi' }] },
      { description: null },
    ])
  })
})

describe('what others write', () => {
  it('lm-evaluation-harness: a rollout a document, of one filter, the others named', async () => {
    const { rollouts, report } = await imported('lmeval-samples')
    expect(rollouts.map(({ groundTruth, correct, extractedAnswer }) => [groundTruth, correct, extractedAnswer])).toEqual([
      ['24', true, '24'],
      ['23', false, undefined],
    ])
    expect(report.rejectedByCode).toEqual({ 'row.otherFilter': 2 })
    expect(rollouts[0]!.prompt).toMatch(/^Question: A shop/)
    expect((await imported('lmeval-samples', { map: { filter: 'flexible-extract' } })).rollouts[1]!.extractedAnswer).toBe('$23.00.')
  })

  it('Inspect: reasoning, scores C and I, tokens', async () => {
    const { rollouts } = await imported('inspect-json')
    expect(
      rollouts.map(({ completion, correct, groundTruth, completionTokens }) => [completion, correct, groundTruth, completionTokens]),
    ).toEqual([
      ['<think>6*7=42</think>ANSWER: 42', true, '42', 31],
      ['<think>9+5... 15</think>ANSWER: 15', false, '14', expect.any(Number)],
    ])
  })

  it('batches of API calls: reasoning and ends as stated, a failed call with its error', async () => {
    const { rollouts, report } = await imported('openai-batch')
    expect(rollouts.map(({ promptId, completion, finishReason }) => [promptId, completion, finishReason])).toEqual([
      ['aime-2', '<think>Wait, 6*7=42.</think>\\boxed{42}', 'stop'],
      ['aime-1', '<think>too long</think>', 'length'],
    ])
    expect(report.rejected[0]!.reason).toContain('context length exceeded')
  })

  it('W&B tables and pandas by row', async () => {
    expect((await imported('wandb-table')).rollouts.map(({ step, completion, correct }) => [step, completion, correct])).toEqual([
      [30, 'It is \\boxed{2}', true],
      [30, 'It is \\boxed{3}', false],
    ])
    expect((await imported('pandas-orient-index')).problems.map(({ problem, answer }) => [problem, answer])).toEqual([
      ['What is 8*8?', '64'],
      ['What is 8*9?', '72'],
    ])
  })

  it('verl: verdicts written as words, several accepted answers, and the record they came in', async () => {
    const { rollouts } = await imported('verl-default-str')
    expect(rollouts.map(({ correct }) => correct)).toEqual([true, false, true, true])
    expect(rollouts[2]).toMatchObject({ groundTruth: ['Paris', 'paris'], extra: { gts: { target: ['Paris', 'paris'] } } })
  })

  it('TRL: no verdict where the reward is null, every logged column kept, no end invented', async () => {
    const { rollouts } = await imported('trl-log-extra')
    expect(rollouts.map(({ correct, finishReason }) => [correct, finishReason])).toEqual([
      [true, undefined],
      [false, undefined],
      [undefined, undefined],
      [undefined, undefined],
    ])
    expect(rollouts[1]!.extra).toMatchObject({ gold_parsed: "[15, '15']", answer_parsed: '[]' })
  })
})

describe('a folder', () => {
  it('leaves out by name what is neither problems nor rollouts, and brings the rest', async () => {
    const folder = newFolder()
    writeFileSync(join(folder, 'card.json'), '{"license": "mit", "homepage": "example.org"}')
    writeFileSync(join(folder, 'test.jsonl'), '{"question": "1+1?", "answer": "2"}\n')
    const job = importFiles([folder])
    const splits: (string | undefined)[] = []
    for await (const { rows } of job) splits.push(...(rows as readonly DatasetRow[]).map(({ split }) => split))
    expect(splits).toEqual(['test'])
    expect(job.report().notes).toMatchObject([{ code: 'file.skipped', detail: expect.stringContaining('card.json') }])
  })
})

describe('columns without a role', () => {
  const rows = (column: string, values: readonly unknown[]): string => {
    const path = join(newFolder(), 'data.jsonl')
    writeFileSync(
      path,
      values
        .map((value, at) => `${JSON.stringify({ question: `Which of ${at + 2} words is the odd one, and why?`, [column]: value })}\n`)
        .join(''),
    )
    return path
  }
  async function notesOf(path: string): Promise<string[]> {
    const job = importFiles([path], { as: 'dataset' })
    for await (const _ of job);
    return job.report().files[0]!.notes.flatMap(({ code, detail }) => (code === 'answer.classes' ? [detail ?? ''] : []))
  }

  it('are told of where an answer is only the number of a class', async () => {
    expect(await notesOf(rows('label', [0, 2, 1]))).toEqual(['label holds 0, 1, 2'])
    expect(
      await notesOf(
        rows(
          'answer',
          Array.from({ length: 16 }, (_, at) => at % 4),
        ),
      ),
    ).toEqual(['answer holds 0, 1, 2, 3'])
  })

  it('are left in peace where answers are small numbers', async () => {
    expect(await notesOf(rows('answer', [3, 1, 2, 7, 9, 4]))).toEqual([])
    expect(await notesOf(rows('label', ['5', '4', '7']))).toEqual([])
    expect(
      await notesOf(
        rows(
          'answer',
          Array.from({ length: 16 }, (_, at) => String(at % 4)),
        ),
      ),
    ).toEqual([])
  })

  it('stay with the problem: what a role took is not there twice, and what it took a part of is there in full', async () => {
    const { problems } = await imported('gpqa-csv')
    expect(problems[0]!.extra).toEqual({
      'Correct Answer': 'Hydrogen',
      'Incorrect Answer 1': 'Helium',
      'Incorrect Answer 2': 'Neon',
      'Incorrect Answer 3': 'Argon',
      Explanation: 'mass',
      'Record ID': 'rec1',
    })
    expect((await imported('math-original-folder')).problems[0]!.extra).toEqual({ solution: 'We get $\\boxed{2x}$.' })
    expect((await imported('csv-excel-utf16')).problems[0]!.extra).toBeUndefined()
  })
})
