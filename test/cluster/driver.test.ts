// The driver itself, cluster/driver.py, run by the Python that is there with a stand-in for the package ray, which makes actors of processes. The workers
// are real, and so is what they compute.
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { startDriver, type DriverProcess } from '../../src-main/cluster/cluster.ts'
import { bytesOf, pack, readFrames, writeFrame, type Frame, type Header } from '../../src-main/cluster/frames.ts'
import { serveWorker } from '../../src-main/cluster/worker.ts'
import { initialWeights, parameterSpecs } from '../../src-main/model/config.ts'
import { MICRO_CONFIG, microSpec, openBench, type Bench } from '../lab/micro.ts'
import { trainedIn } from './trained.ts'

const root = join(import.meta.dirname, '..', '..')
const command = [process.execPath, join(root, 'src-main', 'cli.ts'), 'worker']
const env = { ...process.env, PYTHONPATH: join(root, 'test', 'fixtures', 'python'), PYTHONDONTWRITEBYTECODE: '1' }
const drivers: DriverProcess[] = []
afterEach(() => {
  for (const driver of drivers.splice(0)) driver.kill()
})

/** A driver, asked frame by frame. */
function opened(more: NodeJS.ProcessEnv = {}) {
  const driver = startDriver('python3', [join(root, 'cluster', 'driver.py')], { ...env, ...more })
  drivers.push(driver)
  const frames = readFrames(driver.output)
  return {
    driver,
    say: (header: Header, body?: Buffer) => void writeFrame(driver.input, header, body),
    /** So many frames, in the order in which they came. */
    async hear(count = 1): Promise<Frame[]> {
      const heard: Frame[] = []
      while (heard.length < count) {
        const { value, done } = await frames.next()
        if (done) throw new Error(`the driver ended: ${await driver.ended}`)
        heard.push(value)
      }
      return heard
    },
  }
}

/** A worker in this process, for what the driver's workers have to say. */
async function answersHere(asked: readonly (readonly [Header, Buffer])[]): Promise<Frame[]> {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const serving = serveWorker(input, output)
  for (const [header, body] of asked) void writeFrame(input, header, body)
  input.end()
  await serving
  output.end()
  return Array.fromAsync(readFrames(output))
}

const model = pack({ config: MICRO_CONFIG, rows: 4, maxLength: 64, temperature: 1, threads: 1 })
const values = initialWeights(MICRO_CONFIG, 3)
const weights = Buffer.concat(parameterSpecs(MICRO_CONFIG).map(({ name }) => bytesOf(values.get(name)!)))
const request = { source: 0, maxNewTokens: 12, stopTokens: [], temperature: 1, topK: 0, topP: 1, minP: 0 }
const share = pack({ sources: [Int32Array.of(1, 15, 20)], requests: [1, 2].map((seed) => ({ ...request, seed })) })
const isGone = (pid: number) => () => expect(() => process.kill(pid, 0), `process ${pid}`).toThrow('ESRCH')

describe('the driver', () => {
  it('starts workers, brings weights once for all of them, hands on shares, and ends them with itself', async () => {
    const { driver, say, hear } = opened()
    say({ kind: 'join', address: '127.0.0.1:1', workers: 2, cpus: 1, command })
    const joined = (await hear(2)).map(({ header }) => header).toSorted((a, b) => Number(a.worker) - Number(b.worker))
    expect(joined).toEqual(
      [0, 1].map(
        (worker) => expect.objectContaining({ kind: 'joined', worker, node: expect.stringMatching(/^[0-9a-f]{8}$/) as string }) as object,
      ),
    )
    say({ kind: 'put', name: 'first' }, weights)
    expect((await hear())[0]!.header).toMatchObject({ kind: 'stored', name: 'first' })
    const answers: Frame[][] = []
    for (const [at, [header, stored, body]] of (
      [
        [{ kind: 'open' }, null, model],
        [{ kind: 'weights', part: 'all' }, 'first', undefined],
        [{ kind: 'share' }, null, share],
      ] as const
    ).entries()) {
      for (const worker of [0, 1]) say({ kind: 'call', call: 10 * at + worker, worker, header, stored }, body)
      answers.push((await hear(2)).toSorted((a, b) => Number(a.header.call) - Number(b.header.call)))
    }
    const [open, loaded, done] = answers as [Frame[], Frame[], Frame[]]
    // Each call reached the worker that it was meant for.
    expect(open.map(({ header }) => (header.header as Header).pid)).toEqual(joined.map(({ pid }) => pid))
    const [, here, drawn] = (await answersHere([
      [{ kind: 'open' }, model],
      [{ kind: 'weights', part: 'all' }, weights],
      [{ kind: 'share' }, share],
    ])) as [Frame, Frame, Frame]
    for (const worker of [0, 1]) {
      expect((loaded[worker]!.header.header as Header).fingerprint).toBe(here.header.fingerprint)
      expect(done[worker]!.body.equals(drawn.body)).toBe(true)
    }
    driver.input.end()
    expect(await driver.ended).toMatch(/^code 0/)
    for (const { pid } of joined) await vi.waitFor(isGone(Number(pid)), 20_000)
  })

  it('tells of a worker that ended in the midst of a call, and starts another in its place', async () => {
    const { say, hear } = opened()
    say({ kind: 'join', address: '127.0.0.1:1', workers: 1, cpus: 1, command })
    const [first] = await hear()
    process.kill(Number(first!.header.pid), 'SIGKILL')
    say({ kind: 'call', call: 7, worker: 0, header: { kind: 'open' }, stored: null }, model)
    expect((await hear())[0]!.header).toEqual({
      kind: 'lost',
      worker: 0,
      call: 7,
      why: expect.stringMatching(/code -9|BrokenPipe/) as string,
    })
    say({ kind: 'start', worker: 0 })
    const [second] = await hear()
    expect(second!.header).toMatchObject({ kind: 'joined', worker: 0 })
    expect(second!.header.pid).not.toBe(first!.header.pid)
    say({ kind: 'call', call: 8, worker: 0, header: { kind: 'open' }, stored: null }, model)
    expect((await hear())[0]!.header).toMatchObject({ kind: 'answer', call: 8, header: { kind: 'opened', pid: second!.header.pid } })
  })

  it.runIf(process.platform === 'linux')(
    'ends a worker that hangs when it is told to, and the one in its place is not touched by that',
    async () => {
      const { say, hear } = opened()
      say({ kind: 'join', address: '127.0.0.1:1', workers: 1, cpus: 1, command })
      const [first] = await hear()
      process.kill(Number(first!.header.pid), 'SIGSTOP')
      say({ kind: 'call', call: 7, worker: 0, header: { kind: 'open' }, stored: null }, model)
      say({ kind: 'drop', worker: 0 })
      say({ kind: 'start', worker: 0 })
      const heard = (await hear(2)).map(({ header }) => header)
      expect(heard).toContainEqual(expect.objectContaining({ kind: 'lost', worker: 0, call: 7 }))
      const second = heard.find(({ kind }) => kind === 'joined')!
      await vi.waitFor(isGone(Number(first!.header.pid)), 20_000)
      say({ kind: 'call', call: 8, worker: 0, header: { kind: 'open' }, stored: null }, model)
      expect((await hear())[0]!.header).toMatchObject({ kind: 'answer', call: 8, header: { kind: 'opened', pid: second.pid } })
    },
  )

  it('refuses where there is no cluster, and where Python has no package ray', async () => {
    const elsewhere = opened()
    elsewhere.say({ kind: 'join', address: '10.0.0.5:1', workers: 1, cpus: 1, command })
    expect((await elsewhere.hear())[0]!.header).toEqual({
      kind: 'refused',
      why: 'ConnectionError: ray.init() could not find a cluster at 10.0.0.5:1',
    })
    const without = opened({ STAND_IN_RAY: 'absent' })
    expect((await without.hear())[0]!.header).toEqual({ kind: 'refused', why: expect.stringMatching(/has no package ray/) as string })
    expect(await without.driver.ended).toMatch(/^code 0/)
  })
})

describe('a run over the driver', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mrt-driver-'))
  let bench: Bench
  beforeAll(async () => {
    bench = await openBench()
  })
  afterAll(() => {
    vi.unstubAllEnvs()
    bench.dispose()
    rmSync(folder, { recursive: true, force: true })
  })

  it('has the numbers of the run here, to the last bit', async () => {
    for (const name of ['PYTHONPATH', 'PYTHONDONTWRITEBYTECODE'] as const) vi.stubEnv(name, env[name])
    const spec = microSpec(bench.start, { name: 'mrt-exact' }, { steps: 2, groupSize: 4, shares: 3 })
    const here = await trainedIn(join(folder, 'here'), null, spec)
    const over = await trainedIn(join(folder, 'over'), { workers: 2, python: 'python3' }, spec)
    expect(here.rollouts).toHaveLength(24)
    expect(over.numbers).toEqual(here.numbers)
    expect(over.events.filter(({ code }) => code === 'ray.joined').length).toBeGreaterThanOrEqual(1)
  })
})
