// The head of a README of a dataset on Hugging Face: the configurations and which files are which split. It is YAML; what is read of it are
// maps, lists and plain or quoted words by indentation, and lists in brackets: all that `data_files` are written in. What is not understood
// gives no configurations, and the files speak for themselves.

export interface Configuration {
  readonly name: string
  readonly isDefault: boolean
  /** Patterns of files by split, in order; a pattern may be a folder. */
  readonly files: readonly { readonly split: string; readonly pattern: string }[]
}

type Yaml = string | null | readonly Yaml[] | { readonly [key: string]: Yaml }

interface Line {
  readonly indent: number
  readonly text: string
}

const DEEPEST = 20

function linesOf(text: string): Line[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const bare = line.replace(/(^|\s)#.*$/, '').trimEnd()
    return bare.trim() === '' ? [] : [{ indent: bare.length - bare.trimStart().length, text: bare.trimStart() }]
  })
}

function scalar(text: string): Yaml {
  const flow = /^\[(.*)\]$/.exec(text)
  if (flow !== null) return flow[1]!.trim() === '' ? [] : flow[1]!.split(',').map((part) => scalar(part.trim()))
  const quoted = /^"((?:[^"\\]|\\.)*)"$|^'((?:[^']|'')*)'$/.exec(text)
  if (quoted !== null) return quoted[1] ?? quoted[2]!.replaceAll("''", "'")
  return text === '' || text === '~' || text === 'null' ? null : text
}

/** One block: the lines from `at` that are indented by `indent`, and deeper. Gives back where it ends. */
function block(lines: readonly Line[], at: number, indent: number, depth: number): readonly [Yaml, number] {
  if (depth > DEEPEST) throw new Error('nested too deeply')
  if (/^-(\s|$)/.test(lines[at]!.text)) {
    const items: Yaml[] = []
    let next = at
    while (next < lines.length && lines[next]!.indent === indent && /^-(\s|$)/.test(lines[next]!.text)) {
      const rest = lines[next]!.text.slice(1)
      const inner = rest.trimStart()
      // What follows the dash is the first line of a block of its own, indented up to where it begins.
      const deeper = { indent: indent + 1 + (rest.length - inner.length), text: inner }
      const [item, end]: readonly [Yaml, number] =
        inner === ''
          ? below(lines, next + 1, indent, depth)
          : /^[^\s"'[{][^:]*:(\s|$)/.test(inner)
            ? blockFrom(lines, next, deeper, depth)
            : [scalar(inner), next + 1]
      items.push(item)
      next = end
    }
    return [items, next]
  }
  const map: { [key: string]: Yaml } = {}
  let next = at
  while (next < lines.length && lines[next]!.indent === indent) {
    const match = /^("[^"]*"|'[^']*'|[^\s:][^:]*?)\s*:(?:\s+(.*))?$/.exec(lines[next]!.text)
    if (match === null) break
    const key = match[1]!.replace(/^["']|["']$/g, '')
    const [value, end]: readonly [Yaml, number] =
      match[2] === undefined || match[2] === '' ? below(lines, next + 1, indent, depth) : [scalar(match[2]), next + 1]
    if (key !== '__proto__') map[key] = value
    next = end
  }
  if (next === at) throw new Error('neither a map nor a list')
  return [map, next]
}

const blockFrom = (lines: readonly Line[], at: number, first: Line, depth: number): readonly [Yaml, number] =>
  block([...lines.slice(0, at), first, ...lines.slice(at + 1)], at, first.indent, depth + 1)

/** The block under a key or a dash; null where nothing is indented deeper. A list may stand as far left as its key. */
function below(lines: readonly Line[], at: number, indent: number, depth: number): readonly [Yaml, number] {
  const next = lines[at]
  if (next === undefined || next.indent < indent || (next.indent === indent && !/^-(\s|$)/.test(next.text))) return [null, at]
  return block(lines, at, next.indent, depth + 1)
}

const isMap = (value: Yaml | undefined): value is { readonly [key: string]: Yaml } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const texts = (value: Yaml | undefined): readonly string[] =>
  typeof value === 'string' ? [value] : Array.isArray(value) ? (value.filter((each) => typeof each === 'string') as string[]) : []

function filesOf(value: Yaml | undefined): { split: string; pattern: string }[] {
  if (isMap(value)) return Object.entries(value).flatMap(([split, paths]) => texts(paths).map((pattern) => ({ split, pattern })))
  if (Array.isArray(value) && value.some(isMap))
    return (value as readonly Yaml[])
      .filter(isMap)
      .flatMap((each) => texts(each.path).map((pattern) => ({ split: texts(each.split)[0] ?? 'train', pattern })))
  return texts(value).map((pattern) => ({ split: 'train', pattern }))
}

/** The configurations that the head of a README names files for; none where it names none or cannot be read. */
export function configurationsOf(readme: string): readonly Configuration[] {
  const head = /^\uFEFF?---\r?\n([\s\S]*?)\r?\n---/.exec(readme)
  if (head === null) return []
  try {
    const lines = linesOf(head[1]!)
    if (lines.length === 0) return []
    const [top] = block(lines, 0, lines[0]!.indent, 0)
    const configs = isMap(top) && Array.isArray(top.configs) ? (top.configs as readonly Yaml[]).filter(isMap) : []
    return configs.flatMap((config) => {
      const inside = texts(config.data_dir)[0]
      const files = filesOf(config.data_files).map(({ split, pattern }) => ({
        split,
        pattern: inside === undefined ? pattern : `${inside.replace(/\/$/, '')}/${pattern}`,
      }))
      return files.length === 0 ? [] : [{ name: texts(config.config_name)[0] ?? 'default', isDefault: config.default === 'true', files }]
    })
  } catch {
    return []
  }
}

/** A pattern of files as fsspec has it: `*` and `?` within a name, `**` across folders, `[a-z]`, `{a,b}`; a folder stands for what is in it. */
export function patternTest(pattern: string): (path: string) => boolean {
  const clean = pattern.replace(/^\.\//, '')
  const source = clean.replace(/\*\*\/?|[*?]|\[[^\]/]+\]|\{[^}/]*\}|[.+^$()|\\[\]{}]/g, (token) => {
    if (token === '**/') return '(?:.*/)?'
    if (token === '**') return '.*'
    if (token === '*') return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.length > 2 && token.startsWith('[')) return `[${token.slice(1, -1).replace(/^!/, '^').replaceAll('\\', '\\\\')}]`
    if (token.length > 2 && token.startsWith('{'))
      return `(?:${token
        .slice(1, -1)
        .split(',')
        .map((each) => each.replace(/[.*+?^$()|\\[\]{}]/g, '\\$&'))
        .join('|')})`
    return `\\${token}`
  })
  try {
    const test = new RegExp(`^${source.replace(/\/$/, '')}(?:/.*)?$`)
    return (path) => test.test(path)
  } catch {
    return (path) => path === clean
  }
}
