// Training whose rollouts and J are made by the workers of a Ray cluster: the third place that a sampler can be. What is drawn is cut into shares,
// J into its usual batches, and both are put together here; weights go out once a step, under adapters these alone. The head keeps what trains,
// grades, pays and evaluates. The same specification gives the same numbers without the cluster.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LabError, type LabEvent } from '../../../src-preload/contract.ts'
import { openCluster, startDriver, type Change, type Cluster, type Weights } from '../../cluster/cluster.ts'
import { bytesOf, pack, unpack } from '../../cluster/frames.ts'
import { fingerprint, sendable, serveWorker, type WorkerModel } from '../../cluster/worker.ts'
import type { Completion } from '../../engine/decoder.ts'
import { adapterSpecs, parameterSpecs, type LlamaConfig } from '../../model/config.ts'
import { BRANCH_TOKENS, exactMuBy, tokensOf, type BatchJ } from '../../rollout/exactMu.ts'
import type { Policy } from '../../rollout/policy.ts'
import { sampleRollouts } from '../../rollout/sample.ts'
import type { Sampler } from '../../rollout/sampler.ts'
import { cutShares, joinShares, type Generates } from '../../rollout/shares.ts'
import { programFolder } from '../process/resources.ts'
import type { PolicySet, Role } from './policySet.ts'
import { joined } from '../../engine/parameters.ts'
import type { RaySettings } from './raySettings.ts'

/** Batches of cuts under way for each worker, so that none waits for the next. */
const BATCHES_AHEAD = 2

/** A worker of a cluster, at the other end of two pipes. */
export const computeForHead = serveWorker

export interface OverRay {
  /** The policies, whose samplers are the cluster's. */
  readonly policies: PolicySet
  /** What provenance says of where it was computed. */
  readonly device: string
  /** Weights go out anew from here on. */
  beginStep(step: number): void
  /** What the workers did since the last look. @param ms that sampling and measuring took, @param tokens that were drawn and forwarded */
  metrics(ms: number, tokens: number): Record<string, number>
  close(): Promise<void>
}

export interface RayParts {
  readonly config: LlamaConfig
  readonly policies: PolicySet
  readonly model: Omit<WorkerModel, 'config'>
  readonly shares: number
  readonly signal?: AbortSignal
  /** Hears of workers as events without a run. */
  readonly tell: (event: Pick<Extract<LabEvent, { kind: 'event' }>['event'], 'level' | 'code' | 'message' | 'data'>) => void
}

/** Throws LabError `ray.driver`, `ray.lost`. */
export async function openOverRay({ address, workers, python, patience }: RaySettings, parts: RayParts): Promise<OverRay> {
  const { config, policies, signal, shares } = parts
  const [program, driver] = [join(programFolder(), 'src-main', 'cli.ts'), join(programFolder(), 'cluster', 'driver.py')]
  // Workers are started by the Node that runs this; a desktop window has none.
  if (process.versions.electron !== undefined || !existsSync(program) || !existsSync(driver))
    throw new LabError('ray.driver', {
      expected: 'the command line of the program, which starts the workers',
      found: 'a desktop window without it',
      next: 'Start the run from a checkout: mrt run --ray ADDRESS, or in a browser with npm start -- --serve.',
    })
  let step = 0
  const cluster = await openCluster({
    driver: startDriver(python, [driver]),
    address,
    workers,
    command: [process.execPath, program, 'worker'],
    model: { config, ...parts.model },
    patienceMs: 1000 * patience,
    ...(signal && { signal }),
    onChange: (change) => parts.tell(eventOf(change, address)),
  })
  const spread = (role: Role, policy: Policy): Sampler => {
    /** What this role is now, brought to the cluster once. */
    const bring = async (): Promise<void> => {
      if (config.lora !== undefined) await cluster.use((base ??= baseOf(config, policies)))
      const name = role === 'start' ? 'start' : `${role} ${step}`
      if (brought.get(role) !== name) {
        known.set(role, { name, ...weightsOf(config, policies, role, policy), fingerprint: await fingerprint(policy.decoder) })
        brought.set(role, name)
      }
      await cluster.use(known.get(role)!)
    }
    const drawing: Generates = {
      async generate(options) {
        const cut = cutShares(options, shares)
        let finished = 0
        let tokens = 0
        const results = await Promise.all(
          cut.map(async (share) => {
            const body = pack({ sources: share.sources, requests: share.requests })
            const done = unpack(await cluster.run({ kind: 'share', body, tokens: share.tokens }, options.signal)) as Completion[]
            finished += done.length
            tokens += done.reduce((sum, each) => sum + each.tokens.length, 0)
            options.onProgress?.({ finished, total: options.requests.length, active: options.requests.length - finished, tokens, steps: 0 })
            return done
          }),
        )
        return joinShares(cut, results)
      },
    }
    return {
      noMeasure: null,
      async sample(format, plans, settings, options) {
        await bring()
        return sampleRollouts(drawing, format, plans, settings, options)
      },
      async measure(traces, suffix, stop) {
        await bring()
        return exactMuBy(
          traces,
          suffix,
          async (batch) =>
            unpack(await cluster.run({ kind: 'batch', body: pack(sendable(batch, suffix)), tokens: tokensOf(batch) }, stop)) as BatchJ,
          BRANCH_TOKENS,
          BATCHES_AHEAD * cluster.workers,
        )
      },
    }
  }
  let base: Weights | null = null
  const known = new Map<Role, Weights>()
  const brought = new Map<Role, string>()
  return {
    policies: {
      ...policies,
      async sampler(role) {
        const policy = await policies.policy(role)
        return isSpread(config, role) ? spread(role, policy) : policy
      },
    },
    device: `cpu, over Ray at ${address}`,
    beginStep(of) {
      step = of
    },
    metrics: (ms, tokens) => metricsOf(cluster, ms, tokens),
    close: () => cluster.close(),
  }
}

/** Other weights than those of the run, and the bare model under adapters, are asked on the head. */
const isSpread = ({ lora }: LlamaConfig, role: Role): boolean => role !== 'given' && !(role === 'start' && lora !== undefined)

function weightsOf(config: LlamaConfig, policies: PolicySet, role: Role, { parameters }: Policy): Pick<Weights, 'part' | 'bytes'> {
  if (config.lora === undefined) return { part: 'all', bytes: bytesOf(parameters.snapshot()) }
  const values =
    role === 'current' ? joined(adapterSpecs(config).map(({ name }) => parameters.get(name))) : policies.values(role as 'ema' | 'stale')!
  return { part: 'adapters', bytes: bytesOf(values) }
}

/** The model under the adapters, with them as they are now: they are brought after it. */
function baseOf(config: LlamaConfig, policies: PolicySet): Weights {
  const { parameters } = policies.current
  return {
    name: 'base',
    part: 'all',
    bytes: bytesOf(joined(parameterSpecs(config).map(({ name }) => parameters.get(name)))),
    fingerprint: null,
  }
}

/** What the workers of a cluster did since the last look, by the names of metrics. */
export function metricsOf(cluster: Pick<Cluster, 'work'>, ms: number, tokens: number): Record<string, number> {
  const work = cluster.work()
  return {
    'ray/workers': work.workers,
    'ray/shares': work.tasks,
    'ray/redone': work.redone,
    'ray/lost_workers': work.lost,
    'ray/bytes_sent': work.bytesSent,
    'ray/bytes_received': work.bytesReceived,
    'ray/bytes_weights': work.bytesOfWeights,
    'ray/busy': ms > 0 && work.workers > 0 ? work.busyMs / (ms * work.workers) : 0,
    'ray/longest_time': work.longestMs / 1000,
    'ray/tokens_per_second': ms > 0 ? (1000 * tokens) / ms : 0,
  }
}

function eventOf({ kind, worker, node, why }: Change, address: string): Parameters<RayParts['tell']>[0] {
  const data = { worker, node, why, address }
  return kind === 'joined'
    ? { level: 'info', code: 'ray.joined', message: `Worker ${worker + 1} joined on ${node}, at ${address}.`, data }
    : {
        level: 'warn',
        code: 'ray.lostWorker',
        message: `Worker ${worker + 1} on ${node} was lost (${why}). What it was doing is done elsewhere, with the same numbers.`,
        data,
      }
}
