// A run over Ray beside the run here: `npm run bench -- ray`. Equality first: the same rollouts, J and weights on one worker, on two, on two of which one
// is killed in the midst of a step, and on two of a run that trains adapters. Then how much faster two workers of one core each draw and measure than one. A Ray of two nodes with
// one processor each is started on this machine for it, and ended. RAY_PYTHON is a Python that has the package ray (pip install ray==2.60.0).
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { cpus, loadavg, tmpdir } from 'node:os'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { openContext } from '../../src-main/lab/process/openContext.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { onRay, raySettings } from '../../src-main/lab/training/raySettings.ts'
import { trainRun } from '../../src-main/lab/training/trainRun.ts'
import { loadCheckpoint } from '../../src-main/model/checkpoint.ts'
import { figure, gain, type Answer, type Question } from '../question.ts'

const PORT = 6399
const STEPS = 4
const SPEC = {
  name: 'ray',
  algorithm: { name: 'mrt-exact' },
  steps: STEPS,
  promptsPerStep: 32,
  groupSize: 4,
  shares: 8,
  checkpointEvery: STEPS,
}
const ADAPTED = { ...SPEC, name: 'ray with adapters', steps: 2, checkpointEvery: 2, adapters: { rank: 8 } }
const python = process.env.RAY_PYTHON

export const question: Question = { title: `A run over Ray beside the run here, ${cpus().length} cores, one for each worker`, ask }

async function ask(): Promise<Answer> {
  if (python === undefined) throw new Error('set RAY_PYTHON, see bench/peers/ray.ts')
  const folder = mkdtempSync(join(tmpdir(), 'mrt-bench-ray-'))
  const nodes: ChildProcess[] = []
  try {
    const here = await run(folder, 'here', 0)
    const adaptedHere = await run(folder, 'adapted here', 0, ADAPTED)
    // Short, since Ray's sockets lie beneath it.
    nodes.push(startNode(['--head', '--port', String(PORT), '--include-dashboard=false', '--temp-dir', join(folder, 'r')]))
    await pause(15_000)
    nodes.push(startNode(['--address', `127.0.0.1:${PORT}`]))
    await pause(10_000)
    const one = await run(folder, 'one', 1)
    const two = await run(folder, 'two', 2)
    const killed = await run(folder, 'killed', 2, SPEC, killAWorker)
    const adapted = await run(folder, 'adapted', 2, ADAPTED)
    const version = execFileSync(python, ['-c', 'import ray; print(ray.__version__)'], { encoding: 'utf8' }).trim()
    const differs = (other: Outcome, own = here): number => (isDeepStrictEqual(other.numbers, own.numbers) ? 0 : 1)
    return {
      checks: [
        {
          what: `Ray ${version}, one worker: rollouts, J and weights of the run here (0 where all bits are)`,
          difference: differs(one),
          limit: 0,
        },
        { what: 'two workers: the same', difference: differs(two), limit: 0 },
        { what: 'two workers, one ended by kill -9 in mid-step: the same', difference: differs(killed), limit: 0 },
        { what: 'two workers, adapters of rank 8 alone train: the same', difference: differs(adapted, adaptedHere), limit: 0 },
        { what: 'a worker was lost, and what it did done again (0 where so)', difference: killed.redone > 0 ? 0 : 1, limit: 0 },
      ],
      figures: [
        figure('tokens drawn and forwarded a second, one worker', 'tokens/s', one.speeds),
        figure('the same, two workers', 'tokens/s', two.speeds),
        figure('the same, here with one thread', 'tokens/s', here.speeds),
        figure('weights put into the object store a step', 'bytes', two.bytesOfWeights),
        figure('adapters put into it a step, after the model beneath them', 'bytes', adapted.bytesOfWeights),
        figure('requests and answers a step', 'bytes', two.bytes),
        figure('busy share of two workers', '', two.busy),
        figure('load of the machine when two workers began', '', [two.load]),
      ],
      ratios: [gain('drawing and measuring, two workers against one', two.seconds, one.seconds, { atLeast: 1.7 })],
    }
  } finally {
    for (const node of nodes) node.kill('SIGTERM')
    await Promise.all(nodes.map((node) => new Promise((resolve) => (node.exitCode === null ? node.once('exit', resolve) : resolve(null)))))
    rmSync(folder, { recursive: true, force: true })
  }
}

/** `--block` keeps a node in the foreground, and what it started ends with it. */
function startNode(args: readonly string[]): ChildProcess {
  const options = [
    '--num-cpus',
    '1',
    '--node-ip-address',
    '127.0.0.1',
    '--object-store-memory',
    '200000000',
    '--disable-usage-stats',
    '--block',
  ]
  return spawn(join(dirname(python!), 'ray'), ['start', ...args, ...options], { stdio: ['ignore', 'ignore', 'inherit'] })
}

interface Outcome {
  readonly numbers: unknown
  /** Seconds of drawing and measuring, by step; the first, in which workers get ready, left out. */
  readonly seconds: readonly number[]
  readonly speeds: readonly number[]
  readonly bytesOfWeights: readonly number[]
  readonly bytes: readonly number[]
  readonly busy: readonly number[]
  readonly redone: number
  readonly load: number
}

async function run(folder: string, name: string, workers: number, spec: typeof SPEC = SPEC, disturb?: () => void): Promise<Outcome> {
  const context = openContext({ folder: join(folder, name), create: true, program: 'bench', threads: 1 })
  const load = loadavg()[0]!
  try {
    const ray = workers === 0 ? null : raySettings({ address: `127.0.0.1:${PORT}`, workers, python: python! })
    const runId = await createRun(context, ...onRay(spec, {}, ray))
    let disturbed = false
    await trainRun(context, runId, {
      onEvent: (event) => {
        // Once a step is under way: some of its share of the work is done.
        if (disturb === undefined || disturbed || event.kind !== 'progress' || event.report.done < 1.05) return
        disturbed = true
        disturb()
      },
    })
    const { store } = context
    const rollouts = store.rollouts.page({ filter: { runId }, sort: 'place', descending: false, limit: 2000, after: null }).rollouts
    const { tensors } = await loadCheckpoint(join(store.checkpointsFolder, store.checkpoints.newest(runId)!.contentId))
    const steps = store.steps.range(runId, 1, spec.steps)
    const of = (metric: string): number[] => steps.slice(1).map(({ metrics }) => metrics[metric] ?? 0)
    const seconds = steps.slice(1).map(({ metrics }) => metrics['time/sample']! + metrics['time/mu']!)
    return {
      numbers: {
        rollouts: rollouts.map(({ id }) => {
          const { tokens, logps, advantages, progress } = store.rollouts.readable(id)!
          return [tokens, logps, advantages, progress.map(({ estimates }) => estimates)]
        }),
        weights: [...tensors].map(([tensor, { data }]) => [tensor, data]),
      },
      seconds,
      speeds: steps.slice(1).map(({ tokens, estimateTokens }, at) => (tokens + estimateTokens) / seconds[at]!),
      bytesOfWeights: of('ray/bytes_weights'),
      bytes: steps.slice(1).map(({ metrics }) => (metrics['ray/bytes_sent'] ?? 0) + (metrics['ray/bytes_received'] ?? 0)),
      busy: of('ray/busy'),
      redone: steps.reduce((sum, { metrics }) => sum + (metrics['ray/redone'] ?? 0), 0),
      load,
    }
  } finally {
    context.close()
  }
}

/** Ends the younger of the workers that are under way on this machine for this benchmark: those that an actor of this Ray started. */
function killAWorker(): void {
  const found = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
        return words[1]?.startsWith(join(import.meta.dirname, '../..')) && words[1].endsWith('cli.ts') && words[2] === 'worker'
      } catch {
        return false
      }
    })
    .map(Number)
  if (found.length > 0) process.kill(Math.max(...found), 'SIGKILL')
}
