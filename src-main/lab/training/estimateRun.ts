// What a run will cost, before it starts: time, memory, disk. Where this workspace has steps of a run like it, made on this machine, time
// and tokens are those, scaled by the number of rollouts; else they follow from the speed timed on this machine; else, while that cannot be
// timed, from operation counts at an assumed speed, and the range is wide. Memory and disk are counted: weights and their copies, the
// decode cache, the activations of one micro-batch; records per token, and checkpoints.

import { cpus } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import type { Run, RunEstimate, RunSpec, Step } from '../../../src-preload/contract.ts'
import { chosenAdapters, withAdapters } from '../../model/adapters.ts'
import {
  BLOCK,
  EMBEDDING,
  forwardFlopsPerToken,
  parameterSpecs,
  STARTER_CONFIG,
  trainedCount,
  trainFlopsPerToken,
  type LlamaConfig,
} from '../../model/config.ts'
import { mean } from '../../numeric/stats.ts'
import { createMethod, needsOf } from '../../rl/algorithms.ts'
import { HEAD_TOKENS, keptPerToken } from '../../model/layered.ts'
import { budgetOfVocabulary } from '../../rollout/batches.ts'
import { fixedFor } from '../../rollout/openDecoder.ts'
import { rowsFor } from '../../rollout/policy.ts'
import { headPlaces, WIDE_TOKENS } from '../../rollout/readers.ts'
import { WIDE_VOCABULARY } from '../../rollout/sequences.ts'
import type { Store } from '../../store/openStore.ts'
import { atOnce } from '../comparing/evaluationBudgets.ts'
import type { MachineSpeed } from '../process/machineSpeed.ts'
import { specOf } from '../answers/queriesRuns.ts'
import { trainsInOneGraph } from './learner.ts'
import { completeTask } from './tasks.ts'
import { KEPT_BYTES } from './trainingSteps.ts'
import { watchedRollouts } from './watchList.ts'

/** Operations per second that small graphs reach on a few cores, everything counted. */
const ASSUMED_FLOPS = 60e9
/** Share of the thinking budget that rollouts use before training has shortened them. */
const ASSUMED_FILL = 0.55
const RECENT_STEPS = 10
const FLOAT = 4
/** Token id, log-probability and advantage, and about three characters of text with their share of the search index. */
const BYTES_PER_TOKEN = 3 * FLOAT + 6
const BYTES_PER_ROLLOUT = 900
/** Float values kept per token and layer for the backward pass, in units of the hidden size: projections, MLP, norms. */
const ACTIVATIONS_PER_LAYER = 22
const PROMPT_ROOM = 24
/** Tokens of a question in text with its template, and of each solved problem shown before it. */
const TEXT_ROOM = 64
const EXAMPLE_ROOM = 64
/** A layer in one session of a model of text: nodes, plans and names. */
const SESSION_BYTES_PER_LAYER = 1e6
/** The engine, Node and SQLite's cache. */
const BASE_BYTES = 260e6
const SPREAD = { measured: 0.2, timed: 0.5, modelled: 1 } as const

const BECAUSE: Readonly<Record<RunEstimate['basis'], (run: Run | null) => string>> = {
  measured: (run) => `From the last steps of run ${run!.id} (${run!.name}), which has the same algorithm, task and budget.`,
  timed: () =>
    'From a second of drawing and reading tokens on this machine; after the first steps of a run like this one it follows from those.',
  modelled: () => 'From operation counts at a usual speed, because the machine is busy; it may be off by a factor of two.',
}

/** Time and memory of a device on which no run was made yet. */
const ELSEWHERE =
  'From operation counts at the usual speed of a processor: no run like this one was made on that device here. A graphics card may be many times as fast, a driver in software is hundreds of times slower.'

interface Pace {
  readonly basis: RunEstimate['basis']
  readonly wallMsPerRollout: number
  readonly tokensPerRollout: number
  readonly estimateTokensPerRollout: number
  readonly run: Run | null
}

/** Rollouts of a step. Arms have sizes of their own; beside them, beside demonstrations, and where all are drawn from the weights of an iteration's beginning, full rollouts are sampled to be watched. */
function rolloutsOf({ algorithm, promptsPerStep, groupSize, observeGroups }: RunSpec): number {
  const {
    algorithm: { needs },
    options,
  } = createMethod(algorithm.name, algorithm.options)
  const { data, arms, iterations } = needs(options)
  return (
    promptsPerStep * (arms ? arms.continuations + arms.terminations : groupSize) +
    (data === 'rollouts' && !iterations ? 0 : Math.min(observeGroups, promptsPerStep) * groupSize)
  )
}

/** Workspaces travel: steps taken elsewhere say nothing about this machine. So does a record that does not say which. */
function madeHere({ environment }: Run): boolean {
  const { cpu, cores } = (environment ?? {}) as { readonly cpu?: string; readonly cores?: number }
  const here = cpus()
  return cpu !== undefined && cpu === here[0]?.model.trim() && cores === here.length
}

/** The newest run of a model of the same shape with the same algorithm, task, budget, rank of adapters and device that took steps on this machine; null without one. */
function measuredPace(store: Store, spec: RunSpec, config: LlamaConfig): Pace | null {
  const shapeOf = ({ layers, hiddenSize, vocabSize }: LlamaConfig): string => `${layers} ${hiddenSize} ${vocabSize}`
  const alikeShape = ({ modelId }: Run): boolean => {
    const model = modelId === null ? null : store.models.get(modelId)
    return model === null || shapeOf(model.config as unknown as LlamaConfig) === shapeOf(config)
  }
  const task = completeTask(spec.task)
  const alike = store.runs
    .list()
    .map(({ run }) => run)
    .filter((run) => {
      const other = specOf(run)
      return (
        run.lastStep !== null &&
        madeHere(run) &&
        run.algorithm === spec.algorithm.name &&
        other.task.name === task.name &&
        isDeepStrictEqual(completeTask(other.task), task) &&
        other.budget?.thinkingTokens === spec.budget.thinkingTokens &&
        (other.adapters?.rank ?? 0) === spec.adapters.rank &&
        (other.device ?? 'cpu') === spec.device &&
        alikeShape(run)
      )
    })
  const run = alike.at(-1)
  if (run === undefined) return null
  const steps = store.steps.range(run.id, run.lastStep! - RECENT_STEPS + 1, run.lastStep!)
  const per = (of: (step: Step) => number): number => mean(steps.map(of)) / rolloutsOf(specOf(run))
  return {
    basis: 'measured',
    wallMsPerRollout: per((s) => s.wallMs),
    tokensPerRollout: per((s) => s.tokens),
    estimateTokensPerRollout: per((s) => s.estimateTokens),
    run,
  }
}

function modelledPace(spec: RunSpec, config: LlamaConfig, speed: MachineSpeed | null): Pace {
  const method = createMethod(spec.algorithm.name, spec.algorithm.options)
  const needs = method.algorithm.needs(method.options)
  const tokens = ASSUMED_FILL * spec.budget.thinkingTokens + spec.budget.answerTokens / 2
  const observed = needs.J === 'none' ? spec.observeGroups / spec.promptsPerStep : 1
  const branches = needs.J === 'sampled' ? Number(method.options.branches ?? 1) : 1
  const estimateTokens = observed * (needs.J === 'sampled' ? branches * (tokens / 12) * spec.budget.answerTokens : 2 * tokens)
  const perToken = forwardFlopsPerToken(config, spec.budget.thinkingTokens / 2)
  // Drawing one token at a time reaches about half the speed of reading whole sequences.
  const { drawn, read } = speed ?? { drawn: ASSUMED_FLOPS / 2 / perToken, read: ASSUMED_FLOPS / perToken }
  const larger = speed === null ? 1 : perToken / forwardFlopsPerToken(STARTER_CONFIG, spec.budget.thinkingTokens / 2)
  const seconds =
    larger *
    (tokens / drawn +
      (estimateTokens + (trainFlopsPerToken(config, spec.budget.thinkingTokens / 2) / perToken) * (PROMPT_ROOM / 2 + tokens)) / read)
  return {
    basis: speed === null ? 'modelled' : 'timed',
    wallMsPerRollout: 1000 * seconds,
    tokensPerRollout: tokens,
    estimateTokensPerRollout: estimateTokens,
    run: null,
  }
}

/**
 * The most memory a run holds, in bytes: the program, weights and what training keeps beside them, sessions, values of a micro-batch, and of
 * the cache what is written to (it claims more, and a page costs nothing before that). What the runtime took for training it keeps while the run is evaluated.
 */
export function memoryOf(spec: RunSpec, config: LlamaConfig): number {
  const wide = config.vocabSize >= WIDE_VOCABULARY
  const { cuts } = needsOf(createMethod(spec.algorithm.name, spec.algorithm.options))
  const layered = !trainsInOneGraph(config, spec.device, cuts?.follows === true)
  // Weights and, of what trains: start copy, gradient, two moments, what they are computed in; of adapters there is no start copy, and two sets more.
  const copies = weightBytes(config) + 5 * trainedCount(config) * FLOAT
  const sessions = wide ? 3 * SESSION_BYTES_PER_LAYER * config.layers : 0
  const prompt = wide ? TEXT_ROOM + spec.format.examples * EXAMPLE_ROOM : PROMPT_ROOM
  const cached = (rollouts: number, thinking: number): number => {
    const length = prompt + thinking + spec.budget.answerTokens
    return 2 * Math.min(rollouts, rowsFor(config, length)) * length * config.layers * config.kvHeads * config.headDim * FLOAT
  }
  const { problems, samples, kept } = spec.evaluation
  const cache = Math.max(cached(rolloutsOf(spec), spec.budget.thinkingTokens), cached(problems * (samples + kept), atOnce(spec)))
  const length = prompt + spec.budget.thinkingTokens + spec.budget.answerTokens
  return (
    BASE_BYTES +
    copies +
    fixedFor(config, { ...spec, weights: 'train' }).bytes +
    sessions +
    cache +
    Math.max(layered ? layeredBytes(spec, config, length) : graphBytes(spec, config, length), wide ? readingBytes(config, length) : 0)
  )
}

/** Bytes of a number by what it is held in. */
const HELD_BYTES = { float32: FLOAT, bfloat16: FLOAT / 2, float16: FLOAT / 2, int4: 0.5 + (2 * FLOAT) / BLOCK }

/** The weights as they are held, and of those that are narrower than single precision what is widened at once: the output matrix, and the matrices of a layer. */
function weightBytes(config: LlamaConfig): number {
  const elements = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1)
  const specs = parameterSpecs(config)
  const held = specs.reduce((sum, { dims, dtype }) => sum + elements(dims) * HELD_BYTES[dtype ?? 'float32'], 0)
  const narrow = specs.filter(({ dtype }) => dtype !== undefined)
  const wide = narrow.filter(({ name, dims }) => dims[0] === config.vocabSize || name.includes('.layers.0.'))
  return held + FLOAT * wide.reduce((sum, { name, dims }) => sum + (config.untiedHead && name === EMBEDDING ? 0 : elements(dims)), 0)
}

/** What a micro-batch takes in one graph: every value of every layer until its gradient is there. */
function graphBytes({ microbatchTokens }: RunSpec, config: LlamaConfig, length: number): number {
  const perToken = config.layers * (ACTIVATIONS_PER_LAYER * config.hiddenSize + config.heads * length) + 4 * config.vocabSize
  return Math.max(length, budgetOfVocabulary(microbatchTokens, config.vocabSize)) * perToken * FLOAT
}

/** What a micro-batch takes layer by layer: the input of every layer, what is kept of as many as the budget has room for, one layer at work, and the head for some tokens. */
function layeredBytes({ microbatchTokens }: RunSpec, config: LlamaConfig, length: number): number {
  const tokens = Math.max(length, microbatchTokens)
  const kept = tokens * config.layers * (keptPerToken(config) + config.hiddenSize) * FLOAT
  const atWork = tokens * (4 * config.intermediateSize + 8 * config.hiddenSize + 2 * config.heads * length) * FLOAT
  return Math.min(kept, KEPT_BYTES) + Math.max(atWork, 4 * HEAD_TOKENS * config.vocabSize * FLOAT)
}

/** What reading whole sequences of a model of text takes, for scores and J: one layer at work with the weights of its attention, or the logits of the places that the head takes at once. */
export function readingBytes({ vocabSize, hiddenSize, intermediateSize, heads }: LlamaConfig, length: number): number {
  const tokens = Math.max(length, WIDE_TOKENS)
  const layer = tokens * (3 * intermediateSize + 6 * hiddenSize + 3 * heads * length)
  return Math.max(layer, 2 * headPlaces(vocabSize) * vocabSize) * FLOAT
}

/**
 * @param speed timed on this machine, asked for only where no run like this one was made here; null where it cannot be timed now
 * @param weights the shape of the weights that the run starts from; the starter's where they cannot be read yet
 */
export async function estimateRun(
  store: Store,
  spec: RunSpec,
  speed: () => Promise<MachineSpeed | null>,
  weights: LlamaConfig = STARTER_CONFIG,
): Promise<RunEstimate> {
  const config = withAdapters(weights, chosenAdapters(spec.adapters))
  const pace = measuredPace(store, spec, config) ?? modelledPace(spec, config, spec.device === 'cpu' ? await speed() : null)
  const rollouts = rolloutsOf(spec) * spec.steps
  const evaluated =
    spec.evaluation.problems *
    (spec.evaluation.samples + spec.evaluation.kept) *
    (spec.evaluation.every === 0 ? 1 : Math.ceil(spec.steps / spec.evaluation.every))
  // An evaluated or watched rollout is sampled and measured but not trained on: about half the work of one that is.
  const besides = evaluated + watchedRollouts(spec)
  const timeMs = pace.wallMsPerRollout * (rollouts + besides / 2)
  const spread = SPREAD[pace.basis]
  const tokens = pace.tokensPerRollout * rollouts
  const checkpoints = Math.ceil(spec.steps / spec.checkpointEvery)
  return {
    timeMs: { low: timeMs / (1 + spread), high: timeMs * (1 + spread) },
    memoryBytes: memoryOf(spec, config),
    diskBytes:
      (rollouts + besides) * (BYTES_PER_ROLLOUT + pace.tokensPerRollout * BYTES_PER_TOKEN) + checkpoints * 3 * trainedCount(config) * FLOAT,
    tokens,
    estimateTokens: pace.estimateTokensPerRollout * rollouts,
    checkpoints,
    basis: pace.basis,
    because: pace.run === null && spec.device !== 'cpu' ? ELSEWHERE : BECAUSE[pace.basis](pace.run),
  }
}
