// The map of the paper is held to the program: every preset, study, arm, option, setting, metric and file that it names is there.
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { specFields } from '../../src-preload/contract.ts'
import { metricDescriptions } from '../../src-main/lab/process/glossary.ts'
import { studyPresets } from '../../src-main/lab/study/presets.ts'
import { allPresets } from '../../src-main/lab/training/textPresets.ts'
import { taskNames } from '../../src-main/tasks/registry.ts'
import { algorithmNames, algorithms } from '../../src-main/rl/algorithms.ts'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/paper.md'), 'utf8')
const codes = [...page.matchAll(/`([^`]+)`/g)].map(([, code]) => code!)
const matches = (pattern: RegExp): string[] => codes.flatMap((code) => [...code.matchAll(pattern)].map(([, found]) => found!))

it('names presets that are there, in commands and by themselves', () => {
  const named = [...matches(/--preset ([\w-]+)/g), ...matches(/^(countdown-[\w-]+|returns-[\w-]+)$/g)].filter(
    (name) => !taskNames.includes(name),
  )
  expect(named.length).toBeGreaterThan(8)
  expect(named.filter((name) => !Object.hasOwn(allPresets, name))).toEqual([])
})

it('names studies that are there, and every one of them', () => {
  const named = new Set(matches(/mrt -- study ([\w-]+)/g))
  expect([...named].filter((name) => !Object.hasOwn(studyPresets, name))).toEqual([])
  expect(Object.keys(studyPresets).filter((name) => !named.has(name))).toEqual([])
})

it('names arms of studies, files, algorithms, options, settings and metrics that are there', () => {
  const arms = new Set(Object.values(studyPresets).flatMap((study) => study.arms.map(({ key }) => key)))
  expect(matches(/^(length-[\d.]+)$/g).filter((arm) => !arms.has(arm))).toEqual([])
  expect(matches(/^((?:src-main|test|docs)\/[\w./-]+)$/g).filter((path) => !existsSync(join(root, path)))).toEqual([])
  expect(matches(/^((?:mrt|regret)-exact)$/g).filter((name) => !(algorithmNames as readonly string[]).includes(name))).toEqual([])
  const options = new Set(Object.values(algorithms).flatMap(({ options: table }) => Object.keys(table)))
  const fields = new Set(specFields.map(({ path }) => path))
  const set = matches(/--set ([\w.]+)=/g)
  expect(set.length).toBeGreaterThan(3)
  expect(
    set.filter(
      (path) => !(path.startsWith('algorithm.options.') ? options.has(path.slice('algorithm.options.'.length)) : fields.has(path)),
    ),
  ).toEqual([])
  const metrics = new Set(metricDescriptions.map(({ name }) => name))
  expect(matches(/^((?:ttc|completions|mrt)\/[\w@<>]+)$/g).filter((name) => !metrics.has(name))).toEqual([])
})

it('says of every row of claims what was seen', () => {
  const [, claims] = page.split('## Claims and figures')
  const rows = claims!.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---') && !line.startsWith('| claim'))
  expect(rows.length).toBeGreaterThan(10)
  const silent = rows.filter((row) => row.split(' | ').length < 3 && !row.includes('not here'))
  expect(silent).toEqual([])
})

it('prints the short runs of imitation as their record has them, and says of them what the record says', () => {
  const { rows } = JSON.parse(readFileSync(join(root, 'resources/study/imitation-short.json'), 'utf8')) as {
    readonly rows: readonly { readonly arm: string; readonly metrics: Readonly<Record<string, number>> }[]
  }
  const printed = rows.map(
    ({ arm, metrics }) =>
      `| ${arm} | ${(metrics['ttc/acc@120']! * 100).toFixed(1)} % | ${metrics['ttc/regret@120']!.toFixed(3)} | ${metrics['ttc/thinking_tokens']!.toFixed(0)} | ${(metrics['ttc/kept_acc@360']! * 100).toFixed(1)} % |`,
  )
  expect(page).toContain(printed.join('\n'))
  const of = (arm: string, metric: string): number => rows.find((row) => row.arm.includes(arm))!.metrics[metric]!
  const [regret, thinking] = ['ttc/regret@120', 'ttc/thinking_tokens']
  expect(Math.abs(of('`countdown-mrt-star`', regret!) - of('start', regret!))).toBeLessThan(0.01)
  expect(of('`countdown-mrt-star`', thinking!) / of('start', thinking!)).toBeCloseTo(2 / 3, 1)
  expect(of('shuffled', regret!)).toBeGreaterThan(of('start', regret!) + 0.05)
  for (const { metrics } of rows.slice(1)) expect(metrics['ttc/kept_acc@360']!).toBeLessThan(of('start', 'ttc/kept_acc@360'))
})
