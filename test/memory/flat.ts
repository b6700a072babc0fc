// What the process holds as it works: `node test/memory/flat.ts steps 500` trains a micro run, `... requests 10000` asks a lab; of these
// the lines must be level. `... footprint '{"microbatchTokens":2048}'`
// says where the memory of a run of the starter model goes, trained for six steps and evaluated, with changes to its specification.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { evaluateRun } from '../../src-main/lab/comparing/evaluateRun.ts'
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { quantile } from '../../src-main/numeric/stats.ts'
import { openLocalLab } from '../lab/localLab.ts'
import { microSpec, openBench } from '../lab/micro.ts'

export interface Held {
  /** Steps or requests done. */
  readonly done: number
  readonly rss: number
  readonly heap: number
  /** Of typed arrays. */
  readonly external: number
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function held(done: number): Held {
  collect()
  const { rss, heapUsed: heap, arrayBuffers: external } = process.memoryUsage()
  return { done, rss, heap, external }
}

/** Trains a micro run of so many steps; what the process held after each `every` of them. */
export async function heldBySteps(steps: number, every: number): Promise<Held[]> {
  const bench = await openBench()
  const context = bench.open('flat')
  const found: Held[] = []
  try {
    const spec = microSpec(bench.start, { name: 'mrt-exact' }, { steps, checkpointEvery: Math.max(2, Math.floor(steps / 10)) })
    await trainRun(context, await createRun(context, spec), {
      onEvent: (event) => {
        if (event.kind === 'step' && event.step.step % every === 0) found.push(held(event.step.step))
      },
    })
    return found
  } finally {
    context.close()
    bench.dispose()
  }
}

/** Asks a lab so often what pages ask, also what is refused; what the process held after each `every` requests. */
export async function heldByRequests(requests: number, every: number): Promise<Held[]> {
  const lab = await openLocalLab()
  const { client, filled } = lab
  const [runId, other] = filled.runIds as [number, number]
  const asks: readonly ((at: number) => Promise<unknown>)[] = [
    () => client.runs.list(),
    () => client.runs.get({ runId }),
    (at) => client.runs.series({ runId, metrics: ['reward', `metric ${at}`] }),
    (at) => client.rollouts.query({ filter: { steps: [0, at] }, sort: 'place', descending: false, limit: 50, after: null }),
    (at) => client.rollouts.get({ rolloutId: 1 + (at % 64) }),
    (at) => client.rollouts.search({ filter: { text: `Wait word${at % 97}` } }),
    (at) => client.compare.budgetCurves({ runIds: [runId, other], quantity: at % 2 === 0 ? 'accuracy' : 'regret' }),
    () => client.evaluations.list(),
    (at) => client.runs.get({ runId: 1000 + at }).catch(() => null),
    (at) => client.settings.set({ key: `draft${at % 20}`, value: { at } }),
  ]
  const found: Held[] = []
  try {
    for (let at = 1; at <= requests; at++) {
      await asks[at % asks.length]!(at)
      // As between messages of a page: what was collected is given back in a turn of its own.
      await new Promise((turn) => setImmediate(turn))
      lab.events.length = 0
      if (at % every === 0) found.push(held(at))
    }
    return found
  } finally {
    await lab.close()
  }
}

/**
 * Bytes that each further step or request added: the median slope between any two of the second half of what was held. What is under way while one of them is read, a checkpoint that
 * is being written, is no growth, and moves the line of least squares where it comes last.
 */
export function growth(found: readonly Held[], part: 'rss' | 'heap' | 'external'): number {
  const half = found.slice(found.length >> 1)
  const slopes = half.flatMap((from, at) => half.slice(at + 1).map((to) => (to[part] - from[part]) / (to.done - from.done)))
  return quantile(slopes, 0.5)
}

/** Resident now, and at most since it was last asked, in bytes (Linux tells; elsewhere both are what is resident now). */
function residence(): { readonly now: number; readonly peak: number } {
  const now = process.memoryUsage().rss
  if (process.platform !== 'linux') return { now, peak: now }
  const peak = 1024 * Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1])
  writeFileSync('/proc/self/clear_refs', '5')
  return { now, peak }
}

/**
 * Where the memory of a run goes, phase by phase: what the process holds and held at most in it, and of what kind that is. Native blocks are
 * weights and optimizer, the cache of sampling, and the values of a micro-batch between its forward and backward pass.
 */
async function footprint({ evaluation, ...changes }: { readonly evaluation?: object }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mrt-footprint-'))
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  let most = 0
  const say = (what: string): void => {
    const { heap, external } = held(0)
    const { now, peak } = residence()
    most = Math.max(most, peak)
    const files = process.platform === 'linux' ? 1024 * Number(/RssFile:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) : 0
    const native = Math.max(0, now - files - heap - external)
    console.log(
      `${what.padEnd(30)} at most ${mib(peak).padStart(9)}  now ${mib(now).padStart(9)}: files ${mib(files).padStart(7)}, JavaScript ${mib(heap + external).padStart(7)}, the rest ${mib(native).padStart(8)}`,
    )
  }
  say('modules loaded')
  const context = openContext({ folder, create: true, program: 'footprint' })
  say('workspace open')
  void context.engine
  say('engine open')
  const spec = {
    ...microSpec('starter', { name: 'mrt-exact' }),
    steps: 6,
    promptsPerStep: 8,
    groupSize: 8,
    budget: { thinkingTokens: 120, answerTokens: 24 },
    optimizer: { lr: 1e-4 },
    checkpointEvery: 6,
    evaluation: { problems: 48, samples: 4, kept: 4, longest: 440, budgets: [120, 240, 440], ...evaluation },
    ...changes,
  }
  const began = performance.now()
  const runId = await createRun(context, spec)
  await trainRun(context, runId, { onEvent: (event) => event.kind === 'step' && say(`step ${event.step.step}`) })
  say('run finished')
  const trained = performance.now()
  await evaluateRun(context, { runId })
  say('evaluated')
  context.close()
  say('engine and workspace closed')
  const { userCPUTime, systemCPUTime } = process.resourceUsage()
  console.log(
    `training ${((trained - began) / 1000).toFixed(1)} s, evaluation ${((performance.now() - trained) / 1000).toFixed(1)} s, processor time ${((userCPUTime + systemCPUTime) / 1e6).toFixed(1)} s, peak ${mib(most)}`,
  )
  rmSync(folder, { recursive: true, force: true })
}

if (process.argv[1] === import.meta.filename) {
  const [kind = 'steps', count = '500'] = process.argv.slice(2)
  if (kind === 'footprint') await footprint(JSON.parse(process.argv[3] ?? '{}') as object)
  else {
    const every = Math.max(1, Math.floor(Number(count) / 20))
    const found = await (kind === 'steps' ? heldBySteps(Number(count), every) : heldByRequests(Number(count), every))
    for (const { done, rss, heap, external } of found)
      console.log(
        `${String(done).padStart(6)} ${kind}: rss ${(rss / 2 ** 20).toFixed(1)} MiB, heap ${(heap / 2 ** 20).toFixed(1)}, arrays ${(external / 2 ** 20).toFixed(1)}`,
      )
    for (const part of ['rss', 'heap', 'external'] as const)
      console.log(`${part}: ${growth(found, part).toFixed(0)} bytes for each of the last ${kind}`)
  }
}
