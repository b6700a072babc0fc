// A run over workers is the run here: every rollout, every J, every weight, whoever computed it and however often it was begun. The workers are real
// processes; in the place of Ray stands a driver of the test's own that speaks the same frames.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { rayAddress } from '../../src-main/cluster/address.ts'
import { pack, unpack } from '../../src-main/cluster/frames.ts'
import { openContext, type OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { onRay, raySettings } from '../../src-main/lab/training/raySettings.ts'
import { metricDescriptions } from '../../src-main/lab/process/glossary.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import type { GenerateRequest } from '../../src-main/engine/decoder.ts'
import { parameterCount } from '../../src-main/model/config.ts'
import { cutShares, joinShares } from '../../src-main/rollout/shares.ts'
import { MICRO_CONFIG, microSpec, openBench, type Bench } from '../lab/micro.ts'
import { trainedIn, weightsOf, type Over } from './trained.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-ray-'))
const pids = join(folder, 'pids')
const python = join(folder, 'python')
let bench: Bench
const open: OpenedContext[] = []

beforeAll(async () => {
  bench = await openBench()
  // It is started as a Python would be, with the path of the driver, which it does not read.
  writeFileSync(python, `#!/bin/sh\nexec "${process.execPath}" "${join(import.meta.dirname, 'standInDriver.ts')}"\n`)
  chmodSync(python, 0o755)
})
afterEach(() => {
  for (const context of open.splice(0)) context.close()
  for (const name of ['STAND_IN_PIDS', 'STAND_IN_KILLS', 'STAND_IN_HANGS', 'STAND_IN_SPOILS']) delete process.env[name]
})
afterAll(() => {
  bench.dispose()
  rmSync(folder, { recursive: true, force: true })
})

const spec = (more: object = {}) => microSpec(bench.start, { name: 'mrt-exact' }, { steps: 2, groupSize: 4, shares: 3, ...more })

const request = (source: number, maxNewTokens = 10): GenerateRequest => ({
  source,
  seed: 1,
  maxNewTokens,
  stopTokens: [],
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
})

const trained = (name: string, over: Omit<Over, 'python'> | null, given = spec()) =>
  trainedIn(join(folder, name), over && { ...over, python }, given)

describe('shares', () => {
  const sources = [1, 2, 3, 4].map((length) => new Int32Array(length))

  it('hold every request once, those of a source together, and are about equal in tokens', () => {
    const requests = [0, 1, 2, 3, 0, 1, 2, 3].map((source) => request(source))
    const shares = cutShares({ sources, requests }, 2)
    expect(shares.map(({ members }) => members)).toEqual([
      [0, 1, 4, 5],
      [2, 3, 6, 7],
    ])
    expect(shares.map(({ tokens }) => tokens)).toEqual([46, 54])
    expect(shares[1]!.requests.map(({ source }) => source)).toEqual([0, 1, 0, 1])
    expect(
      joinShares(
        shares,
        shares.map(({ members }) => members),
      ),
    ).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('go by what requests may write, not by how many there are', () => {
    const requests = [request(0, 100), request(1), request(2), request(3)]
    expect(cutShares({ sources, requests }, 2).map(({ members }) => members)).toEqual([[0], [1, 2, 3]])
  })

  it('are no more than there are sources, and one holds everything', () => {
    const requests = [request(0), request(0), request(1)]
    expect(cutShares({ sources, requests }, 8)).toHaveLength(2)
    expect(cutShares({ sources, requests }, 1)[0]!.requests).toEqual(requests)
  })
})

it('what travels comes back bit for bit: numbers that are none, minus zero and infinities too', () => {
  const given = {
    logps: Float32Array.from([-0, NaN, -Infinity, 1e-42, 0.1]),
    J: Float64Array.from([1 / 3]),
    tokens: Int32Array.from([-1, 7]),
    text: 'é',
  }
  const got = unpack(pack(given)) as typeof given
  for (const name of ['logps', 'J', 'tokens'] as const)
    expect(Buffer.from(got[name].buffer).equals(Buffer.from(given[name].buffer)), name).toBe(true)
  expect(got.text).toBe('é')
})

describe('an address', () => {
  it('of this machine is taken as it is written', () => {
    for (const address of ['127.0.0.1:6379', 'localhost:6379', 'ray://127.0.0.1:10001']) expect(rayAddress(address, false)).toBe(address)
  })

  it('of another machine needs a yes, since weights and thoughts leave this one', () => {
    expect(() => rayAddress('10.0.0.5:6379', false)).toThrow(expect.objectContaining({ code: 'ray.away' }))
    expect(rayAddress('10.0.0.5:6379', true)).toBe('10.0.0.5:6379')
  })

  it('without a port, or with a password, is none', () => {
    for (const address of ['', '127.0.0.1', 'auto', 'http://127.0.0.1:6379', 'a:b@127.0.0.1:1'])
      expect(() => rayAddress(address, true), address).toThrow(expect.objectContaining({ code: 'ray.address' }))
  })
})

describe('a run over workers', () => {
  let here: Awaited<ReturnType<typeof trained>>
  beforeAll(async () => {
    here = await trained('here', null)
  })

  it('has the numbers of the run here to the last bit, on one worker and on two, and with one that is killed in the midst of a share', async () => {
    const one = await trained('one', { workers: 1 })
    process.env.STAND_IN_PIDS = pids
    process.env.STAND_IN_KILLS = '0:1,1:3'
    const killed = await trained('killed', { workers: 2 })
    expect(here.rollouts).toHaveLength(24)
    expect(one.numbers).toEqual(here.numbers)
    expect(killed.numbers).toEqual(here.numbers)
    // Both kills happened, were made good, and are on record.
    expect(readFileSync(pids, 'utf8').trim().split('\n')).toHaveLength(4)
    const sum = (name: string): number => killed.steps.reduce((all, { metrics }) => all + (metrics[name] ?? 0), 0)
    expect(sum('ray/lost_workers')).toBe(2)
    expect(sum('ray/redone')).toBe(2)
    expect(killed.events.filter(({ code }) => code === 'ray.lostWorker').map(({ level }) => level)).toEqual(['warn', 'warn'])
    expect(one.events.filter(({ code }) => code === 'ray.joined')).toHaveLength(1)
    expect(one.steps[0]!.metrics['ray/shares']).toBeGreaterThanOrEqual(3)
    // The weights went out once a step.
    const bytes = 4 * parameterCount(MICRO_CONFIG)
    expect(one.steps.map(({ metrics }) => metrics['ray/bytes_weights'])).toEqual([bytes, bytes])
    const described = metricDescriptions.flatMap(({ name }) => (name.startsWith('ray/') ? [name] : []))
    expect(
      Object.keys(one.steps[0]!.metrics)
        .filter((name) => name.startsWith('ray/'))
        .toSorted(),
    ).toEqual(described.toSorted())
    expect(one.rollouts[0]!.provenance.device).toBe('cpu, over Ray at 127.0.0.1:6379')
    expect(one.run.environment).toMatchObject({ ray: { address: '127.0.0.1:6379', workers: 1 } })
  })

  it('has the same numbers with a worker that hangs: after its time its share is done elsewhere, and that is on record', async () => {
    process.env.STAND_IN_PIDS = `${pids}-hung`
    // Six shares among two: one of them does a second.
    process.env.STAND_IN_HANGS = '0:2,1:2'
    const hung = await trained('hung', { workers: 2, patience: 2 })
    expect(hung.numbers).toEqual(here.numbers)
    const lost = hung.events.filter(({ code }) => code === 'ray.lostWorker')
    expect(lost.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^Worker [12] on here\/node[01] was lost \(no answer to share in [\d.]+ s\)/),
    )
    expect(hung.steps.reduce((all, { metrics }) => all + metrics['ray/redone']!, 0)).toBeGreaterThanOrEqual(1)
    // What hung is gone, and another came in its place.
    const started = readFileSync(`${pids}-hung`, 'utf8').trim().split('\n')
    expect(started.length).toBe(2 + lost.length)
    for (const pid of started.map((line) => Number(line.split(' ')[1])))
      await vi.waitFor(() => expect(() => process.kill(pid, 0), `process ${pid}`).toThrow('ESRCH'), 20_000)
  })

  it.each(['float32', 'int4'] as const)(
    'sends adapters alone after the model beneath them in %s, and draws stale prefixes with their own',
    async (frozen) => {
      const given = microSpec(
        bench.start,
        { name: 'mrt-pooled', options: { continuations: 2, terminations: 2 } },
        { steps: 2, shares: 2, adapters: { rank: 2, frozen } },
      )
      const alone = await trained(`lora-here-${frozen}`, null, given)
      const over = await trained(`lora-over-${frozen}`, { workers: 2 }, given)
      expect(over.numbers).toEqual(alone.numbers)
      expect(over.steps[1]!.metrics['ray/bytes_weights']!).toBeLessThan(over.steps[0]!.metrics['ray/bytes_weights']! / 2)
    },
  )

  it('refuses a worker that computes other bits', async () => {
    process.env.STAND_IN_SPOILS = '1'
    const context = openContext({ folder: join(folder, 'bits'), create: true, program: 'test', threads: 1 })
    open.push(context)
    const runId = await createRun(context, ...onRay(spec(), {}, raySettings({ address: '127.0.0.1:6379', workers: 1, python })))
    await expect(trainRun(context, runId)).rejects.toThrow(expect.objectContaining({ code: 'ray.bits' }))
  })

  it('that loses every worker again and again says so, and goes on here with the numbers it would have had', async () => {
    process.env.STAND_IN_KILLS = '0:1,0:1,0:1,0:1'
    const context = openContext({ folder: join(folder, 'lost'), create: true, program: 'test', threads: 1 })
    open.push(context)
    const runId = await createRun(context, ...onRay(spec(), {}, raySettings({ address: '127.0.0.1:6379', workers: 1, python })))
    await expect(trainRun(context, runId)).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ray\.(lost|task)$/) as string }),
    )
    expect(context.store.runs.get(runId)!.status).toBe('failed')
    await trainRun(context, runId, { here: true })
    expect(await weightsOf(context, runId)).toEqual(here.numbers.weights)
  })

  it('that finds no driver says what is needed', async () => {
    const context = openContext({ folder: join(folder, 'none'), create: true, program: 'test', threads: 1 })
    open.push(context)
    const ray = raySettings({ address: '127.0.0.1:6379', workers: 1, python: join(folder, 'absent') })
    const runId = await createRun(context, ...onRay(spec(), {}, ray))
    await expect(trainRun(context, runId)).rejects.toThrow(expect.objectContaining({ code: 'ray.driver' }))
  })
})
