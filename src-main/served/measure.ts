// J through a server that says log-probs: the accepted answers behind a forced stop, weighed with what the server says of each place. Two ways. Where
// log-probs of a prompt are to be had, each answer is sent as the end of a prompt and its tokens are read there. Else the tree of answers is walked
// from its root, and each place asked for its likeliest tokens. What a server leaves out is bounded, not guessed: J is the sum of what it said, and
// `missing` the most that it can be larger.
import type { AnswerTrie } from '../tasks/types.ts'
import type { Place } from './answer.ts'

/** The log-probs of next tokens after a list of tokens; for `path` of a prompt also at the places before. */
export interface Asking {
  /** @returns places of the last `path` tokens and of the one that follows, [path + 1] */
  alongPath(tokens: readonly number[], path: number): Promise<readonly Place[]>
  /** The likeliest tokens that follow. */
  next(tokens: readonly number[]): Promise<Place>
}

export interface Bounded {
  readonly J: number
  /** J is at most so much larger. */
  readonly missing: number
}

/** Answers less likely than this are not walked into; their chance is counted as missing. */
const NEGLIGIBLE = 1e-7

interface Tree {
  /** Children of a node by the node, -1 for the root. */
  readonly children: ReadonlyMap<number, readonly number[]>
  readonly trie: AnswerTrie
}

function treeOf(trie: AnswerTrie): Tree {
  return { children: Map.groupBy(trie.token.keys(), (node) => trie.parent[node]!), trie }
}

/** What one place says of the tokens that may stand there. */
function weigh(
  { children, trie }: Tree,
  node: number,
  place: Place,
): { readonly known: readonly { node: number; logp: number }[]; readonly missing: number } {
  const wanted = children.get(node) ?? []
  const known = wanted.flatMap((child) => {
    const logp = place.get(trie.token[child]!)
    return logp === undefined ? [] : [{ node: child, logp }]
  })
  const unsaid = wanted.length - known.length
  if (unsaid === 0) return { known, missing: 0 }
  let said = 0
  let least = 1
  for (const logp of place.values()) {
    said += Math.exp(logp)
    least = Math.min(least, Math.exp(logp))
  }
  return { known, missing: Math.max(0, Math.min(1 - said, unsaid * least)) }
}

/** J by asking each place of the tree that is likely enough to matter. @param context tokens up to the forced stop, which included */
export async function walkAnswers(asking: Asking, context: readonly number[], trie: AnswerTrie): Promise<Bounded> {
  const tree = treeOf(trie)
  const visit = async (node: number, path: readonly number[], logp: number): Promise<Bounded> => {
    const chance = Math.exp(logp)
    if (chance < NEGLIGIBLE) return { J: 0, missing: chance }
    const { known, missing } = weigh(tree, node, await asking.next([...context, ...path]))
    const below = await Promise.all(
      known.map((child) =>
        trie.terminal[child.node]
          ? { J: Math.exp(logp + child.logp), missing: 0 }
          : visit(child.node, [...path, trie.token[child.node]!], logp + child.logp),
      ),
    )
    return { J: sum(below, ({ J }) => J), missing: chance * missing + sum(below, (each) => each.missing) }
  }
  return visit(-1, [], 0)
}

/** J by sending every answer that is not the beginning of another as the end of a prompt. */
export async function readAnswers(asking: Asking, context: readonly number[], trie: AnswerTrie): Promise<Bounded> {
  const tree = treeOf(trie)
  const inner = (node: number): readonly number[] => (tree.children.get(node) ?? []).filter((child) => !trie.terminal[child])
  const longest: number[][] = []
  const collect = (node: number, path: number[]): void => {
    const on = inner(node)
    if (on.length === 0) longest.push(path)
    for (const child of on) collect(child, [...path, child])
  }
  collect(-1, [])
  const places = new Map<number, Map<number, number>>()
  await Promise.all(
    longest.map(async (path) => {
      const said = await asking.alongPath([...context, ...path.map((node) => trie.token[node]!)], path.length)
      said.forEach((place, at) => {
        const node = at === 0 ? -1 : path[at - 1]!
        places.set(node, new Map([...(places.get(node) ?? []), ...place]))
      })
    }),
  )
  const visit = (node: number, logp: number): Bounded => {
    const { known, missing } = weigh(tree, node, places.get(node)!)
    const below = known.map((child) =>
      trie.terminal[child.node] ? { J: Math.exp(logp + child.logp), missing: 0 } : visit(child.node, logp + child.logp),
    )
    return { J: sum(below, ({ J }) => J), missing: Math.exp(logp) * missing + sum(below, (each) => each.missing) }
  }
  return visit(-1, 0)
}

const sum = <Item>(items: readonly Item[], of: (item: Item) => number): number => items.reduce((total, item) => total + of(item), 0)
