// The table of presets: what a comparison of them compares is the method and nothing beside it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runSpec } from '../../src-preload/contract.ts'
import { presetNames, presetSpec } from '../../src-main/lab/answers/choices.ts'
import { describeAlgorithms, describePresets, describeTasks } from '../../src-main/lab/training/describe.ts'
import { presets, QUICKSTART_DEFAULTS, quickstartPresets } from '../../src-main/lab/training/presets.ts'
import { returnsPresets } from '../../src-main/lab/training/returnsPresets.ts'
import { allPresets, textPresets } from '../../src-main/lab/training/textPresets.ts'
import { studyPresets } from '../../src-main/lab/study/presets.ts'
import { presetNamed } from '../../src-main/lab/answers/studyAnswers.ts'
import type { StudyRecord } from '../../src-main/lab/study/record.ts'
import { createMethod } from '../../src-main/rl/algorithms.ts'
import { inertOptions } from '../../src-main/rl/options.ts'

const armsOf = (table: typeof presets) =>
  Object.entries(table).map(([id, { spec }]) => ({
    id,
    spec: runSpec.parse(spec),
    method: createMethod(spec.algorithm.name, spec.algorithm.options),
  }))
const arms = armsOf(presets)
const rewarded = arms.filter(({ spec }) => spec.algorithm.name !== 'sft')

describe('the presets', () => {
  it('share task, start, steps, sampling, budget, optimizer and batch: only the algorithm and the name differ', () => {
    const rest = ({ name: _name, algorithm: _algorithm, ...others }: (typeof arms)[number]['spec']) => others
    for (const { spec } of arms) expect(rest(spec)).toEqual(rest(arms[0]!.spec))
  })

  it('share it on a model of text too', () => {
    const [first, ...others] = armsOf(textPresets)
    const rest = ({ name: _name, algorithm: _algorithm, ...shared }: (typeof arms)[number]['spec']) => shared
    for (const { spec, method } of others) {
      expect(rest(spec)).toEqual(rest(first!.spec))
      expect(method.algorithm.loss(method.options).klBeta).toBe(0)
    }
  })

  it('share the weight of KL', () => {
    for (const { id, method } of rewarded) expect([id, method.algorithm.loss(method.options).klBeta]).toEqual([id, 0])
  })

  it('hold the arms of a comparison: outcome RL, DAPO, the length penalty, every form of MRT and its four controls', () => {
    const wanted = [
      'countdown-outcome',
      'countdown-dapo',
      'countdown-length-penalty',
      'countdown-mrt-exact',
      'countdown-mrt-exact-centred',
      'countdown-mrt-online',
      'countdown-mrt-pooled',
      'countdown-control-shuffled',
      'countdown-control-charge',
      'countdown-control-constant',
      'countdown-control-random',
    ]
    expect(Object.keys(allPresets)).toEqual(expect.arrayContaining(wanted))
  })

  it('set no option that changes nothing, and differ from one another', () => {
    for (const { id, method } of arms) expect([id, inertOptions(method.algorithm.options, method.options)]).toEqual([id, []])
    const methods = arms.map(({ method }) => JSON.stringify([method.algorithm.name, method.options]))
    expect(new Set(methods).size).toBe(methods.length)
  })

  it('are each called something, in words that no other has, and say in a sentence what they show', () => {
    const all = Object.values(allPresets)
    for (const { title, about, spec } of all) {
      expect(title).toMatch(/\S/)
      expect(about).toMatch(/^\S.*\.$/)
      expect(spec.name).toMatch(/\S/)
    }
    for (const table of [presets, textPresets, returnsPresets]) {
      const each = Object.values(table)
      for (const of of [each.map(({ title }) => title), each.map(({ about }) => about), each.map(({ spec }) => spec.name)])
        expect(new Set(of).size).toBe(of.length)
    }
    expect(new Set(all.map(({ title }) => title)).size).toBe(all.length)
  })

  it('set these options beside their algorithm: what was published of them was made so', () => {
    const set = Object.fromEntries(
      Object.entries(presets).flatMap(([id, { spec }]) => (spec.algorithm.options === undefined ? [] : [[id, spec.algorithm.options]])),
    )
    const bare = { klBeta: 0 }
    expect(set).toEqual({
      'countdown-length-penalty': { ...bare, alpha: 0.2 },
      'countdown-mrt-exact-centred': { centre: 'group' },
      'countdown-control-shuffled': { control: 'shuffled' },
      'countdown-control-charge': { control: 'charge' },
      'countdown-control-constant': { control: 'constant' },
      'countdown-control-random': { control: 'random' },
      'countdown-l1-exact': bare,
      'countdown-l1-max': bare,
      'countdown-cosine': bare,
      'countdown-mrt-star-shuffled': { control: 'shuffled' },
      'countdown-igpo': bare,
      'countdown-vine-ppo': bare,
      'countdown-pav': bare,
      'countdown-brpo': { answerShare: 0.1 },
      'countdown-regret-exact-answers': { answerGradient: 'exact' },
      'countdown-regret-exact-lean': { keptGroups: 0.25, cutShare: 0.5 },
      'countdown-grpo': bare,
    })
    expect(Object.entries(textPresets).map(([id, { spec }]) => [id, spec.algorithm])).toEqual([
      ['gsm-lora', { name: 'mrt-exact' }],
      ['gsm-lora-mrt-online', { name: 'mrt-online', options: { ...bare, branches: 4 } }],
      ['gsm-lora-outcome', { name: 'dr-grpo' }],
      ['gsm-lora-length-penalty', { name: 'length-penalty', options: { ...bare, alpha: 0.2 } }],
    ])
  })

  it('on a model of text fit a coffee break: few and short rollouts, and adapters', () => {
    const { name: _name, algorithm: _algorithm, ...shared } = textPresets['gsm-lora']!.spec
    expect(shared).toEqual({
      start: 'model:smollm2-135m',
      task: { name: 'arithmetic', options: { level: '2' } },
      format: { examples: 2 },
      adapters: { rank: 16, alpha: 32 },
      steps: 20,
      promptsPerStep: 4,
      groupSize: 8,
      observeGroups: 1,
      microbatchTokens: 1024,
      checkpointEvery: 5,
      sampling: { temperature: 0.8 },
      budget: { thinkingTokens: 48, answerTokens: 8 },
      optimizer: { lr: 2e-4 },
      evaluation: { problems: 48, samples: 2, budgets: [8, 16, 24, 32, 48], longest: 96, counted: 'thinking' },
    })
  })

  it('of a search with returns ask that task at its usual level; warm starts imitate, gently, and differ in their pairs', () => {
    const told = Object.entries(returnsPresets).map(
      ([
        id,
        {
          spec: { name: _name, ...spec },
        },
      ]) => [id, spec],
    )
    const task = (options: object = {}) => ({ name: 'countdown-returns', options: { level: '3', ...options } })
    const warm = { steps: 60, optimizer: { lr: 3e-4 }, observeGroups: 2, algorithm: { name: 'sft' } }
    expect(told).toEqual([
      ['returns-warm', { task: task(), ...warm }],
      ['returns-warm-beginning', { task: task({ pairs: 'beginning' }), ...warm }],
      ...['outcome', 'mrt-exact', 'mrt-star', 'rise'].map((name) => [
        `returns-${name}`,
        { task: task(), algorithm: { name: name === 'outcome' ? 'dr-grpo' : name } },
      ]),
    ])
  })

  it('lead a newcomer to outcome RL, a length penalty and MRT-exact, in minutes', () => {
    expect(quickstartPresets).toEqual(['countdown-outcome', 'countdown-length-penalty', 'countdown-mrt-exact'])
    expect(QUICKSTART_DEFAULTS).toEqual({ steps: 30, seeds: 1, evaluationProblems: 256, evaluationSamples: 2 })
  })

  it("take the paper's MRT as it is: progress uncentred", () => {
    expect(createMethod('mrt-exact').options.centre).toBe('none')
    expect(createMethod('mrt-online').options.centre).toBe('none')
  })

  it('are described with what they are for, their method, and whether a newcomer is led to them', () => {
    const described = describePresets()
    for (const { id, title, about, method, spec } of described) {
      expect([title, about]).toEqual([allPresets[id]!.title, allPresets[id]!.about])
      expect(method).toBe(createMethod(spec.algorithm.name).algorithm.method)
    }
    const first = described.filter(({ quickstart }) => quickstart).map(({ id }) => id)
    expect(first).toEqual(expect.arrayContaining([...quickstartPresets]))
    expect(first).toHaveLength(quickstartPresets.length)
  })

  it('are described with every default filled in', () => {
    expect(describePresets().map(({ id }) => id)).toEqual(Object.keys(allPresets))
    for (const { spec, id } of describePresets()) expect(spec).toEqual(runSpec.parse({ ...allPresets[id]!.spec, preset: id }))
  })
})

describe('a preset by its name', () => {
  it('is what it differs from the defaults in, under that name, and nothing where there is none', () => {
    expect(presetNames).toEqual(Object.keys(allPresets))
    for (const name of presetNames) expect(presetSpec(name)).toEqual({ ...allPresets[name]!.spec, preset: name })
    expect([presetSpec('none'), presetSpec('toString')]).toEqual([null, null])
  })
})

describe('the studies with a name', () => {
  const named = Object.entries(studyPresets)

  it.each(named)('%s: has its baseline and its subject among its arms, and no key twice', (_name, { arms, baseline, subject }) => {
    const keys = arms.map(({ key }) => key)
    expect(keys).toEqual(expect.arrayContaining([baseline, subject]))
    expect(new Set(keys).size).toBe(keys.length)
  })

  it.each(named)('%s: holds arms that differ, none with an option that changes nothing, all on one task', (_name, { arms }) => {
    const specs = arms.map(({ spec }) => runSpec.parse(spec))
    const methods = specs.map(({ algorithm: { name, options } }) => createMethod(name, options))
    for (const { algorithm, options } of methods) expect(inertOptions(algorithm.options, options)).toEqual([])
    const told = specs.map(({ budget, optimizer }, index) =>
      JSON.stringify([methods[index]!.algorithm.name, methods[index]!.options, budget, optimizer]),
    )
    expect(new Set(told).size).toBe(told.length)
    expect(new Set(specs.map(({ task, start, budget }) => JSON.stringify([task, start, budget.thinkingTokens]))).size).toBe(1)
  })

  it.each(named)('%s: is what the record that ships with the program was made of, arm by arm', (name, { arms, baseline, subject }) => {
    const record = JSON.parse(readFileSync(join(import.meta.dirname, `../../resources/study/${name}.json`), 'utf8')) as StudyRecord
    expect([record.baseline, record.subject]).toEqual([baseline, subject])
    expect(record.arms.map(({ sweep: _, ...arm }) => arm)).toEqual(
      arms.map(({ key, title, role, spec: { algorithm } }) => ({
        key,
        title,
        role,
        algorithm: algorithm.name,
        options: algorithm.options ?? {},
      })),
    )
  })

  it('sample with half of the budget, or half and then all of it, and learn at the rates that their arms name', () => {
    const stages = studyPresets.budgets!.arms.flatMap(({ key, spec }) => {
      const { budget } = runSpec.parse(spec)
      return budget.stages === undefined ? [] : [[key, budget.stages]]
    })
    expect(stages).toEqual([
      ['outcome-half', [0.5]],
      ['outcome-stages', [0.5, 1]],
      ['mrt-exact-half', [0.5]],
      ['mrt-exact-stages', [0.5, 1]],
    ])
    const rates = studyPresets['learning-rate']!.arms.map(({ key, spec }) => [key, runSpec.parse(spec).optimizer.lr])
    expect(rates).toEqual(
      [3e-5, 1e-4, 3e-4].flatMap((lr) => [
        [`outcome-${lr}`, lr],
        [`mrt-exact-${lr}`, lr],
      ]),
    )
  })
})

describe('the options of algorithms and tasks', () => {
  it('are described with their range where they are numbers, and with their choices where they are that', () => {
    const all = describeAlgorithms().flatMap(({ name, options }) =>
      options.map((option) => ({ option, of: createMethod(name).algorithm.options[option.name]! })),
    )
    for (const { option, of } of all) {
      expect([option.kind, option.default, option.unit, option.reason]).toEqual([of.kind, of.default, of.unit, of.reason])
      expect([option.min, option.max]).toEqual(of.kind === 'number' ? [of.min, of.max] : [null, null])
      expect(option.integer).toBe(of.kind === 'number' && of.integer === true)
      expect(option.choices).toEqual(of.kind === 'choice' ? of.choices : {})
      expect(option.aliases).toEqual(of.aliases ?? [])
    }
    for (const kind of ['number', 'choice', 'flag']) expect(all.some(({ option }) => option.kind === kind)).toBe(true)
    expect(all.some(({ option }) => option.aliases.length > 0)).toBe(true)
  })

  it('stand with algorithms as they are known: title, rule, source, and what each asks to be sampled and measured', () => {
    for (const { name, title, method, rule, source, needs } of describeAlgorithms()) {
      const { algorithm, options } = createMethod(name)
      expect([title, method, rule, source]).toEqual([algorithm.title, algorithm.method, algorithm.rule, algorithm.source])
      const { data, J } = algorithm.needs(options)
      expect(needs).toEqual({ data, J })
    }
  })

  it('of tasks have the levels of the dial, and their problems where these are few', () => {
    const tasks = describeTasks()
    const countdown = tasks.find(({ name }) => name === 'countdown')!
    expect(countdown.levels.map(({ id, problems }) => [id, problems])).toContainEqual(['3', null])
    expect(countdown.options.find(({ name }) => name === 'level')).toMatchObject({
      kind: 'choice',
      default: '3',
      min: null,
      max: null,
      integer: false,
      aliases: [],
    })
    expect(tasks.flatMap(({ levels }) => levels).some(({ problems }) => problems !== null && problems > 0)).toBe(true)
  })
})

it('a study is known by its name alone, not by what every table answers to', () => {
  expect(presetNamed('headline')).toBe(studyPresets.headline)
  for (const name of ['none', 'toString', '__proto__', 'constructor']) expect(presetNamed(name)).toBeNull()
})
