// Sessions that read whole sequences: the log-probs of completions, and of the children of branches. With few words one graph does all of it. With many
// (those of text) logits are never there for all places: a first graph gives the states of the places that are read, and the head runs over
// some of them at a time, so that 2,000 tokens of a vocabulary of 150,000 take no more room than a hundred.
import type { Engine } from '../engine/engine.ts'
import type { ParameterSet } from '../engine/parameters.ts'
import type { Device } from '../engine/providers.ts'
import type { Session } from '../engine/session.ts'
import type { Tensor } from '../engine/tensor.ts'
import type { LlamaConfig } from '../model/config.ts'
import { branchModel, branchStatesModel, chosenModel, keptBranchModel, scoreModel, statesModel } from '../model/onnx.ts'
import { batchByLength, budgetOfVocabulary, DEFAULT_BATCH_LIMITS } from './batches.ts'
import { forwardedLength, readCompletionPlane, sequenceFeeds, WIDE_VOCABULARY } from './sequences.ts'
import type { Sequence } from './sequences.ts'

export interface ReaderOptions {
  /** Log-probs are those of softmax(logits / temperature); default 1. */
  readonly temperature?: number
  readonly device?: Device
}

/** Places whose logits are there at once, where the vocabulary asks for no fewer. */
const HEAD_PLACES = 256

/** Tokens of whole sequences that are read at once where the head is apart: one of 2,048, for which attention takes as much room as the rest. */
export const WIDE_TOKENS = 2048

/** Places whose logits are there at once for a vocabulary of this size. */
export const headPlaces = (vocabSize: number): number => budgetOfVocabulary(HEAD_PLACES, vocabSize)

/** Vocabularies so wide that the head is a graph of its own. */
export const isWide = ({ vocabSize }: LlamaConfig): boolean => vocabSize >= WIDE_VOCABULARY

/** Runs the head over some states at a time. @param chosen tokens [K, each] @returns their log-probs [K, each] */
async function chosenLogps(
  head: Session,
  states: Tensor,
  chosen: Int32Array,
  each: number,
  vocabSize: number,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const [places, hidden] = states.dims as [number, number]
  const data = states.data as Float32Array
  const logps = new Float32Array(chosen.length)
  const most = headPlaces(vocabSize)
  for (let from = 0; from < places; from += most) {
    const to = Math.min(places, from + most)
    const outputs = await head.run(
      {
        states: { dtype: 'float32', dims: [to - from, hidden], data: data.subarray(from * hidden, to * hidden) },
        chosen: { dtype: 'int64', dims: [to - from, each], data: chosen.subarray(from * each, to * each) },
      },
      undefined,
      { signal },
    )
    logps.set(outputs.logps!.data as Float32Array, from * each)
  }
  return logps
}

export interface BranchReader {
  /** As `RunBranches`, kept traces where the vocabulary is not wide; every slot is read unless given. */
  run(feeds: Record<string, Tensor>, read?: Int32Array, signal?: AbortSignal): Promise<Record<string, Tensor>>
  dispose(): void
}

/** What `exactMu` runs. @param config with positions for the longest trace and its answers */
export async function openBranches(
  engine: Engine,
  config: LlamaConfig,
  parameters: ParameterSet,
  { temperature = 1, device = 'cpu' }: ReaderOptions = {},
): Promise<BranchReader> {
  const open = { parameters, device }
  if (!isWide(config)) {
    const session = await engine.createSession(branchModel(config, temperature), open)
    // Opened when first asked: most policies never measure what they wrote themselves.
    let behindKept: Promise<Session> | null = null
    return {
      async run(feeds, _read, signal) {
        const asked =
          'trace_key_0' in feeds ? await (behindKept ??= engine.createSession(keptBranchModel(config, temperature), open)) : session
        return asked.run(feeds, undefined, { signal })
      },
      dispose() {
        session.dispose()
        // One that could not be opened was told of where it was asked for.
        void behindKept?.then(
          (opened) => opened.dispose(),
          () => undefined,
        )
      },
    }
  }
  const body = await engine.createSession(branchStatesModel(config), open)
  const head = await engine.createSession(chosenModel(config, temperature), open)
  return {
    async run({ children, ...feeds }, given, signal) {
      const read = given ?? Int32Array.from({ length: children!.dims[0]! * children!.dims[1]! }, (_, slot) => slot)
      const { states } = await body.run({ ...feeds, read: { dtype: 'int64', dims: [read.length], data: read } }, undefined, { signal })
      const each = children!.dims[2]!
      const ids = children!.data as Int32Array
      const chosen = new Int32Array(read.length * each)
      read.forEach((slot, at) => chosen.set(ids.subarray(slot * each, (slot + 1) * each), at * each))
      const logps = await chosenLogps(head, states!, chosen, each, config.vocabSize, signal)
      const all = new Float32Array(ids.length)
      read.forEach((slot, at) => all.set(logps.subarray(at * each, (at + 1) * each), slot * each))
      return { child_logps: { dtype: 'float32', dims: children!.dims, data: all } }
    },
    dispose() {
      body.dispose()
      head.dispose()
    },
  }
}

export interface ScoreReader {
  /** Log-probs of completion tokens, one array per sequence. */
  score(sequences: readonly Sequence[], signal?: AbortSignal): Promise<Float32Array[]>
  dispose(): void
}

/** @param config with positions for the longest sequence */
export async function openScores(
  engine: Engine,
  config: LlamaConfig,
  parameters: ParameterSet,
  { temperature = 1, device = 'cpu' }: ReaderOptions = {},
): Promise<ScoreReader> {
  const open = { parameters, device }
  const wide = isWide(config)
  const body = await engine.createSession(wide ? statesModel(config) : scoreModel(config, temperature), open)
  const head = wide ? await engine.createSession(chosenModel(config, temperature), open) : null
  const limits = { ...DEFAULT_BATCH_LIMITS, ...(wide && { tokenBudget: WIDE_TOKENS }) }
  return {
    async score(sequences, signal) {
      const logps: Float32Array[] = new Array(sequences.length)
      for (const batch of batchByLength(sequences.map(forwardedLength), limits)) {
        const { targets, ...feeds } = sequenceFeeds(batch, sequences, config.vocabSize)
        let plane: Tensor
        if (head === null) plane = (await body.run({ ...feeds, targets: targets! }, ['logps'], { signal })).logps!
        else {
          const places = feeds.scored!.data as Int32Array
          const { states } = await body.run(feeds, undefined, { signal })
          const read = await chosenLogps(
            head,
            states!,
            Int32Array.from(places, (place) => Number(targets!.data[place])),
            1,
            config.vocabSize,
            signal,
          )
          const values = new Float32Array(batch.members.length * batch.width)
          places.forEach((place, at) => (values[place] = read[at]!))
          plane = { dtype: 'float32', dims: [batch.members.length, batch.width], data: values }
        }
        readCompletionPlane(plane, batch, sequences).forEach((values, row) => {
          logps[batch.members[row]!] = values
        })
      }
      return logps
    },
    dispose() {
      body.dispose()
      head?.dispose()
    },
  }
}
