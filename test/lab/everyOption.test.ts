// Nothing inert: every option of every algorithm and every field of a specification changes what is computed, or is refused with a code; every
// metric that is described is recorded by some method. Driven by the tables, so that what is added to them is walked without a word here.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LabError, specFields } from '../../src-preload/contract.ts'
import type { RunSpecInput } from '../../src-preload/contract.ts'
import { gradients } from '../../src-main/autodiff/gradients.ts'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import { createRng, deriveSeed } from '../../src-main/numeric/rng.ts'
import { interpret, ndarray } from '../graph/reference.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { evaluateRun } from '../../src-main/lab/comparing/evaluateRun.ts'
import { metricDescriptions } from '../../src-main/lab/process/glossary.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { algorithmNamed, algorithmNames, createMethod, creditBatch, needsOf } from '../../src-main/rl/algorithms.ts'
import { correctedAdvantage } from '../../src-main/rl/correction.ts'
import { lossGraph } from '../../src-main/rl/loss.ts'
import type { LossInputs } from '../../src-main/rl/loss.ts'
import { tokenWeights } from '../../src-main/rl/tokenWeights.ts'
import type { Condition, Option, OptionValue } from '../../src-main/rl/options.ts'
import type { GradedRollout } from '../../src-main/rl/types.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { asNeeded, rollout, thinking } from '../rl/rollouts.ts'
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
  return [
    ...new Set([min, min + (max - min) / 1000, min + (max - min) / 4, max].map((value) => (integer ? Math.round(value) : value))),
  ].filter((value) => value !== option.default)
}

/** The other options as this one needs them to act at all, and those as they need theirs. */
function settingFor(table: Readonly<Record<string, Option>>, name: string, above: readonly string[] = []): Record<string, OptionValue> {
  const needed = Object.entries(table[name]!.when ?? {}).filter(([other]) => !above.includes(other))
  return Object.assign(
    {},
    ...needed.map(([other, condition]) => ({
      ...settingFor(table, other, [...above, name]),
      ...satisfy(other, condition, table[other]!.default),
    })),
  ) as Record<string, OptionValue>
}

function satisfy(name: string, condition: Condition, usual: OptionValue): Record<string, OptionValue> {
  if ('above' in condition) return Number(usual) > condition.above ? {} : { [name]: condition.above + 1 }
  return condition.includes(usual) ? {} : { [name]: condition[0]! }
}

// Mixed groups with and without arms, truncated and forced ones: whatever a credit rule looks at.
const arms = (group: number): GradedRollout[] =>
  (['continue', 'continue', 'terminate', 'terminate'] as const).map((arm, sample) =>
    thinking(sample % 2 === 0 ? 1 : 0, [0.25, 0.5, sample === 0 ? 1 : 0.25], {
      group,
      sample,
      arm,
      prefixTokens: 2,
      sampled: Uint8Array.of(0, 0, 1, 1, arm === 'terminate' ? 0 : 1, 1, 1),
    }),
  )
/** Values as shares of nine continuations. */
const V = (...ninths: readonly number[]): Float64Array => Float64Array.from(ninths, (count) => count / 9)
const rollouts: readonly GradedRollout[] = [
  thinking(1, [0.25, 0.5, 1], { sample: 0, V: V(3, 6, 9) }),
  thinking(0, [0.25, 0.75, 0.25, 0], { sample: 1, V: V(3, 5, 2, 0) }),
  thinking(1, [0.25, 1], { sample: 2, V: V(3, 8) }),
  thinking(0, [0.25, 0, 0.5], { sample: 3, finish: 'length', V: V(3, 1, 4) }),
]

/** Answers at a cut that several budgets share. */
const answers = ([1, 0, 0] as const).map((correct, sample) =>
  rollout({
    group: 100,
    sample,
    correct,
    tokenCount: 5,
    thinkEnd: 2,
    prefixTokens: 2,
    arm: 'terminate',
    cut: [0, 1],
    sampled: Uint8Array.of(1, 1, 0, 1, 1),
  }),
)

/** Rollouts that were ended early. */
const ended = ([1, 0, 1, 1] as const).map((correct, sample) => rollout({ group: 200, sample, correct, prefixTokens: 2, ending: true }))

const GROUPS = [0, 1, 2, 3]
/** What a method asks to be sampled and measured, and what it pays for groups of those. */
function paid(name: string, options: Record<string, OptionValue>) {
  const method = createMethod(name, options)
  const needs = needsOf(method)
  const batch = GROUPS.flatMap((group) =>
    needs.data === 'arms' ? arms(group) : asNeeded(method, rollouts).map((each) => ({ ...each, group })),
  ).concat(needs.cuts?.answers ? answers : [], needs.endings ? ended : [])
  const credits = creditBatch(method, batch, { budgetTokens: 10, seed: 3, done: 0.5 })
  return {
    needs: JSON.stringify(needs),
    batch,
    loss: method.algorithm.loss(method.options),
    credits,
    payment: JSON.stringify(
      credits.map(({ advantage, mask, parts, used, endAt, answerWeights }) => [
        [...advantage],
        [...mask],
        parts,
        used,
        endAt,
        answerWeights,
      ]),
    ),
  }
}

/** A log-probability for every token of a rollout, spread about another by `spread`: wide enough for every clip and correction to act somewhere. */
const logpsAbout = (rollout: GradedRollout, label: string, spread: number, about?: Float32Array): Float32Array => {
  const rng = createRng(deriveSeed(1, label, rollout.group, rollout.sample))
  return Float32Array.from({ length: rollout.tokenCount }, (_, t) => (about?.[t] ?? -1) + spread * (2 * rng.float() - 1))
}

/** The gradient of the method's loss with respect to the log-probabilities of its rollouts, update by update, by the float64 interpreter: what the options of a loss come to. */
function minimised({ batch, loss, credits }: ReturnType<typeof paid>): string {
  const width = Math.max(...batch.map(({ tokenCount }) => tokenCount))
  const parts = loss.updatesPerBatch === 1 ? [GROUPS] : [GROUPS.slice(0, 2), GROUPS.slice(2)]
  return JSON.stringify(
    parts.map((groups) => {
      const rows = [...batch.keys()].filter((at) => groups.includes(batch[at]!.group))
      const logps = rows.map((at) => logpsAbout(batch[at]!, 'now', 0.5))
      const old = rows.map((at, row) => logpsAbout(batch[at]!, 'old', 2, logps[row]))
      const drawn = rows.map((at, row) => logpsAbout(batch[at]!, 'drawn', 1, old[row]))
      const advantages = rows.map((at, row) =>
        loss.correction ? correctedAdvantage(credits[at]!, loss.correction, old[row]!, drawn[row]!) : credits[at]!.advantage,
      )
      const planes = {
        logps,
        advantages,
        weights: tokenWeights(
          rows.map((at) => credits[at]!),
          loss.aggregation,
          10,
        ),
        ...(loss.ratio !== 'none' && { oldLogps: old }),
        ...(loss.klBeta > 0 && { refLogps: rows.map((at, row) => logpsAbout(batch[at]!, 'reference', 0.5, logps[row])) }),
      }
      const b = new GraphBuilder('loss')
      const inputs = Object.fromEntries(
        Object.keys(planes).map((plane) => [plane, b.input(plane, 'float32', ['B', 'T'])]),
      ) as unknown as LossInputs
      b.output('loss', lossGraph(b, inputs, loss).loss)
      const feeds = Object.fromEntries(
        Object.entries(planes).map(([plane, values]) => [
          plane,
          ndarray(
            [rows.length, width],
            values.flatMap((row) => Array.from({ length: width }, (_, t) => row[t] ?? 0)),
          ),
        ]),
      )
      return Array.from(interpret(gradients(b.build(), 'loss', ['logps']), feeds)['grad/logps']!.data)
    }),
  )
}

type Way = 'needs' | 'payment' | 'loss'
/** In which ways another value of an option shows, with the others so that it can; a value that is refused with a reason shows in none. */
function waysOf(name: string, option: string): ReadonlySet<Way | 'refused'> {
  const table = algorithmNamed(name).options
  const setting = settingFor(table, option)
  const usual = paid(name, setting)
  return new Set(
    othersOf(table[option]!).flatMap((value): (Way | 'refused')[] => {
      try {
        const other = paid(name, { ...setting, [option]: value })
        return [
          ...(other.needs === usual.needs ? [] : ['needs' as const]),
          ...(other.payment === usual.payment ? [] : ['payment' as const]),
          ...(minimised(other) === minimised(usual) ? [] : ['loss' as const]),
        ]
      } catch (error) {
        if ((error as { code?: string }).code?.startsWith('rl.') !== true) throw error
        return ['refused']
      }
    }),
  )
}

describe('every option of every algorithm', () => {
  const all = algorithmNames.flatMap((name) => Object.keys(algorithmNamed(name).options).map((option) => [name, option] as const))

  it.each(all)('%s: %s changes what is sampled, measured, paid or minimised, or is refused with a reason', (name, option) =>
    expect([...waysOf(name, option)]).not.toEqual([]),
  )

  it('is never silently inert: set while another option turns it off, it is refused with run.inert', async () => {
    for (const [name, option] of all) {
      const table = algorithmNamed(name).options
      for (const [other, condition] of Object.entries(table[option]!.when ?? {})) {
        const off =
          'above' in condition
            ? condition.above
            : [table[other]!.default, ...othersOf(table[other]!)].find((value) => !condition.includes(value))!
        const around = { ...settingFor(table, option), ...settingFor(table, other) }
        const options = { ...around, [other]: off, [option]: othersOf(table[option]!)[0]! }
        await expect(createRun(context, microSpec(bench.start, { name, options }))).rejects.toSatisfy(
          (error) => error instanceof LabError && error.code === 'run.inert',
        )
      }
    }
  })
})

/** What a run computed, without times: the numbers of its steps, the weights it ended with, its checkpoints; on request an evaluation; or, untrained, its labels. */
async function computed(spec: RunSpecInput, { evaluated = false, labels = false } = {}): Promise<string> {
  const { store } = context
  const runId = await createRun(context, spec)
  const { name, groupKey, config } = store.runs.get(runId)!
  if (labels) return JSON.stringify([name, groupKey, (config as { preset?: string }).preset ?? null])
  await trainRun(context, runId)
  const steps = store.steps
    .range(runId, 1, 1000)
    .map(({ metrics, learningRate, estimateTokens }) => [
      Object.entries(metrics).filter(([metric]) => !/^time\/|step_time|mrt\/alpha/.test(metric)),
      learningRate,
      estimateTokens,
    ])
  const checkpoints = store.checkpoints.ofRun(runId)
  const { meta } = await loadCheckpoint(join(store.checkpointsFolder, checkpoints.at(-1)!.contentId))
  const evaluations = store.evaluations.ofRun(runId).length
  const evaluation = evaluated ? await evaluateRun(context, { runId }) : null
  const results =
    evaluation === null
      ? null
      : [store.evaluations.results(evaluation), store.evaluations.points(evaluation), store.evaluations.get(evaluation)!.metrics]
  return JSON.stringify([steps, checkpoints.map(({ step }) => step), meta.weights, evaluations, results])
}

/** Two steps of the starter, short: right and wrong answers, episodes, and J that differs along a rollout. */
const short = (algorithm: RunSpecInput['algorithm'], more: Partial<RunSpecInput> = {}): RunSpecInput =>
  microSpec('starter', algorithm, {
    steps: 2,
    promptsPerStep: 3,
    groupSize: 4,
    observeGroups: 0,
    checkpointEvery: 10,
    budget: { thinkingTokens: 48, answerTokens: 12 },
    ...more,
  })

/** The value at which an option shows soonest, where it is not the first that is tried. */
const telling: Readonly<Record<string, OptionValue>> = { correctionLow: 1 }

describe('every option that a run reads', () => {
  const usual = new Map<string, Promise<string>>()
  const run = (spec: RunSpecInput): Promise<string> => {
    const key = JSON.stringify(spec)
    if (!usual.has(key)) usual.set(key, computed(spec))
    return usual.get(key)!
  }
  /**
   * What is paid goes into the update of every method alike. What acts through what a method asks for, or through its loss alone, is shown to be heeded by whoever
   * samples, measures and updates: once for each option, where the signal is densest.
   */
  const shown = [...new Set(algorithmNames.flatMap((name) => Object.keys(algorithmNamed(name).options)))].flatMap((option) => {
    const owners = algorithmNames.filter((name) => Object.hasOwn(algorithmNamed(name).options, option))
    const name = ['mrt-online', 'mrt-exact', 'mrt-pooled'].find((each) => (owners as readonly string[]).includes(each)) ?? owners[0]!
    const ways = waysOf(name, option)
    return ways.has('needs') || (ways.has('loss') && !ways.has('payment')) ? [[option, name] as const] : []
  })

  it.each(shown)('%s acts in a run of %s', async (option, name) => {
    const table = algorithmNamed(name).options
    const corrects = option.startsWith('correction')
    // A correction answers for a sampler that leaves tokens out.
    const more: Partial<RunSpecInput> = corrects ? { sampling: { topP: 0.7 } } : {}
    const setting: Record<string, OptionValue> = { ...(corrects && { correction: 'token-truncate' }), ...settingFor(table, option) }
    const before = await run(short({ name, options: setting }, more))
    const differs: boolean[] = []
    const others = othersOf(table[option]!).filter((each) => each !== setting[option])
    for (const value of others.toSorted((a, b) => Number(b === telling[option]) - Number(a === telling[option]))) {
      differs.push((await run(short({ name, options: { ...setting, [option]: value } }, more))) !== before)
      if (differs.at(-1)) break
    }
    expect(differs).toContain(true)
  })
})

/** A value of each field that differs from the usual, where it does not follow from the field itself. */
const otherwise: Readonly<Record<string, unknown>> = {
  name: 'another',
  'adapters.targets': 'q',
  preset: 'countdown-outcome',
  group: 'a group',
  'optimizer.schedule': 'linear',
  'optimizer.clipNorm': 1e-12,
  microbatchTokens: 40,
  shares: 2,
  'optimizer.warmupSteps': 3,
  'evaluation.budgets': [8, 16],
  'evaluation.counted': 'completion',
  'budget.thinkingTokens': 12,
  'budget.stages': [0.25, 1],
  'budget.answerTokens': 3,
}
/** What a run learns from decides who reads a field: every field is walked with full rollouts, and those that say what is sampled with demonstrations and arms as well. */
const learners = { rollouts: 'mrt-exact', demonstrations: 'sft', arms: 'mrt-pooled' } as const
const SAMPLED = /^(sampling|budget)\.|^(groupSize|promptsPerStep|observeGroups|seed)$/

describe('every field of a specification', () => {
  const tiny = (name: string, more: Partial<RunSpecInput>): RunSpecInput =>
    microSpec(
      'starter',
      { name },
      {
        steps: 3,
        promptsPerStep: 2,
        groupSize: 2,
        watch: { problems: 1, every: 2 },
        evaluation: { problems: 4, samples: 2, budgets: [8, 24] },
        ...more,
      },
    )
  const usual = new Map<string, Promise<string>>()
  const walked = (Object.keys(learners) as (keyof typeof learners)[]).flatMap((data) =>
    specFields
      .map(({ path }) => path)
      .filter((path) => data === 'rollouts' || SAMPLED.test(path))
      .map((path) => [data, path] as const),
  )

  it.each(walked)('with %s, %s changes what is computed or recorded, or is refused with a reason', async (data, path) => {
    const field = specFields.find((each) => each.path === path)!
    // Filters go with a correction where the method has one.
    const filters = /sampling\.(topK|topP|minP)/.test(path)
    const name = filters && data === 'rollouts' ? 'grpo' : learners[data]
    const spec = {
      ...tiny(name, path.startsWith('evaluation.') && path !== 'evaluation.every' ? { steps: 1 } : {}),
      ...(filters && data !== 'demonstrations' && { algorithm: { name, options: { correction: 'token-truncate' } } }),
    } as Record<string, unknown>
    const look = { evaluated: path.startsWith('evaluation.'), labels: ['name', 'preset', 'group'].includes(path) }
    const key = JSON.stringify([spec.algorithm, spec.steps, look])
    if (!usual.has(key)) usual.set(key, computed(spec as RunSpecInput, look))
    const keys = path.split('.')
    const now = keys.reduce((at: unknown, each) => (at as Record<string, unknown> | undefined)?.[each], spec) ?? field.default
    const value =
      otherwise[path] ??
      (field.kind === 'choice'
        ? field.choices.find((choice) => choice !== now)
        : Number(now) === 0 && field.max !== null && field.max <= 1
          ? 0.5
          : field.integer || Number(now) === 0
            ? Number(now) + 1
            : Number(now) * 0.5)
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
    const task = (task: RunSpecInput['task']): Promise<string> => computed(tiny('mrt-exact', { task }), { evaluated: false, labels: false })
    expect(await task({ options: { level: '4' } })).not.toBe(await task({}))
    const wrongs: RunSpecInput['task'][] = [{ name: 'juggling' }, { options: { level: '9' } }, { options: { numbers: 4 } }]
    for (const wrong of wrongs)
      await expect(createRun(context, tiny('mrt-exact', { task: wrong }))).rejects.toSatisfy(
        (error) => error instanceof LabError && error.code === 'run.task',
      )
    // The starter knows the words of Countdown alone.
    await expect(createRun(context, tiny('mrt-exact', { task: { name: 'arithmetic' } }))).rejects.toSatisfy(
      (error) => error instanceof LabError && error.code === 'run.vocabulary',
    )
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
      if (name === 'dapo')
        for (const metric of Object.keys(store.evaluations.get(await evaluateRun(context, { runId }))!.metrics)) recorded.add(metric)
      for (const metric of store.steps.metricNames(runId)) recorded.add(metric)
    }
    // Those of workers are held to the run over workers in test/cluster/overRay.test.ts.
    const named = metricDescriptions
      .filter(({ name }) => !name.startsWith('ray/'))
      .map(({ name }) => [name, new RegExp(`^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/<\w+>/g, '.+')}$`)] as const)
    expect(named.filter(([, pattern]) => ![...recorded].some((name) => pattern.test(name))).map(([name]) => name)).toEqual([])
  })
})
