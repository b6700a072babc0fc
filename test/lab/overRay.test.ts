// What the head asks of the workers of a cluster: which weights lie there, what is drawn and measured by whom, and what is said of them. In the place of
// the cluster stands one that computes in this process and remembers what it was asked; the workers themselves are held in test/cluster.
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RunEvent } from '../../src-preload/contract.ts'
import type { Change, ClusterOptions, Task, Weights } from '../../src-main/cluster/cluster.ts'
import { bytesOf, pack, unpack } from '../../src-main/cluster/frames.ts'
import { fingerprint, type SentBatch } from '../../src-main/cluster/worker.ts'
import type { GenerateOptions } from '../../src-main/engine/decoder.ts'
import { joined } from '../../src-main/engine/parameters.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { programFolder } from '../../src-main/lab/process/resources.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { sampleSettings } from '../../src-main/lab/training/gather.ts'
import { openOverRay, type OverRay, type RayParts } from '../../src-main/lab/training/overRay.ts'
import { openPolicies, specsOfRoles, type PolicySet } from '../../src-main/lab/training/policySet.ts'
import { onRay, raySettings } from '../../src-main/lab/training/raySettings.ts'
import { loadStart, prepareStart } from '../../src-main/lab/training/start.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { adapterSpecs, parameterSpecs, type LlamaConfig } from '../../src-main/model/config.ts'
import { layOutBranch } from '../../src-main/rollout/answerBranches.ts'
import { measureBatch } from '../../src-main/rollout/exactMu.ts'
import { loadWeights, type Policy } from '../../src-main/rollout/policy.ts'
import { microSpec, openBench, type Bench } from './micro.ts'
import { refusal } from './refusal.ts'
import { countdown, writtenSpec } from './written.ts'

const cluster = vi.hoisted(() => ({
  driver: [] as unknown[],
  options: null as unknown,
  used: [] as unknown[],
  tasks: [] as unknown[],
  closed: 0,
  /** What the workers compute with. */
  policy: null as unknown,
  signals: [] as unknown[],
  underWay: 0,
  most: 0,
}))
vi.mock('../../src-main/cluster/cluster.ts', () => ({
  startDriver: (...args: unknown[]) => {
    cluster.driver = args
    return 'the driver'
  },
  openCluster: (options: unknown) => {
    cluster.options = options
    return Promise.resolve({
      workers: 1,
      use: (weights: unknown) => Promise.resolve(void cluster.used.push(weights)),
      run: async (task: Task, signal: unknown) => {
        cluster.tasks.push(task)
        cluster.signals.push(signal)
        cluster.most = Math.max(cluster.most, ++cluster.underWay)
        try {
          return await inTurn(() => computed(task, cluster.policy as Policy))
        } finally {
          cluster.underWay--
        }
      },
      work: () => ({ ...WORK }),
      close: () => Promise.resolve(void cluster.closed++),
    })
  },
}))
const WORK = { workers: 2, tasks: 3, redone: 0, lost: 0, bytesSent: 1, bytesReceived: 2, bytesOfWeights: 3, busyMs: 4, longestMs: 5 }

let last: Promise<unknown> = Promise.resolve()
/** One at a time: a worker does one thing at once, and here they share one engine. */
function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
  const mine = last.then(work)
  last = mine.catch(() => {})
  return mine
}

/** As a worker does it. */
async function computed({ kind, body }: Task, policy: Policy): Promise<Buffer> {
  if (kind === 'share') return pack(await policy.decoder.generate(unpack(body) as Pick<GenerateOptions, 'sources' | 'requests'>))
  const { suffix, jobs } = unpack(body) as SentBatch
  const batch = jobs.map(({ prompt, completion, cuts, length, answers }) => ({
    trace: { prompt, completion, cuts, answers },
    branch: layOutBranch(answers, suffix),
    cuts,
    length,
  }))
  return pack(await measureBatch(batch, policy.branches.run))
}

let bench: Bench
let context: OpenedContext
beforeAll(async () => {
  bench = await openBench()
  context = bench.open('over ray')
})
afterAll(() => {
  context.close()
  bench.dispose()
})
beforeEach(() => {
  Object.assign(cluster, { driver: [], options: null, used: [], tasks: [], closed: 0, signals: [], underWay: 0, most: 0 })
})

const address = '127.0.0.1:6379'
const told: Parameters<RayParts['tell']>[0][] = []
const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
  told.length = 0
})
async function opened(
  rank = 0,
  more: Partial<RayParts> = {},
): Promise<{ readonly ray: OverRay; readonly policies: PolicySet; readonly config: LlamaConfig }> {
  const start = prepareStart(await loadStart(context.store, bench.start, Date.now), { rank, alpha: 8, targets: 'q' }, 1)
  const weights = await loadWeights(context.engine, start.config, start.weights, specsOfRoles(start.config))
  const policies = await openPolicies(context.engine, start.config, weights, { rows: 8, maxLength: 96 })
  open.push(() => policies.dispose())
  cluster.policy = policies.current
  const ray = await openOverRay(
    { address, workers: 3, python: 'some python', patience: 7 },
    {
      config: start.config,
      policies,
      model: { rows: 8, maxLength: 96, temperature: 1, threads: 1 },
      shares: 2,
      tell: (event) => void told.push(event),
      ...more,
    },
  )
  return { ray, policies, config: start.config }
}
const problems = countdown()
const { format } = problems.task
const settings = sampleSettings(writtenSpec())
const plans = (count = 4) => problems.ofStep(1, count).map(({ promptTokens }, seed) => ({ prompt: promptTokens, seed }))
const used = (): Weights[] => cluster.used as Weights[]
const tasks = (): Task[] => cluster.tasks as Task[]
const options = (): ClusterOptions => cluster.options as ClusterOptions

describe('the cluster of a run', () => {
  it('is reached through the driver of the program, and its workers are started by the command line', async () => {
    const { signal } = new AbortController()
    const { config } = await opened(0, { signal })
    expect(cluster.driver).toEqual(['some python', [join(programFolder(), 'cluster', 'driver.py')]])
    expect(options()).toMatchObject({
      driver: 'the driver',
      address,
      workers: 3,
      command: [process.execPath, join(programFolder(), 'src-main', 'cli.ts'), 'worker'],
      model: { config, rows: 8, maxLength: 96, temperature: 1, threads: 1 },
      patienceMs: 7000,
    })
    expect(options().signal).toBe(signal)
  })

  it('is refused where there is no command line that starts workers', async () => {
    const versions = Object.getOwnPropertyDescriptor(process, 'versions')!
    Object.defineProperty(process, 'versions', { ...versions, value: { ...process.versions, electron: '1' } })
    try {
      await expect(opened()).rejects.toEqual(
        refusal('ray.driver', {
          expected: 'the command line of the program',
          found: 'a desktop window without it',
          next: 'Start the run from a checkout',
        }),
      )
      expect([cluster.driver, cluster.options]).toEqual([[], null])
    } finally {
      Object.defineProperty(process, 'versions', versions)
    }
  })

  it('is named with what it computes on, tells what it did by the names of metrics, and is given back', async () => {
    const { ray } = await opened()
    expect(ray.device).toBe('cpu, over Ray at 127.0.0.1:6379')
    expect(ray.metrics(1000, 10)).toMatchObject({ 'ray/workers': 2, 'ray/tokens_per_second': 10 })
    await ray.close()
    expect(cluster.closed).toBe(1)
  })

  it('is told of: workers that come, and workers that are lost and why', async () => {
    await opened()
    const change = { worker: 1, node: 'a node', why: 'no answer' }
    for (const kind of ['joined', 'lost'] as const) options().onChange({ kind, ...change } satisfies Change)
    const data = { ...change, address }
    expect(told).toEqual([
      { level: 'info', code: 'ray.joined', message: 'Worker 2 joined on a node, at 127.0.0.1:6379.', data },
      {
        level: 'warn',
        code: 'ray.lostWorker',
        message: 'Worker 2 on a node was lost (no answer). What it was doing is done elsewhere, with the same numbers.',
        data,
      },
    ])
  })

  it('is told of with the run that computes there, as it is recorded', async () => {
    await opened()
    cluster.options = null
    const ray = raySettings({ address })
    const runId = await createRun(context, ...onRay(microSpec(bench.start, { name: 'dr-grpo' }, { steps: 1 }), {}, ray))
    const heard: RunEvent[] = []
    await trainRun(context, runId, {
      onEvent: (event) => {
        if (event.kind === 'event') heard.push(event.event)
        const reached = cluster.options as ClusterOptions | null
        cluster.options = null
        reached?.onChange({ kind: 'joined', worker: 1, node: 'a node', why: '' })
      },
    })
    const recorded = context.store.events.ofRun(runId, null, 0, 100).filter(({ code }) => code === 'ray.joined')
    expect(recorded).toMatchObject([{ runId, kind: 'lifecycle', message: expect.stringContaining('Worker 2 joined') }])
    expect(heard.filter(({ code }) => code === 'ray.joined')).toEqual(recorded)
  })
})

describe('the weights that workers compute with', () => {
  it('are brought once a step, named for it, with what they say; those of the start once for all', async () => {
    const { ray, policies } = await opened()
    const [current, start] = [await ray.policies.sampler('current'), await ray.policies.sampler('start')]
    ray.beginStep(3)
    await current.sample(format, plans(1), settings)
    await current.measure([], format.terminationSuffix)
    await start.measure([], format.terminationSuffix)
    const first = {
      name: 'current 3',
      part: 'all',
      bytes: bytesOf(policies.current.parameters.snapshot()),
      fingerprint: await fingerprint(policies.current.decoder),
    }
    expect(used().slice(0, 2)).toEqual([first, first])
    expect(used()[2]).toMatchObject({ name: 'start', part: 'all', fingerprint: first.fingerprint })
    policies.current.parameters.set('model.norm.weight', new Float32Array(32).fill(2))
    await current.measure([], format.terminationSuffix)
    expect(used()[3]).toBe(used()[0])
    ray.beginStep(4)
    await current.measure([], format.terminationSuffix)
    await start.measure([], format.terminationSuffix)
    expect(used()[4]).toMatchObject({ name: 'current 4', bytes: bytesOf(policies.current.parameters.snapshot()) })
    expect(used()[5]).toBe(used()[2])
  })

  it('are adapters alone on the model beneath them, which is brought first and stays', async () => {
    const { ray, policies, config } = await opened(2)
    ray.beginStep(1)
    const [current, stale] = [await ray.policies.sampler('current'), await ray.policies.sampler('stale')]
    await current.measure([], format.terminationSuffix)
    await stale.measure([], format.terminationSuffix)
    const { parameters } = policies.current
    const valuesOf = (specs: readonly { readonly name: string }[]): Buffer => bytesOf(joined(specs.map(({ name }) => parameters.get(name))))
    const base = { name: 'base', part: 'all', bytes: valuesOf(parameterSpecs(config)), fingerprint: null }
    expect(used().map(({ name, part }) => [name, part])).toEqual([
      ['base', 'all'],
      ['current 1', 'adapters'],
      ['base', 'all'],
      ['stale 1', 'adapters'],
    ])
    expect(used()[0]).toEqual(base)
    expect(used()[2]).toBe(used()[0])
    expect(used()[1]!.bytes).toEqual(valuesOf(adapterSpecs(config)))
    expect(used()[3]!.bytes).toEqual(bytesOf(policies.values('stale')!))
  })

  it('are none of other weights, nor of the bare model under adapters: these are asked on the head', async () => {
    const whole = await opened()
    expect(await whole.ray.policies.sampler('start')).not.toBe(await whole.policies.policy('start'))
    await expect(async () => whole.ray.policies.sampler('given')).rejects.toThrow('no other weights were given')
    const adapted = await opened(2)
    expect(await adapted.ray.policies.sampler('start')).toBe(await adapted.policies.policy('start'))
    expect(await adapted.ray.policies.sampler('current')).not.toBe(adapted.policies.current)
    expect(adapted.ray.policies.current).toBe(adapted.policies.current)
  })
})

describe('what workers are asked', () => {
  it('is to draw shares, which are put together as they were asked for, and told as they come', async () => {
    const { ray } = await opened()
    const { signal } = new AbortController()
    const progress: [done: number, total: number, tokens: number][] = []
    const current = await ray.policies.sampler('current')
    expect(current.noMeasure).toBeNull()
    const drawn = await current.sample(format, plans(), settings, { signal, onProgress: (...told) => progress.push(told) })
    expect(tasks().map(({ kind }) => kind)).toEqual(tasks().map(() => 'share'))
    expect(tasks().length).toBeGreaterThanOrEqual(2)
    expect(cluster.signals).toEqual(cluster.signals.map(() => signal))
    drawn.forEach(({ prompt }, index) => expect(Array.from(prompt)).toEqual(Array.from(plans()[index]!.prompt)))
    expect(progress.length).toBeGreaterThan(0)
    expect(progress.at(-1)).toEqual([4, 4, drawn.reduce((sum, { tokens }) => sum + tokens.length, 0)])
    expect(progress.map(([each]) => each)).toEqual(progress.map(([each]) => each).toSorted((a, b) => a - b))
    // The same by any number of workers, and by the head in such shares.
    expect((await current.sample(format, plans(), settings)).map(({ tokens }) => tokens)).toEqual(drawn.map(({ tokens }) => tokens))
  })

  it('is J at cuts in batches, two for each worker at once, each with about the tokens that it takes', async () => {
    const { ray, policies } = await opened()
    const { signal } = new AbortController()
    const completion = format.toTokens('1 + 2 = 3 no Wait 3 + 4 = 7 yes')!
    const traces = problems
      .ofStep(1, 200)
      .map((problem) => ({ prompt: problem.promptTokens, completion, cuts: [0, 6, 13], answers: problems.answers(problem) }))
    const here = await policies.current.measure(traces, format.terminationSuffix)
    const current = await ray.policies.sampler('current')
    const there = await current.measure(traces, format.terminationSuffix, signal)
    expect(there).toEqual(here)
    expect(tasks().length).toBeGreaterThan(2)
    expect(tasks().every(({ kind, tokens }) => kind === 'batch' && tokens > 0 && tokens <= 3072)).toBe(true)
    expect(tasks().reduce((sum, { tokens }) => sum + tokens, 0)).toBe(there.forwardedTokens)
    expect([cluster.most, cluster.signals[0] === signal]).toEqual([2, true])
  })
})
