// `mrt tasks` and `mrt datasets` as a person runs them, and the page that is printed from the registry.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { exampleOf, tasksPage } from '../../src-main/lab/files/taskPage.ts'
import { tasks } from '../../src-main/tasks/registry.ts'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'mrt-tasks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function mrt(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'src-main/cli.ts'), ...args], {
    encoding: 'utf8',
    cwd: folder,
  })
  return { status, stdout, stderr, json: <T>() => JSON.parse(stdout.trim().split('\n').at(-1)!) as T }
}

interface Listed {
  readonly tasks: readonly {
    readonly name: string
    readonly levels: readonly { readonly id: string }[]
    readonly examples: readonly { readonly level: string; readonly question: string; readonly answers: readonly string[] }[]
  }[]
}

describe('mrt tasks', () => {
  it('names every task with its levels in the order of the dial, and asks a problem of each with its answer', () => {
    const { status, stdout, json } = mrt('tasks', '--json')
    expect(status).toBe(0)
    expect(json<Listed>().tasks.map(({ name }) => name)).toEqual(Object.keys(tasks))
    for (const { name, levels, examples } of json<Listed>().tasks) {
      expect(levels.map(({ id }) => id)).toEqual(tasks[name]!.levels.map(({ id }) => id))
      expect(examples.map(({ level }) => level)).toEqual(levels.map(({ id }) => id))
    }
    for (const [name, { levels, options }] of Object.entries(tasks))
      if (levels.length > 0) expect(stdout).toContain(`${name}: ${exampleOf(name, String(options.level!.default)).question}`)
  })

  it('shows one task with a problem of every level and what its teacher says', () => {
    const { stdout } = mrt('tasks', 'products')
    for (const text of ['2x1: 2 digits by 1 digit, 720 problems', 'How much is', '(a whole number) → ', 'Check with nines'])
      expect(stdout).toContain(text)
    expect(stdout.indexOf('2x2: ')).toBeLessThan(stdout.indexOf('3x2: '))
  })

  it('refuses a task that there is not and says which there are', () => {
    const { status, stderr } = mrt('tasks', 'chess')
    expect(status).toBe(2)
    expect(stderr).toMatch(/^error run\.task\n.*countdown, countdown-returns, arithmetic.*\n.*chess/)
  })

  it('prints the page of the documents, which is not stale', () => {
    expect(mrt('tasks', '--markdown').stdout).toBe(tasksPage())
    expect(readFileSync(join(root, 'docs/tasks.md'), 'utf8'), 'write it anew: npm run -s mrt -- tasks --markdown > docs/tasks.md').toBe(
      tasksPage(),
    )
  })
})

describe('mrt datasets', () => {
  it('says that there are none, and lists what was imported with its splits and grader', () => {
    const workspace = join(folder, 'workspace')
    const sums = Array.from({ length: 12 }, (_, i) =>
      JSON.stringify({ question: `How much is ${i} + ${i}?`, answer: String(2 * i), split: i < 9 ? 'train' : 'test' }),
    )
    writeFileSync(join(folder, 'sums.jsonl'), sums.join('\n'))
    expect(
      mrt('import', 'sums.jsonl', '--as', 'dataset', '--name', 'doubles', '--grader', 'integer', '--workspace', workspace).status,
    ).toBe(0)
    const { stdout, json } = mrt('datasets', '--json', '--workspace', workspace)
    expect(json<{ datasets: unknown[] }>().datasets).toEqual([
      expect.objectContaining({
        id: 1,
        name: 'doubles',
        kind: 'imported',
        problemCount: 12,
        splits: { train: 9, test: 3 },
        grader: 'integer',
      }),
    ])
    expect(stdout).toMatch(/1 +doubles +imported +.*train 9.* +integer/)
  })

  it('needs a workspace that is there', () => {
    expect(mrt('datasets', '--workspace', join(folder, 'nowhere')).status).not.toBe(0)
  })
})
