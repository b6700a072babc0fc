// Bringing data in from a terminal: real processes over files of every format, ending with one JSON object of what was found; and grading
// lines in order, hostile ones included.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'mrt-cli-data-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const cases = resolve(import.meta.dirname, '../data/cases')

interface Answer {
  readonly kind: string
  readonly rows: number
  readonly imported: number
  readonly rejected: readonly { readonly line: number; readonly reason: string }[]
  readonly roles: { readonly problem: string; readonly answer: string | null } | null
  readonly grader: string | null
}

function mrt(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [resolve(import.meta.dirname, '../../src-main/cli.ts'), ...args], {
    encoding: 'utf8',
    cwd: folder,
    input,
  })
  return {
    status,
    stdout,
    stderr,
    last: () => JSON.parse(stdout.trim().split('\n').at(-1)!) as Answer,
    lines: () =>
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { correct: boolean; extracted: string | null }),
  }
}
const imported = (...args: string[]) => mrt(['import', ...args, '--workspace', join(folder, 'workspace'), '--json'])

function file(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content)
  return name
}

describe('mrt import', () => {
  const gsm8k = '{"question": "2 + 2?", "answer": "four\\n#### 4"}\nnot json\n{"question": "1,000 + 1?", "answer": "#### 1,001"}\n'

  it('ends with what was found: kind, rows, rejected lines with reasons, roles and grader', () => {
    const { status, last } = imported(file('gsm8k.jsonl', gsm8k))
    expect(status).toBe(0)
    expect(last()).toMatchObject({
      kind: 'dataset',
      rows: 3,
      imported: 2,
      rejected: [{ line: 2, reason: expect.stringContaining('not valid JSON') }],
      roles: { problem: 'question', answer: 'answer' },
      grader: 'integer',
    })
  })

  it('reads the same out of a gzipped file', () => {
    expect(imported(file('gsm8k.jsonl.gz', gzipSync(gsm8k))).last()).toMatchObject({
      kind: 'dataset',
      rows: 3,
      imported: 2,
      grader: 'integer',
    })
  })

  it('takes columns by name from CSV with quotes and line breaks', () => {
    const csv = 'Ask,Gold\n"What is ""x"",\nif x = 2?",2\nWhat is 3?,3\nbad\n'
    expect(imported(file('m.csv', csv), '--map', 'problem=Ask,answer=Gold').last()).toMatchObject({
      rows: 3,
      imported: 2,
      rejected: [{ line: 5 }],
      roles: { problem: 'Ask', answer: 'Gold' },
    })
  })

  it.each([
    ['math500/good.jsonl', 'dataset'],
    ['verl-dataset/good.parquet', 'dataset'],
    ['trl/good', 'rollouts'],
  ])('knows %s for %s', (path, kind) => {
    expect(imported(join(cases, path)).last()).toMatchObject({ kind })
  })

  it('refuses a model of another family and a kind it does not know, each with its code', () => {
    file('config.json', '{"model_type": "gpt2"}')
    file('model.safetensors', Buffer.alloc(8))
    expect(imported('.', '--as', 'model').stderr).toMatch(/^error model\.architecture/m)
    const { status, stderr } = imported(file('x.jsonl', '{"a": 1}\n'), '--as', 'nonsense')
    expect([status, stderr.split('\n').find((line) => line.startsWith('error'))]).toEqual([2, 'error import.badAs'])
  })
})

describe('mrt grade', () => {
  it('answers lines in order, and a hostile expression is given up within its second', () => {
    const pairs = [
      { gold: '\\frac{1}{2}', answer: 'so the answer is \\boxed{0.5}' },
      { gold: '4', answer: '\\boxed{9^{9^{9^{9^{9}}}}}' },
      { gold: 'x^2-1', answer: '(x-1)(x+1)' },
      { gold: '(a+b)^{30}', answer: '\\boxed{\\sum_{k=1}^{10^{12}} \\sin(k x)^{k}}' },
      { gold: '1,001', answer: '1001' },
    ]
    const began = performance.now()
    const { status, lines } = mrt(['grade', '--grader', 'math', '--json'], pairs.map((pair) => JSON.stringify(pair)).join('\n'))
    expect(status).toBe(0)
    expect(lines().map(({ correct }) => correct)).toEqual([true, false, true, false, true])
    expect(lines()[0]).toMatchObject({ extracted: '0.5' })
    // Two hostile lines of a second each, and what starting a process and its worker costs on a busy machine.
    expect(performance.now() - began).toBeLessThan(20_000)
  })
})
