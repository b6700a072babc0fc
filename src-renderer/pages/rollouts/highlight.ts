/**
 * Marks the words of a search in text that is already on screen, without touching its elements: ranges that the browser paints
 * (CSS Custom Highlight API). Where a browser has none, nothing is marked.
 */
const NAME = 'found'

/** Words and "exact phrases" as the text index reads them: without signs that only join or exclude. */
export function wordsOf(query: string): readonly string[] {
  return [...query.matchAll(/"([^"]+)"|[“]([^”]+)[”]|(\S+)/g)]
    .map(([, phrase, curly, word]) => (phrase ?? curly ?? word).trim())
    .filter((word) => /[\p{L}\p{N}]/u.test(word) && !/^(AND|OR|NOT)$/.test(word))
}

/** Places [from, to) of each word in a text, whole words only, whatever their case. */
export function placesOf(text: string, words: readonly string[]): readonly (readonly [number, number])[] {
  return words.flatMap((word) => {
    const source = word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\s+/g, '\\s+')
    return [...text.matchAll(new RegExp(`(?<![\\p{L}\\p{N}])${source}(?![\\p{L}\\p{N}])`, 'giu'))].map(
      ({ index, 0: found }) => [index, index + found.length] as const,
    )
  })
}

/** An attachment: keeps the words of `query` marked inside an element while its text changes. */
export function marked(query: string | undefined) {
  return (node: HTMLElement): (() => void) | undefined => {
    const words = query === undefined ? [] : wordsOf(query)
    if (words.length === 0 || !('highlights' in CSS)) return undefined
    const paint = (): void => {
      const ranges: Range[] = []
      const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT)
      for (let text = walker.nextNode(); text !== null; text = walker.nextNode())
        for (const [from, to] of placesOf(text.nodeValue ?? '', words)) {
          const range = new Range()
          range.setStart(text, from)
          range.setEnd(text, to)
          ranges.push(range)
        }
      CSS.highlights.set(NAME, new Highlight(...ranges))
    }
    paint()
    const observer = new MutationObserver(paint)
    observer.observe(node, { childList: true, characterData: true, subtree: true })
    return () => {
      observer.disconnect()
      CSS.highlights.delete(NAME)
    }
  }
}
