// A worker that hangs keeps its pipes open and never answers: only time tells. Here time is rung by hand, and workers answer or do not as they are told.
import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { openCluster, type Change, type Cluster, type DriverProcess } from '../../src-main/cluster/cluster.ts'
import { readFrames, writeFrame, type Frame, type Header } from '../../src-main/cluster/frames.ts'
import { openPatience, type Alarm } from '../../src-main/cluster/patience.ts'
import { MICRO_CONFIG } from '../lab/micro.ts'

const [PATIENCE_MS, OPENING_MS] = [2000, 60_000]

/** Alarms that ring when the test says so. */
function byHand() {
  const set = new Set<{ readonly ms: number; readonly ring: () => void }>()
  const alarm: Alarm = (ms, ring) => {
    const one = { ms, ring }
    set.add(one)
    return () => void set.delete(one)
  }
  return {
    alarm,
    /** Limits of calls that are under way, but for those of workers that open. */
    waiting: () => [...set].flatMap(({ ms }) => (ms === OPENING_MS ? [] : [ms])),
    /** Time is up for calls of this limit. */
    ring(ms: number) {
      for (const one of [...set].filter((each) => each.ms === ms)) {
        set.delete(one)
        one.ring()
      }
    },
  }
}

/** A driver in this process. `hangs` says whether a worker never answers a call; `onHang` hears of each. */
function driverOf(hangs: (worker: number, kind: string) => boolean, onHang: (call: Header) => void) {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const heard: string[] = []
  const { promise: ended, resolve: end } = Promise.withResolvers<string>()
  const tell = (header: Header, body?: Buffer): void => void writeFrame(output, header, body)
  const join = (worker: number): void => tell({ kind: 'joined', worker, node: `node${worker}`, host: 'here' })
  const say = ({ header, body }: Frame): void => {
    const asked = header.header as Header | undefined
    if (header.kind !== 'call') heard.push(header.worker === undefined ? header.kind : `${header.kind} ${String(header.worker)}`)
    if (header.kind === 'join') for (let worker = 0; worker < Number(header.workers); worker++) join(worker)
    else if (header.kind === 'start') join(Number(header.worker))
    else if (header.kind === 'put') tell({ kind: 'stored', name: header.name })
    else if (header.kind === 'call' && hangs(Number(header.worker), asked!.kind)) onHang(header)
    else if (header.kind === 'call')
      tell(
        { kind: 'answer', call: header.call, header: { kind: 'done', ms: 1, fingerprint: 'same' } },
        Buffer.concat([body, Buffer.from('!')]),
      )
  }
  void (async () => {
    for await (const frame of readFrames(input)) say(frame)
    output.end()
    end('code 0')
  })()
  const driver: DriverProcess = { input, output, ended, kill: () => end('killed') }
  return { driver, heard, tell }
}

async function opened(workers: number, hangs: (worker: number, kind: string) => boolean) {
  const clock = byHand()
  const changes: Change[] = []
  const { promise: allJoined, resolve: allCame } = Promise.withResolvers<void>()
  const hung: Header[] = []
  let heardOne = Promise.withResolvers<void>()
  const made = driverOf(hangs, (call) => {
    hung.push(call)
    heardOne.resolve()
  })
  const opening = openCluster({
    driver: made.driver,
    address: 'here',
    workers,
    command: [],
    model: { config: MICRO_CONFIG, rows: 4, maxLength: 64, temperature: 1, threads: 1 },
    patienceMs: PATIENCE_MS,
    alarm: clock.alarm,
    onChange(change) {
      changes.push(change)
      if (changes.filter(({ kind }) => kind === 'joined').length === workers) allCame()
    },
  })
  return {
    ...made,
    clock,
    changes,
    hung,
    opening,
    allJoined,
    /** Resolves once a worker was asked something that it will not answer. */
    async hangs() {
      await heardOne.promise
      heardOne = Promise.withResolvers()
    },
  }
}

const share = (text: string, tokens = 10) => ({ kind: 'share', body: Buffer.from(text), tokens }) as const
const weights = { name: 'one', part: 'all', bytes: Buffer.from('w'), fingerprint: 'same' } as const

/** Answers of all these shares, as text. */
const answers = async (running: readonly Promise<Buffer>[]): Promise<string[]> => (await Promise.all(running)).map(String)

describe('a worker that hangs in a share', () => {
  const once = () => {
    let left = 1
    return (worker: number, kind: string) => worker === 1 && kind === 'share' && left-- > 0
  }

  it('is ended and replaced once its time has passed, and its share is done again with the same answer', async () => {
    const at = await opened(2, once())
    const cluster = await at.opening
    await at.allJoined
    await cluster.use(weights)
    const running = [cluster.run(share('a')), cluster.run(share('b')), cluster.run(share('c'))]
    await at.hangs()
    expect(await answers([running[0]!, running[2]!])).toEqual(['a!', 'c!'])
    expect(at.changes.filter(({ kind }) => kind === 'lost')).toEqual([])
    at.clock.ring(PATIENCE_MS)
    expect(await answers(running)).toEqual(['a!', 'b!', 'c!'])
    expect(at.changes.filter(({ kind }) => kind === 'lost')).toEqual([
      { kind: 'lost', worker: 1, node: 'here/node1', why: 'no answer to share in 2.0 s' },
    ])
    expect(at.heard.filter((each) => /drop|start/.test(each))).toEqual(['drop 1', 'start 1'])
    expect(cluster.work()).toMatchObject({ tasks: 3, redone: 1, lost: 1 })
    await cluster.close()
  })

  it('is not heard any more: neither its late answer nor its end touches the one in its place', async () => {
    const at = await opened(2, once())
    const cluster = await at.opening
    await at.allJoined
    await cluster.use(weights)
    const running = [cluster.run(share('a')), cluster.run(share('b'))]
    await at.hangs()
    await running[0]
    at.clock.ring(PATIENCE_MS)
    const { call, worker } = at.hung[0]!
    at.tell({ kind: 'answer', call, header: { kind: 'done' } }, Buffer.from('late'))
    at.tell({ kind: 'lost', call, worker, why: 'ended at last' })
    expect(await answers(running)).toEqual(['a!', 'b!'])
    expect(await answers([cluster.run(share('c'))])).toEqual(['c!'])
    expect(cluster.work()).toMatchObject({ workers: 2, lost: 1 })
    await cluster.close()
  })

  it('leaves nothing that waits when the cluster is closed', async () => {
    const at = await opened(1, (_, kind) => kind === 'share')
    const cluster = await at.opening
    await cluster.use(weights)
    void cluster.run(share('a')).catch(() => {})
    await at.hangs()
    expect(at.clock.waiting()).toEqual([PATIENCE_MS])
    await cluster.close()
    expect(at.clock.waiting()).toEqual([])
  })
})

it('a worker that hangs when it is opened, or at its weights, is replaced too', async () => {
  const left = { open: 1, weights: 1 }
  const at = await opened(1, (_, kind) => (kind === 'open' || kind === 'weights') && left[kind]-- > 0)
  await at.hangs()
  at.clock.ring(OPENING_MS)
  const cluster: Cluster = await at.opening
  await cluster.use(weights)
  const running = [cluster.run(share('a'))]
  await at.hangs()
  // Begun for the second time, it is given twice as long.
  expect(at.clock.waiting()).toEqual([2 * PATIENCE_MS])
  at.clock.ring(2 * PATIENCE_MS)
  expect(await answers(running)).toEqual(['a!'])
  expect(at.changes.flatMap(({ kind, why }) => (kind === 'lost' ? [why] : []))).toEqual([
    'no answer to open in 60 s',
    'no answer to weights in 4.0 s',
  ])
  await cluster.close()
})

it('a share that every worker hangs in ends the run with what to do', async () => {
  const at = await opened(2, (_, kind) => kind === 'share')
  const cluster = await at.opening
  await cluster.use(weights)
  const running = cluster.run(share('a'))
  const refused = expect(running).rejects.toThrow(
    expect.objectContaining({ code: 'ray.task', next: expect.stringContaining('--ray-patience') as string }),
  )
  for (let times = 0; times < 4; times++) {
    await at.hangs()
    expect(at.clock.waiting()).toEqual([PATIENCE_MS * 2 ** times])
    at.clock.ring(PATIENCE_MS * 2 ** times)
  }
  await refused
  await cluster.close()
})

describe('patience', () => {
  it('is what was asked for at least, and twenty times the slowest pace for a task that is larger', () => {
    const patience = openPatience(1000)
    expect(patience.limit(1e6, 1)).toBe(1000)
    patience.saw(100, 200, false)
    patience.saw(100, 100, false)
    expect(patience.limit(10, 1)).toBe(1000)
    expect(patience.limit(100, 1)).toBe(20 * 2 * 100)
  })

  it('goes by the first look at the weights until a task was answered', () => {
    const patience = openPatience(1000)
    patience.saw(24, 240, true)
    expect(patience.limit(100, 1)).toBe(20 * 10 * 100)
    patience.saw(100, 100, false)
    expect(patience.limit(100, 1)).toBe(2000)
  })

  it('doubles with each further try, and never exceeds what a timer can wait', () => {
    const patience = openPatience(1000)
    expect([1, 2, 3, 4].map((times) => patience.limit(0, times))).toEqual([1000, 2000, 4000, 8000])
    patience.saw(1, 1e6, false)
    expect(patience.limit(1e6, 4)).toBe(2 ** 31 - 1)
  })
})
