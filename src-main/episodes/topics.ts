// Where a text changes its subject, judged by its words alone: neighbouring blocks of paragraphs are compared as bags of
// words, and a gap where their similarity falls well below both sides is a shift. After Hearst, "TextTiling" (1997),
// with paragraphs in place of its fixed token sequences. Words count by how rare they are in this text (TF-IDF: count x
// (1 + ln((1 + N) / (1 + paragraphs with the word))), after Sparck Jones 1972), so that those in every paragraph do not
// hide a shift. Needs no model; knows nothing of meaning beyond shared words.

/** For each paragraph, whether a new subject begins with it. `window` paragraphs are compared on each side of a gap. */
export function topicShifts(paragraphs: readonly string[], window: number): boolean[] {
  const bags = weighByRarity(paragraphs.map(bagOfWords))
  // similarity[i] belongs to the gap before paragraph i + 1.
  const similarity = paragraphs
    .slice(1)
    .map((_, i) => cosine(merge(bags.slice(Math.max(0, i + 1 - window), i + 1)), merge(bags.slice(i + 1, i + 1 + window))))
  const depth = similarity.map((_, gap) => peak(similarity, gap, -1) + peak(similarity, gap, 1) - 2 * similarity[gap])
  const centre = depth.reduce((sum, d) => sum + d, 0) / depth.length
  const spread = Math.sqrt(depth.reduce((sum, d) => sum + (d - centre) ** 2, 0) / depth.length)
  const cutoff = centre + spread / 2
  return paragraphs.map((_, i) => i > 0 && depth[i - 1] > 0 && depth[i - 1] >= cutoff)
}

type Bag = ReadonlyMap<string, number>

function bagOfWords(text: string): Bag {
  const bag = new Map<string, number>()
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) bag.set(word, (bag.get(word) ?? 0) + 1)
  return bag
}

function weighByRarity(bags: readonly Bag[]): Bag[] {
  const spread = new Map<string, number>()
  for (const bag of bags) for (const word of bag.keys()) spread.set(word, (spread.get(word) ?? 0) + 1)
  return bags.map(
    (bag) => new Map([...bag].map(([word, count]) => [word, count * (1 + Math.log((1 + bags.length) / (1 + spread.get(word)!)))])),
  )
}

function merge(bags: readonly Bag[]): Bag {
  const total = new Map<string, number>()
  for (const bag of bags) for (const [word, count] of bag) total.set(word, (total.get(word) ?? 0) + count)
  return total
}

function cosine(a: Bag, b: Bag): number {
  let dot = 0
  for (const [word, count] of a) dot += count * (b.get(word) ?? 0)
  const norm = (bag: Bag): number => Math.hypot(...bag.values())
  return dot === 0 ? 0 : dot / (norm(a) * norm(b))
}

/** Height reached by climbing from a gap in one direction for as long as the similarity does not fall. */
function peak(similarity: readonly number[], gap: number, direction: number): number {
  let at = gap
  while (similarity[at + direction] >= similarity[at]) at += direction
  return similarity[at]
}
