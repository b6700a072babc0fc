// Prompts and completions as the rectangular tensors of the training and scoring graphs. Position t of a row holds token t and has
// token t + 1 as its target, so the completion's first token is scored at the last prompt position. Pure.
import type { Tensor } from '../engine/tensor.ts'
import type { Batch } from './batches.ts'

export interface Sequence {
  readonly prompt: ArrayLike<number>
  readonly completion: ArrayLike<number>
}

/** Tokens forwarded for a sequence: all but the last, which nothing is predicted from. */
export function forwardedLength({ prompt, completion }: Sequence): number {
  return prompt.length + completion.length - 1
}

/**
 * From this many words on, logits are computed only where a token of a completion is predicted. With fewer words the head costs little, all
 * places are computed, and a run repeats those recorded before to the last bit.
 */
export const WIDE_VOCABULARY = 4096

/**
 * The inputs that every whole-sequence graph shares.
 * @param vocabSize decides which places are scored; all of them unless given
 */
export function sequenceFeeds(batch: Batch, sequences: readonly Sequence[], vocabSize = 0): Record<string, Tensor> {
  const dims = [batch.members.length, batch.width]
  const tokens = new Int32Array(batch.members.length * batch.width)
  const targets = new Int32Array(tokens.length)
  const positions = new Int32Array(tokens.length)
  const everywhere = vocabSize < WIDE_VOCABULARY
  const scored: number[] = everywhere ? Array.from(tokens.keys()) : []
  batch.members.forEach((member, row) => {
    const { prompt, completion } = sequences[member]!
    const start = row * batch.width
    for (let t = 0; t < prompt.length + completion.length; t++) {
      const token = t < prompt.length ? prompt[t]! : completion[t - prompt.length]!
      if (t < prompt.length + completion.length - 1) {
        tokens[start + t] = token
        positions[start + t] = t
      }
      if (t > 0) targets[start + t - 1] = token
      if (!everywhere && t >= prompt.length) scored.push(start + t - 1)
    }
  })
  return {
    tokens: { dtype: 'int64', dims, data: tokens },
    targets: { dtype: 'int64', dims, data: targets },
    positions: { dtype: 'int64', dims, data: positions },
    scored: { dtype: 'int64', dims: [scored.length], data: Int32Array.from(scored) },
  }
}

/** Values per completion token laid out where the graph predicts that token, [rows, width]; 0 elsewhere. */
export function completionPlane(batch: Batch, sequences: readonly Sequence[], values: (member: number) => ArrayLike<number>): Tensor {
  const data = new Float32Array(batch.members.length * batch.width)
  batch.members.forEach((member, row) => data.set(values(member), row * batch.width + sequences[member]!.prompt.length - 1))
  return { dtype: 'float32', dims: [batch.members.length, batch.width], data }
}

/** The inverse of `completionPlane`: what the graph said of each member's completion tokens. */
export function readCompletionPlane(plane: Tensor, batch: Batch, sequences: readonly Sequence[]): Float32Array[] {
  const data = plane.data as Float32Array
  return batch.members.map((member, row) => {
    const { prompt, completion } = sequences[member]!
    const start = row * batch.width + prompt.length - 1
    return data.slice(start, start + completion.length)
  })
}

/** The inputs of a sequence that weighs nothing, for micro-batches that hold answers alone. */
export function noSequence({ oldLogps, refLogps }: { readonly oldLogps: boolean; readonly refLogps: boolean }): Record<string, Tensor> {
  const one = [{ prompt: [0], completion: [0] }]
  const batch = { members: [0], width: 1 }
  const plane = completionPlane(batch, one, () => [0])
  return {
    ...sequenceFeeds(batch, one),
    advantages: plane,
    weights: plane,
    ...(oldLogps && { old_logps: plane }),
    ...(refLogps && { ref_logps: plane }),
  }
}
