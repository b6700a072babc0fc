// Who answers, by the name that weights have: weights of this workspace in the engine here, or a served model at its address. What is asked of them
// is the same.
import type { Engine } from '../../engine/engine.ts'
import type { Device } from '../../engine/providers.ts'
import { loadWeights, openPolicy, rowsFor } from '../../rollout/policy.ts'
import type { Sampler } from '../../rollout/sampler.ts'
import type { Store } from '../../store/openStore.ts'
import { openServed, servedTitle, speakingOf } from './servedModel.ts'
import { loadStart, servedModel, vocabularyOf } from './start.ts'
import type { Vocabulary } from './tasks.ts'

/** In which tokens weights of this name speak. Throws what `loadStart` throws, and LabError `served.tokenizer`. */
export async function vocabularyOfName(store: Store, name: string, now: () => number): Promise<Vocabulary> {
  const served = servedModel(store, name)
  if (served === null) return vocabularyOf(await loadStart(store, name, now))
  const { tokenizer, vocabSize } = await speakingOf(store, served)
  return { size: vocabSize, tokenizer }
}

/** Who is there to answer, before it is known how much room that needs. */
export interface Answering {
  readonly vocabulary: Vocabulary
  readonly modelId: number
  /** Positions that the model has; null where its server does not say. */
  readonly maxPositions: number | null
  /** The model and its address where another program answers; null where the engine here does. */
  readonly served: string | null
  /** @param rows rollouts that are written at once, as far as there is room for their caches */
  open(need: {
    readonly maxLength: number
    readonly temperature: number
    readonly rows?: number
    readonly device?: Device
  }): Promise<{ readonly sampler: Sampler; dispose(): void }>
  /** The work is done: answers of a server that were kept for it are let go. */
  done(): void
}

export interface AnsweringWork {
  /** What the work is called: work of the same name goes on where it was cut short. */
  readonly work: string
  readonly signal?: AbortSignal
  readonly onRetry?: (why: string, tries: number) => void
}

/** Throws what `loadStart` throws, and what asking a server for what it can do throws (LabError `served.*`). */
export async function openAnswering(
  { store, engine, now }: { readonly store: Store; readonly engine: Engine; readonly now: () => number },
  name: string,
  { work, signal, onRetry }: AnsweringWork,
): Promise<Answering> {
  const served = servedModel(store, name)
  if (served !== null) {
    const opened = await openServed(store, served, work, { ...(onRetry && { onRetry }) }, signal)
    return {
      vocabulary: { size: opened.vocabSize, tokenizer: opened.tokenizer },
      modelId: served.id,
      maxPositions: opened.maxLength,
      served: servedTitle(served),
      open: ({ temperature }) => Promise.resolve({ sampler: opened.sampler(temperature), dispose() {} }),
      done: opened.done,
    }
  }
  const start = await loadStart(store, name, now)
  return {
    vocabulary: vocabularyOf(start),
    modelId: start.modelId,
    maxPositions: start.config.maxPositions,
    served: null,
    async open({ maxLength, temperature, rows = Infinity, device }) {
      const weights = await loadWeights(engine, start.config, start.weights)
      const policy = await openPolicy(engine, start.config, weights, {
        rows: Math.min(rowsFor(start.config, maxLength), Math.max(1, rows)),
        maxLength,
        temperature,
        weights: 'stay',
        ...(device && { device }),
      })
      return {
        sampler: policy,
        dispose() {
          policy.dispose()
          weights.dispose()
        },
      }
    },
    done() {},
  }
}
