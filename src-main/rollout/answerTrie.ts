// Accepted answers as a prefix tree of tokens, built from strings and a tokenizer. Where a string can be written in several ways, each is a
// path of its own: the chance of an answer is the sum over the ways of writing it. An answer is complete with any of the tokens that end one.
import type { TextTokenizer } from '../model/tokenizers/tokenizer.ts'
import type { AnswerTrie } from '../tasks/types.ts'

/** Ways of writing one string that are followed; the others are cut finer and have next to no probability. */
const WAYS = 8

/**
 * @param texts accepted answers as they stand behind what announces them, leading space included
 * @param ends tokens after which an answer is complete, at least one
 */
export function answerTrieOf(
  texts: readonly string[],
  tokenizer: Pick<TextTokenizer, 'tokenizations'>,
  ends: readonly number[],
): AnswerTrie {
  const token: number[] = []
  const parent: number[] = []
  const terminal: number[] = []
  const known = new Map<string, number>()
  let strings = 0
  const at = (under: number, id: number, end: 0 | 1): number => {
    const key = `${under} ${id} ${end}`
    let node = known.get(key)
    if (node === undefined) {
      node = token.push(id) - 1
      parent.push(under)
      terminal.push(end)
      known.set(key, node)
      strings += end
    }
    return node
  }
  for (const text of texts)
    for (const way of tokenizer.tokenizations(text, WAYS)) {
      let node = -1
      for (const id of way) node = at(node, id, 0)
      if (node >= 0) for (const id of ends) at(node, id, 1)
    }
  return { token: Int32Array.from(token), parent: Int32Array.from(parent), terminal: Uint8Array.from(terminal), strings }
}
