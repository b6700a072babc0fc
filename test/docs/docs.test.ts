// The documentation is held to the program: the reference is what the program makes, links lead to files that are there, commands and their
// options exist, and those of the tutorial run as they stand.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { referencePage } from '../../src-main/lab/files/referencePage.ts'

const root = resolve(import.meta.dirname, '../..')
const cli = join(root, 'src-main/cli.ts')
const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8')
const run = (args: readonly string[], cwd = root) =>
  spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8', cwd, timeout: 110_000 })
const folder = mkdtempSync(join(tmpdir(), 'mrt-docs-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** `mrt` commands of a page, in blocks of sh and between backquotes, without their comments. */
const commandsOf = (page: string): string[][] =>
  [...textOf(page).matchAll(/npm run mrt -- ([^\n`#]+)/g)]
    .map(([, line]) => line!.trim().split(/\s+/))
    .filter(([name]) => name !== '--help')

it('the reference is what the program makes of its own tables', () => {
  expect(textOf('docs/reference.md')).toBe(referencePage())
})

it('every relative link and picture of every page leads to a file', () => {
  const broken = pages.flatMap((page) =>
    [...textOf(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
      .map(([, to]) => to!)
      .filter((to) => !existsSync(join(root, dirname(page), to)))
      .map((to) => `${page}: ${to}`),
  )
  expect(broken).toEqual([])
})

it('every command of every page exists, with every option that is written there', { timeout: 300_000 }, () => {
  const helps = new Map<string, string>()
  const wrong = pages.flatMap((page) =>
    commandsOf(page).flatMap(([name, ...words]) => {
      const sub = name === 'models' && /^[a-z]+$/.test(words[0] ?? '') ? [name, words[0]!] : [name!]
      const key = sub.join(' ')
      const { stdout, status } = helps.has(key) ? { stdout: helps.get(key)!, status: 0 } : run([...sub, '--help'])
      if (status !== 0) return [`${page}: there is no command ${key}`]
      helps.set(key, stdout)
      return words
        .filter((word) => word.startsWith('--'))
        .filter((option) => !new RegExp(`${option.split('=')[0]!.replace('--no-', '--(?:no-)?')}\\b`).test(stdout))
        .map((option) => `${page}: ${key} has no ${option}`)
    }),
  )
  expect(wrong).toEqual([])
})

describe('the commands of the tutorial, as they stand', () => {
  cpSync(join(root, 'resources/sample'), join(folder, 'workspace'), { recursive: true })
  it.each(commandsOf('docs/tutorial.md').map((command) => [command.join(' '), command] as const))('%s', (_line, command) => {
    const { status, stderr } = run(command, folder)
    expect(stderr).not.toContain('error')
    expect(status).toBe(0)
  })
})
