// Nothing inert: every option of every algorithm and every field of a specification changes what is computed, or is refused with a code; every
// metric that is described is recorded by some method. Driven by the tables, so that what is added to them is walked without a word here.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LabError, specFields } from '../../src-preload/contract.ts'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import type { OpenedContext } from '../../src-main/lab/openContext.ts'
import { evaluateRun } from '../../src-main/lab/evaluateRun.ts'
import { metricDescriptions } from '../../src-main/lab/glossary.ts'
import { createRun, trainRun } from '../../src-main/lab/trainRun.ts'
import { algorithmNamed, algorithmNames, createMethod, creditBatch } from '../../src-main/rl/algorithms.ts'
import type { Condition, Option, OptionValue } from '../../src-main/rl/options.ts'
import type { GradedRollout } from '../../src-main/rl/types.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { thinking } from '../rl/rollouts.ts'
import { join } from 'node:path'
import { microSpec, openBench } from './micro.ts'
import type { Bench } from './micro.ts'

let bench: Bench
let context: OpenedContext
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('walk')
})
afterAll(() => {
  context.close()
  bench.dispose()
})

/** Other values that an option can take, the likeliest to show first. */
function othersOf(option: Option): OptionValue[] {
  if (option.kind === 'flag') return [!option.default]
  if (option.kind === 'choice') return Object.keys(option.choices).filter((choice) => choice !== option.default)
  const { min, max, integer } = option
  return [...new Set([min, min + (max - min) / 1000, min + (max - min) / 4, max].map((value) => (integer ? Math.round(value) : value)))].filter((value) => value !== option.default)
}

/** The other options as this one needs them to act at all, and those as they need theirs. */
function settingFor(table: Readonly<Record<string, Option>>, name: string, above: readonly string[] = []): Record<string, OptionValue> {
  const needed = Object.entries(table[name]!.when ?? {}).filter(([other]) => !above.includes(other))
  return Object.assign({}, ...needed.map(([other, condition]) => ({ ...settingFor(table, other, [...above, name]), ...satisfy(other, condition, table[other]!.default) }))) as Record<string, OptionValue>
}

function satisfy(name: string, condition: Condition, usual: OptionValue): Record<string, OptionValue> {
  if ('above' in condition) return Number(usual) > condition.above ? {} : { [name]: condition.above + 1 }
  return condition.includes(usual) ? {} : { [name]: condition[0]! }
}

// Mixed groups with and without arms, truncated and forced ones: whatever a credit rule looks at.
const arms = (group: number): GradedRollout[] => (['continue', 'continue', 'terminate', 'terminate'] as const).map((arm, sample) =>
  thinking(sample % 2 === 0 ? 1 : 0, [0.25, 0.5, sample === 0 ? 1 : 0.25], { group, sample, arm, prefixTokens: 2, sampled: Uint8Array.of(0, 0, 1, 1, arm === 'terminate' ? 0 : 1, 1, 1) }))
/** Values as shares of nine continuations. */
const V = (...ninths: readonly number[]): Float64Array => Float64Array.from(ninths, (count) => count / 9)
const rollouts: readonly GradedRollout[] = [
  thinking(1, [0.25, 0.5, 1], { sample: 0, V: V(3, 6, 9) }), thinking(0, [0.25, 0.75, 0.25, 0], { sample: 1, V: V(3, 5, 2, 0) }),
  thinking(1, [0.25, 1], { sample: 2, V: V(3, 8) }), thinking(0, [0.25, 0, 0.5], { sample: 3, finish: 'length', V: V(3, 1, 4) }),
]

/** Everything that a method pays and every rule of its loss and sampling. */
function paid(name: string, options: Record<string, OptionValue>): string {
  const method = createMethod(name, options)
  const { algorithm } = method
  const needs = algorithm.needs(method.options)
  const batch = needs.data === 'arms' ? arms(0) : rollouts
  const credits = creditBatch(method, batch, { budgetTokens: 10, seed: 3, done: 0.5 }).map(({ advantage, mask, parts, used }) => [[...advantage], [...mask], parts, used])
  return JSON.stringify([needs, algorithm.loss(method.options), credits])
}

/** Options that the machinery reads by name: they show in a run alone. */
const byName = new Set<string>()

describe('every option of every algorithm', () => {
  const all = algorithmNames.flatMap((name) => Object.keys(algorithmNamed(name).options).map((option) => [name, option] as const))

  it.each(all)('%s: %s changes what is paid, sampled or minimised, or is left to a run', (name, option) => {
    const table = algorithmNamed(name).options
    const setting = settingFor(table, option)
    const usual = paid(name, setting)
    const acts = othersOf(table[option]!).some((value) => {
      try {
        return paid(name, { ...setting, [option]: value }) !== usual
      } catch (error) {
        return (error as { code?: string }).code?.startsWith('rl.') === true
      }
    })
    if (!acts) byName.add(`${name} ${option}`)
  })

  it('is never silently inert: set while another option turns it off, it is refused with run.inert', async () => {
    for (const [name, option] of all) {
      const table = algorithmNamed(name).options
      for (const [other, condition] of Object.entries(table[option]!.when ?? {})) {
        const off = 'above' in condition ? condition.above : [table[other]!.default, ...othersOf(table[other]!)].find((value) => !condition.includes(value))!
        const around = { ...settingFor(table, option), ...settingFor(table, other) }
        const options = { ...around, [other]: off, [option]: othersOf(table[option]!)[0]! }
        await expect(createRun(context, microSpec(bench.start, { name, options }))).rejects.toSatisfy((error) => error instanceof LabError && error.code === 'run.inert')
      }
    }
  })
})

/** What a run computed, without times: the numbers of its steps, the weights it ended with, its checkpoints; on request an evaluation, or its labels. */
async function computed(spec: RunSpecInput, { evaluated = false, labels = false } = {}): Promise<string> {
  const { store } = context
  const runId = await createRun(context, spec)
  await trainRun(context, runId)
  const steps = store.steps.range(runId, 1, 1000).map(({ metrics, learningRate, estimateTokens }) => [Object.entries(metrics).filter(([metric]) => !/^time\/|step_time|mrt\/alpha/.test(metric)), learningRate, estimateTokens])
  const checkpoints = store.checkpoints.ofRun(runId)
  const { meta } = await loadCheckpoint(join(store.checkpointsFolder, checkpoints.at(-1)!.contentId))
  const { name, groupKey, config } = store.runs.get(runId)!
  const evaluations = store.evaluations.ofRun(runId).length
  const evaluation = evaluated ? await evaluateRun(context, { runId }) : null
  const results = evaluation === null ? null : [store.evaluations.results(evaluation), store.evaluations.points(evaluation), store.evaluations.get(evaluation)!.metrics]
  return JSON.stringify([steps, checkpoints.map(({ step }) => step), meta.weights, evaluations, results, labels ? [name, groupKey, (config as { preset?: string }).preset ?? null] : null])
}

/** Two steps of the starter, short: right and wrong answers, episodes, and J that differs along a rollout. */
const short = (algorithm: RunSpecInput['algorithm'], more: Partial<RunSpecInput> = {}): RunSpecInput =>
  microSpec('starter', algorithm, { steps: 2, promptsPerStep: 3, groupSize: 4, observeGroups: 0, checkpointEvery: 10, budget: { thinkingTokens: 48, answerTokens: 12 }, ...more })

describe('every option that a run reads', () => {
  const usual = new Map<string, Promise<string>>()
  const run = (spec: RunSpecInput): Promise<string> => {
    const key = JSON.stringify(spec)
    if (!usual.has(key)) usual.set(key, computed(spec))
    return usual.get(key)!
  }
  /** Shared options are shown where the signal is densest; the others by the method that has them. */
  const shown = [...new Set(algorithmNames.flatMap((name) => Object.keys(algorithmNamed(name).options)))].flatMap((option) => {
    const owners = algorithmNames.filter((name) => Object.hasOwn(algorithmNamed(name).options, option))
    const name = ['mrt-online', 'mrt-exact', 'mrt-pooled'].find((each) => (owners as readonly string[]).includes(each)) ?? owners[0]!
    return [[option, name] as const]
  })
  // What changes the credits themselves is shown above; here is what acts between the credits and the weights.
  const paidAlone = new Set(['alpha', 'credit', 'lambda', 'base', 'centre', 'control', 'bestOf', 'overlongBuffer', 'overlongPenalty', 'dropTruncated', 'trainTerminations', 'baseline', 'alphaCourse', 'target', 'delta', 'weight', 'lengthFrom', 'rightShort', 'rightLong', 'wrongShort', 'wrongLong', 'exceeded', 'scale', 'floor', 'flow', 'negativeGradients', 'whiten'])

  it.each(shown.filter(([option]) => !paidAlone.has(option)))('%s acts in a run of %s', async (option, name) => {
    const table = algorithmNamed(name).options
    const corrects = option.startsWith('correction')
    // A correction answers for a sampler that leaves tokens out.
    const more: Partial<RunSpecInput> = corrects ? { sampling: { topP: 0.7 } } : {}
    const setting: Record<string, OptionValue> = { ...(corrects && { correction: 'token-truncate' }), ...settingFor(table, option) }
    const before = await run(short({ name, options: setting }, more))
    const differs: boolean[] = []
    for (const value of othersOf(table[option]!).filter((each) => each !== setting[option])) {
      differs.push(await run(short({ name, options: { ...setting, [option]: value } }, more)) !== before)
      if (differs.at(-1)) break
    }
    expect(differs).toContain(true)
  })

  it('leaves none to itself: whatever does not show in what is paid is among those', () => {
    const names = new Set(shown.map(([option]) => option).filter((option) => !paidAlone.has(option)))
    expect([...byName].filter((each) => !names.has(each.split(' ')[1]!))).toEqual([])
  })
})

/** A value of each field that differs from the usual, where it does not follow from the field itself. */
const otherwise: Readonly<Record<string, unknown>> = {
  name: 'another', preset: 'countdown-outcome', group: 'a group', 'optimizer.schedule': 'linear', 'optimizer.clipNorm': 1e-12, microbatchTokens: 40, 'optimizer.warmupSteps': 3, 'evaluation.budgets': [8, 16], 'budget.thinkingTokens': 12, 'budget.stages': [0.25, 1], 'budget.answerTokens': 3,
}
/** Filters go with a correction, and evaluation fields show in an evaluation. */
const beside = (path: string): Partial<RunSpecInput> => (/sampling\.(topK|topP|minP)/.test(path) ? { algorithm: { name: 'grpo', options: { correction: 'token-truncate' } } } : {})

describe('every field of a specification', () => {
  const tiny = (more: Partial<RunSpecInput>): RunSpecInput => microSpec('starter', { name: 'mrt-exact' }, { steps: 3, promptsPerStep: 2, groupSize: 2, evaluation: { problems: 4, samples: 2, budgets: [8, 24] }, ...more })
  const usual = new Map<string, Promise<string>>()

  it.each(specFields.map(({ path }) => path))('%s changes what is computed or recorded', async (path) => {
    const field = specFields.find((each) => each.path === path)!
    const spec = tiny(beside(path)) as Record<string, unknown>
    const evaluated = path.startsWith('evaluation.')
    const look = { evaluated, labels: ['name', 'preset', 'group'].includes(path) }
    const key = JSON.stringify([beside(path), look])
    if (!usual.has(key)) usual.set(key, computed(spec as RunSpecInput, look))
    const keys = path.split('.')
    const now = keys.reduce((at: unknown, each) => (at as Record<string, unknown> | undefined)?.[each], spec) ?? field.default
    const value = otherwise[path] ?? (field.kind === 'choice' ? field.choices.find((choice) => choice !== now) : Number(now) === 0 && field.max !== null && field.max <= 1 ? 0.5 : field.integer || Number(now) === 0 ? Number(now) + 1 : Number(now) * 0.5)
    const changed = structuredClone(spec)
    if (keys.length === 1) changed[path] = value
    else changed[keys[0]!] = { ...(changed[keys[0]!] as object | undefined), [keys[1]!]: value }
    let after: string
    try {
      after = await computed(changed as RunSpecInput, look)
    } catch (error) {
      expect(error).toBeInstanceOf(LabError)
      return
    }
    expect(after).not.toBe(await usual.get(key)!)
  })

  it('asks the task that it names at the level that it names, and refuses one that is not there', async () => {
    const task = (task: RunSpecInput['task']): Promise<string> => computed(tiny({ task }), { evaluated: false, labels: false })
    expect(await task({ options: { level: '4' } })).not.toBe(await task({}))
    const wrongs: RunSpecInput['task'][] = [{ name: 'juggling' }, { options: { level: '9' } }, { options: { numbers: 4 } }]
    for (const wrong of wrongs)
      await expect(createRun(context, tiny({ task: wrong }))).rejects.toSatisfy((error) => error instanceof LabError && error.code === 'run.task')
    // The starter knows the words of Countdown alone.
    await expect(createRun(context, tiny({ task: { name: 'arithmetic' } }))).rejects.toSatisfy((error) => error instanceof LabError && error.code === 'run.vocabulary')
  })
})

describe('every described metric', () => {
  it('is recorded by at least one method, in training or in an evaluation', async () => {
    const { store } = context
    const recorded = new Set<string>()
    for (const { run } of store.runs.list()) for (const name of store.steps.metricNames(run.id)) recorded.add(name)
    for (const evaluation of store.evaluations.list()) for (const name of Object.keys(evaluation.metrics)) recorded.add(name)
    for (const name of ['dapo', 'length-penalty', 'mrt-pooled', 'gspo'] as const) {
      const runId = await createRun(context, short({ name }, { evaluation: { problems: 4, samples: 8, budgets: [8, 48] } }))
      await trainRun(context, runId)
      if (name === 'dapo') for (const metric of Object.keys(store.evaluations.get(await evaluateRun(context, { runId }))!.metrics)) recorded.add(metric)
      for (const metric of store.steps.metricNames(runId)) recorded.add(metric)
    }
    const named = metricDescriptions.map(({ name }) => [name, new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/<\w+>/g, '.+')}$`)] as const)
    expect(named.filter(([, pattern]) => ![...recorded].some((name) => pattern.test(name))).map(([name]) => name)).toEqual([])
  })
})
