// The requests of one call to a decoder, cut into shares that are decoded each by itself. What is decoded together decides the last bits of a
// log-prob: a product of matrices adds up in another order for one row than for several, and for more rows than columns where several threads
// share it (measured, docs/scale.md). So a cut depends on the requests alone, never on who decodes them, and a share gives the same bits wherever
// it is decoded: here, one share after another, or by the workers of a cluster.
import type { Completion, Decoder, GenerateOptions, GenerateRequest } from '../engine/decoder.ts'

/** Requests that are decoded together, with the sources they start from. */
export interface Share {
  readonly sources: readonly Int32Array[]
  readonly requests: readonly GenerateRequest[]
  /** Places of the requests in the call that was cut. */
  readonly members: readonly number[]
  /** Tokens that it may come to: what each source is begun with, and the most that each request may write. */
  readonly tokens: number
}

/** Whatever completes requests: a decoder, or several. */
export type Generates = Pick<Decoder, 'generate'>

/** The most tokens that a request may write, and those that it starts from. */
const tokensOf = ({ length, suffix, maxNewTokens }: GenerateRequest, source: Int32Array): number =>
  (length ?? source.length) + (suffix?.length ?? 0) + maxNewTokens

/** At most `count` shares of about equal tokens. Requests of one source stay together, so that its prefix is computed once and in the same way; sources keep their order. */
export function cutShares({ sources, requests }: Pick<GenerateOptions, 'sources' | 'requests'>, count: number): Share[] {
  const bySource = [...Map.groupBy(requests.keys(), (index) => requests[index]!.source)].sort(([a], [b]) => a - b)
  const cost = ([source, members]: readonly [number, readonly number[]]): number =>
    members.reduce((sum, index) => sum + tokensOf(requests[index]!, sources[source]!), 0)
  const total = bySource.reduce((sum, each) => sum + cost(each), 0)
  const shares: (readonly [number, readonly number[]])[][] = []
  let before = 0
  for (const each of bySource) {
    const own = cost(each)
    // By the middle of what a source costs, so that equal sources make equal shares.
    const share = Math.min(count - 1, Math.floor(((before + own / 2) * count) / total))
    ;(shares[share] ??= []).push(each)
    before += own
  }
  return shares
    .filter((parts) => parts !== undefined)
    .map((parts) => ({
      sources: parts.map(([source]) => sources[source]!),
      // In the order of the call: the decoder sorts them by source.
      ...inOrder(parts.flatMap(([, members], source) => members.map((index) => ({ index, request: { ...requests[index]!, source } })))),
      tokens: parts.reduce((sum, each) => sum + cost(each), 0),
    }))
}

function inOrder(list: readonly { readonly index: number; readonly request: GenerateRequest }[]): Pick<Share, 'requests' | 'members'> {
  const sorted = list.toSorted((a, b) => a.index - b.index)
  return { requests: sorted.map(({ request }) => request), members: sorted.map(({ index }) => index) }
}

/** Puts what shares gave in the order of the call that was cut. */
export function joinShares<Result>(shares: readonly Share[], results: readonly (readonly Result[])[]): Result[] {
  const all: Result[] = []
  shares.forEach(({ members }, share) => members.forEach((index, at) => (all[index] = results[share]![at]!)))
  return all
}

/** A decoder that decodes every call in so many shares, one after another. @param count 1 leaves calls whole */
export function inShares(decoder: Generates, count: number): Generates {
  if (count === 1) return decoder
  return {
    async generate(options) {
      const shares = cutShares(options, count)
      const results: (readonly Completion[])[] = []
      let finished = 0
      let tokens = 0
      for (const { sources, requests } of shares) {
        const before = { finished, tokens }
        const done = await decoder.generate({
          sources,
          requests,
          ...(options.signal && { signal: options.signal }),
          ...(options.onProgress && {
            onProgress: (progress) =>
              options.onProgress!({
                ...progress,
                finished: before.finished + progress.finished,
                total: options.requests.length,
                tokens: before.tokens + progress.tokens,
              }),
          }),
        })
        results.push(done)
        finished += done.length
        tokens += done.reduce((sum, each) => sum + each.tokens.length, 0)
      }
      return joinShares(shares, results)
    },
  }
}
