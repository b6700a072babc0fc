// Native memory belongs to no collector, and a lab is open for days: what a piece of work opens on the engine is closed when it ends, well or not.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { playgroundRequest, type RunSpecInput } from '../../src-preload/contract.ts'
import type { Engine } from '../../src-main/engine/engine.ts'
import { OTHER_RULES } from '../../src-main/episodes/segmentText.ts'
import { evaluateRun } from '../../src-main/lab/comparing/evaluateRun.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { selfTest } from '../../src-main/lab/process/selfTest.ts'
import { drawVotes } from '../../src-main/lab/thinking/drawVotes.ts'
import { measureCuts } from '../../src-main/lab/thinking/measureCuts.ts'
import { measureJ } from '../../src-main/lab/thinking/measureJ.ts'
import { stopHere } from '../../src-main/lab/thinking/stopHere.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { playground } from '../../src-main/lab/training/playground.ts'
import { pretrain } from '../../src-main/lab/training/pretrain.ts'
import { STARTER_RECIPE } from '../../src-main/lab/training/starter.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { tryTasks } from '../../src-main/lab/training/tryTasks.ts'
import { createCountdown } from '../../src-main/tasks/countdown.ts'
import type { SpokenTask } from '../../src-main/tasks/types.ts'
import { MICRO_CONFIG, microSpec, openBench, type Bench } from './micro.ts'

let bench: Bench
let opened: OpenedContext
let context: OpenedContext
/** What was made and is not closed. */
const open = new Map<object, string>()
let made = 0

interface Closable {
  dispose(): void
  clone?(): Closable
}
function follow<Made extends Closable>(one: Made, kind: string): Made {
  made++
  open.set(one, kind)
  const dispose = one.dispose.bind(one)
  const clone = one.clone?.bind(one)
  one.dispose = () => {
    open.delete(one)
    dispose()
  }
  if (clone) one.clone = () => follow(clone(), kind)
  return one
}

beforeAll(async () => {
  bench = await openBench()
  opened = bench.open('released')
  const engine: Engine = new Proxy(opened.engine, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (typeof value !== 'function') return value
      return (...given: unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, given)
        if (typeof key !== 'string' || !key.startsWith('create')) return result
        return result instanceof Promise ? result.then((one: Closable) => follow(one, key)) : follow(result as Closable, key)
      }
    },
  })
  context = { ...opened, store: opened.store, engine }
})
afterAll(() => {
  opened.close()
  bench.dispose()
})

const run = async (algorithm: RunSpecInput['algorithm'], more: Partial<RunSpecInput> = {}): Promise<number> => {
  const id = await createRun(context, microSpec(bench.start, algorithm, { steps: 1, checkpointEvery: 1, ...more }))
  await trainRun(context, id)
  return id
}
/** Does a piece of work and says what it left open, and that it opened something. */
async function left(work: () => Promise<unknown>): Promise<readonly string[]> {
  const before = made
  await work()
  expect(made).toBeGreaterThan(before)
  return [...open.values()]
}

it.each<[name: string, options: Record<string, string | number | boolean>]>([
  ['mrt-exact', {}],
  ['mrt-exact', { klBeta: 0.01 }],
  ['grpo', {}],
  ['mrt-star', {}],
])('nothing is left of a run by %s with %j', async (name, options) => {
  expect(await left(() => run({ name, options } as RunSpecInput['algorithm']))).toEqual([])
})

it('nothing is left of a run that is called off in its first step', async () => {
  const id = await createRun(context, microSpec(bench.start, { name: 'grpo' }))
  const abort = new AbortController()
  const work = async (): Promise<void> => {
    await trainRun(context, id, { signal: abort.signal, onEvent: () => abort.abort() }).catch((error: unknown) => {
      if (!abort.signal.aborted) throw error
    })
  }
  expect(await left(work)).toEqual([])
  expect(abort.signal.aborted).toBe(true)
})

it('nothing is left of evaluations, measurements, votes and answers, called off or not', { timeout: 120_000 }, async () => {
  const runId = await run({ name: 'mrt-exact' })
  const start = `checkpoint:${context.store.checkpoints.newest(runId)!.id}`
  const scope = { runId }
  const [first] = context.store.rollouts.group({ runId, steps: [1, 1] })
  const rules = [{ name: 'windows', rule: { ...OTHER_RULES.windows, opener: { kind: 'windows' as const, size: 5 } } }]
  const works: Record<string, (signal: AbortSignal, onEvent: () => void) => Promise<unknown>> = {
    evaluation: (signal, onEvent) => evaluateRun(context, { runId }, { signal, onEvent }),
    'exact J': (signal, onEvent) => measureJ(context, { scope, start, method: 'exact', samples: 1, limit: 4 }, { signal, onEvent }),
    'sampled J': (signal, onEvent) => measureJ(context, { scope, start, method: 'sampled', samples: 2, limit: 4 }, { signal, onEvent }),
    cuts: (signal, onEvent) =>
      measureCuts(context, { scope, start, rules, budget: 20, counted: 'thinking', limit: 4 }, { signal, onEvent }),
    votes: (signal, onEvent) => drawVotes(context, { scope, start, samples: 2, limit: 2, ballots: 'plain' }, { signal, onEvent }),
    answers: (signal, onEvent) => stopHere(context, { rolloutId: first!.id, boundary: 0, samples: 2, start: null }, { signal, onEvent }),
  }
  for (const [what, work] of Object.entries(works)) {
    const abort = new AbortController()
    // Called off as soon as it tells of itself; what never does is over by then.
    await work(abort.signal, () => abort.abort()).catch((error: unknown) => {
      if (!abort.signal.aborted) throw error
    })
    expect([what, 'called off', ...open.values()]).toEqual([what, 'called off'])
    expect([what, ...(await left(() => work(new AbortController().signal, () => {})))]).toEqual([what])
  }
})

it(
  'nothing is left of the playground, of tasks that are tried, of the test of a device and of the making of a model',
  { timeout: 120_000 },
  async () => {
    const request = playgroundRequest.parse({
      key: 'k',
      start: bench.start,
      task: { name: 'countdown', options: { level: '3' } },
      problemSeed: 4,
      text: null,
      settings: { thinkingTokens: 20, answerTokens: 8, seed: 7 },
    })
    expect(await left(() => playground(context, request, {}))).toEqual([])
    const tried = {
      start: bench.start,
      format: { thoughts: 'auto', episodes: 'lines', examples: 0 } as const,
      levels: [{ name: 'countdown', level: '3' }],
      problems: 2,
      thinkingTokens: 8,
      answerTokens: 4,
      temperature: 1,
      seed: 1,
    }
    expect(await left(() => Array.fromAsync(tryTasks(context, tried)))).toEqual([])
    // Nobody asks for the rest.
    expect(
      await left(async () => {
        for await (const _one of tryTasks(context, { ...tried, levels: [...tried.levels, { name: 'countdown', level: '4' }] })) break
      }),
    ).toEqual([])
    expect(await left(() => selfTest(context.engine, 'cpu', Date.now))).toEqual([])
    const stage = { steps: 1, lr: 1e-2, warmupSteps: 1, floor: 0.1, teacher: {} }
    const settings = { ...STARTER_RECIPE.settings, thinkingTokens: 16, answerTokens: 6 }
    const recipe = {
      ...STARTER_RECIPE,
      model: { ...MICRO_CONFIG, maxPositions: 512 },
      stages: [stage],
      tracesPerStep: 2,
      checkEvery: 1,
      checkProblems: 1,
      settings,
    }
    const task = (): SpokenTask => createCountdown({ maxAnswers: null }) as SpokenTask
    expect(await left(() => pretrain(context.engine, task, recipe, { onStep() {} }))).toEqual([])
  },
)
