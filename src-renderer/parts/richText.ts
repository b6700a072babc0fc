/**
 * What a model wrote, read as it meant it: paragraphs, headings, lists, code, emphasis, and mathematics between dollars or
 * backslash brackets, and tables. Pure; the page draws the blocks. Only the Markdown that answers use: no links, no images, no HTML.
 */

export type Inline =
  | { readonly kind: 'text' | 'code' | 'strong' | 'emphasis'; readonly text: string }
  | { readonly kind: 'math'; readonly text: string; readonly display: boolean }
export type Block =
  | { readonly kind: 'paragraph' | 'heading'; readonly inlines: readonly Inline[] }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly (readonly Inline[])[] }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'table'; readonly head: readonly (readonly Inline[])[]; readonly rows: readonly (readonly (readonly Inline[])[])[] }

// Longest delimiters first. Emphasis needs a word on its inner side, so that a product with stars stays one.
const pieces =
  /\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\]|\\\(([\s\S]+?)\\\)|\$(?!\s)([^$\n]+?)(?<!\s)\$(?!\d)|(\\boxed\{(?:[^{}]|\{[^{}]*\})*\})|`([^`\n]+)`|\*\*(?!\s)([^*\n]+?)(?<!\s)\*\*|(?<![\w*])\*(?![\s*])([^*\n]+?)(?<![\s*])\*(?![\w*])/g

export function inlinesOf(text: string): readonly Inline[] {
  const found: Inline[] = []
  let from = 0
  for (const match of text.matchAll(pieces)) {
    if (match.index > from) found.push({ kind: 'text', text: text.slice(from, match.index) })
    const [all, dollars, square, round, dollar, boxed, code, strong, emphasis] = match
    const display = dollars ?? square
    const math = display ?? round ?? dollar ?? boxed
    found.push(
      math !== undefined
        ? { kind: 'math', text: math, display: display !== undefined }
        : code !== undefined
          ? { kind: 'code', text: code }
          : strong !== undefined
            ? { kind: 'strong', text: strong }
            : { kind: 'emphasis', text: emphasis },
    )
    from = match.index + all.length
  }
  if (from < text.length) found.push({ kind: 'text', text: text.slice(from) })
  return found
}

const bullet = /^\s*[-*•]\s+/
const numbered = /^\s*\d+[.)]\s+/

export function blocksOf(text: string): readonly Block[] {
  // Code and displayed mathematics may hold empty lines, so they are set apart first.
  return text.split(/(```[\s\S]*?(?:```|$)|\$\$[\s\S]+?\$\$|\\\[[\s\S]+?\\\])/).flatMap((part): Block[] => {
    if (part.startsWith('```')) return [{ kind: 'code', text: part.replace(/^```[^\n]*\n?|\n?```$/g, '') }]
    if (part.startsWith('$$') || part.startsWith('\\[')) return [{ kind: 'paragraph', inlines: inlinesOf(part) }]
    return part.split(/\n\s*\n/).flatMap(blockOf)
  })
}

/** Text written in lines of a fixed width as flowing text: a line goes on with the one before it, unless it opens something of its own. */
export const unwrapped = (text: string): string =>
  text
    .split(/(```[\s\S]*?(?:```|$))/)
    .map((part) =>
      part.startsWith('```') ? part : part.replaceAll(/(?<=^(?!#|\||\s*$).*)\n(?!\s*(?:[-*•]\s|\d+[.)]\s|#{1,6}\s|\||\n|$))[ \t]*/gm, ' '),
    )
    .join('')

const ruled = /^\s*\|?(\s*:?-+:?\s*\|)+\s*(:?-+:?)?\s*$/
const cellsOf = (line: string): readonly (readonly Inline[])[] =>
  line
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => inlinesOf(cell.trim().replaceAll('\\|', '|')))

function blockOf(paragraph: string): Block[] {
  const lines = paragraph.split('\n').filter((line) => line.trim() !== '')
  if (lines.length === 0) return []
  const heading = /^#{1,6}\s+(.*)$/.exec(lines[0])
  if (heading) return [{ kind: 'heading', inlines: inlinesOf(heading[1]) }, ...blockOf(lines.slice(1).join('\n'))]
  for (const [mark, ordered] of [
    [bullet, false],
    [numbered, true],
  ] as const)
    if (lines.length > 1 && lines.every((line) => mark.test(line)))
      return [{ kind: 'list', ordered, items: lines.map((line) => inlinesOf(line.replace(mark, ''))) }]
  if (lines.length > 2 && ruled.test(lines[1]) && lines.every((line) => line.includes('|')))
    return [{ kind: 'table', head: cellsOf(lines[0]), rows: lines.slice(2).map(cellsOf) }]
  return [{ kind: 'paragraph', inlines: inlinesOf(paragraph.trim()) }]
}
