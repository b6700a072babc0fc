// What the first page of the repository and the first page of the program say must follow from what ships: counts from the sample, methods from
// the presets, commands and folders from the program, and every measured figure from docs/results.md.
import Database from 'better-sqlite3'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { presets, quickstartPresets } from '../../src-main/lab/training/presets.ts'
import { allPresets } from '../../src-main/lab/training/textPresets.ts'
import { algorithms } from '../../src-main/rl/algorithms.ts'
import { studyPresets } from '../../src-main/lab/study/presets.ts'

const root = resolve(import.meta.dirname, '../..')
const text = (path: string): string => readFileSync(join(root, path), 'utf8')
const readme = text('README.md')
const results = text('docs/results.md')
const home = ['Home.svelte', 'home/QuickstartPanel.svelte', 'home/Places.svelte', 'home/Story.svelte']
  .map((name) => text(`src-renderer/pages/${name}`).replace(/<style>[\s\S]*<\/style>/, ''))
  .join('\n')
const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve', 'thirteen']

const sample = (() => {
  const db = new Database(join(root, 'resources/sample/workspace.db'), { readonly: true })
  try {
    return db.prepare("SELECT count(*) AS runs, count(DISTINCT method) AS methods FROM runs WHERE status = 'finished'").get() as {
      runs: number
      methods: number
    }
  } finally {
    db.close()
  }
})()

/** Figures that a measurement gives: shares, points, ratios, p-values. A share of a budget or a level of confidence in an explanation has none of these forms. */
const measured = (of: string): string[] =>
  [...of.matchAll(/[+−-]?\d+(?:\.\d+)? ?(?:%|points?\b|×|times (?:the|fewer|its))|\bp ?[=<] ?0?\.\d+|\b0\.\d{3}\b/g)].map(
    ([figure]) => figure,
  )

describe('README.md', () => {
  it('counts the runs that ship as there are', () =>
    expect(readme).toContain(`it shows ${words[sample.runs]} finished runs that ship with it`))

  it('names the methods that the quickstart trains, and how many', () => {
    const chosen = quickstartPresets.map((name) => presets[name]!)
    expect(readme).toContain(`\`npm run quickstart\` trains ${words[chosen.length]} runs`)
    expect(readme).toContain('trains outcome RL, a length penalty and MRT-exact')
    expect(chosen.map(({ spec }) => spec.algorithm.name)).toEqual(['dr-grpo', 'length-penalty', 'mrt-exact'])
    expect(readme).toContain(`*Start ${chosen.length} runs*`)
  })

  it('gives no measured figure that docs/results.md does not', () =>
    expect(measured(readme).filter((figure) => !results.includes(figure))).toEqual([]))

  it('names folders and pages that are there, and options, presets and arms that the program takes', () => {
    for (const [, path] of readme.matchAll(/\]\((docs\/[^)#]+)\)/g)) expect(existsSync(join(root, path!)), path).toBe(true)
    for (const [, path] of readme.matchAll(/`((?:src-main|src-renderer|src-preload|native)\/[\w./-]*)`/g))
      expect(existsSync(join(root, path!.replace(/\/$/, ''))), path).toBe(true)
    for (const [, name] of readme.matchAll(/--preset ([\w-]+)/g)) expect(Object.keys(allPresets)).toContain(name)
    for (const [, option] of readme.matchAll(/algorithm\.options\.(\w+)/g))
      expect(
        Object.values(algorithms).some(({ options }) => Object.hasOwn(options, option!)),
        option,
      ).toBe(true)
    for (const [, study, , arms] of readme.matchAll(/-- study (\w[\w-]*)([^\n#]*?)--arms ([\w.,-]+)/g))
      for (const arm of arms!.split(',')) expect(studyPresets[study!]!.arms.map(({ key }) => key)).toContain(arm)
  })
})

it('README.md and package.json ask for the same Node, and the pinned one that is brought is newer', () => {
  const { engines } = JSON.parse(text('package.json')) as { engines: { node: string } }
  const least = /^>=(\d+)$/.exec(engines.node)![1]!
  expect(readme).toContain(`Node ${least} or newer`)
  const { optionalDependencies } = JSON.parse(text('tools/node/package.json')) as { optionalDependencies: Record<string, string> }
  for (const version of Object.values(optionalDependencies)) {
    expect(Number.parseInt(version)).toBeGreaterThan(Number(least))
    expect(readme).toContain(`the pinned Node ${Number.parseInt(version)}`)
  }
})

describe('Home', () => {
  it('offers as many finished runs as the sample has', () => expect(home).toContain(`Look at ${words[sample.runs]} finished runs`))
  it('says of the quickstart how many methods it trains', () =>
    expect(home).toContain(`with ${words[quickstartPresets.map((name) => presets[name]!).length]} methods on the same problems`))
  it('holds no measured figure of its own: what it shows is read from the workspace', () =>
    expect(measured(home.replace(/<script[\s\S]*?<\/script>/g, ''))).toEqual([]))
  it('lets no preset promise a result', () => expect(Object.values(presets).flatMap(({ about }) => measured(about))).toEqual([]))
})
