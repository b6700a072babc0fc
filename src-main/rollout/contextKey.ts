// Equal contexts by name: a list of token ids as the key of a map. Pure.

/**
 * Four characters per token, one per byte of its id, so that different lists never share a key, at any vocabulary size. (Ids written as code points do:
 * the two halves of a surrogate pair read as one larger id.)
 * @param count tokens of the list to read; all unless given
 */
export function contextKey(tokens: ArrayLike<number>, count = tokens.length): string {
  const ids = new Int32Array(count)
  for (let t = 0; t < count; t++) ids[t] = tokens[t]!
  return Buffer.from(ids.buffer).toString('latin1')
}
