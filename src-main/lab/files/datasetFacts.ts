// What is known of a dataset as it is kept: lengths, levels and slices of its problems, and which of them also stand in another part
// of the workspace. Worked out from the problems when asked, in slices of a few milliseconds so that a long answer holds nothing up.

import type { Dataset, DatasetFacts, ImportRecord, OverlapFound, OverlapReport, Problem } from '../../../src-preload/contract.ts'
import { importRecord } from '../../../src-preload/contract.ts'
import { createDuplicateIndex } from '../../data/datasets/duplicates.ts'
import type { DuplicateIndex } from '../../data/datasets/duplicates.ts'
import { createSummariser } from '../../data/datasets/summary.ts'
import type { LengthHistogram } from '../../data/datasets/summary.ts'
import type { Store } from '../../store/openStore.ts'

/** Values of a slice that are listed. */
const VALUES = 12
/** Levels that stand by themselves, and bins of more. */
const LEVELS = 12
/** Problems of one part that are compared with another. */
const MOST_COMPARED = 20_000
const EXAMPLES = 10
const EXAMPLE_LETTERS = 160
/** Problems looked at before others get their turn. */
const SLICE = 250

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The import that made a dataset; null for what the program made or an older program imported. */
export function recordOfDataset({ source }: Dataset): ImportRecord | null {
  const read = importRecord.safeParse(source)
  return read.success ? read.data : null
}

export async function datasetFacts(store: Store, dataset: Dataset, signal: AbortSignal): Promise<DatasetFacts> {
  const summariser = createSummariser()
  const levels = new Map<number, number>()
  let unlevelled = 0
  let seen = 0
  for (const problem of store.datasets.each(dataset.id)) {
    summariser.add(rowOf(problem))
    if (problem.level === null) unlevelled++
    else levels.set(problem.level, (levels.get(problem.level) ?? 0) + 1)
    if (++seen % SLICE === 0) {
      await turn()
      signal.throwIfAborted()
    }
  }
  const { slices, problemLengths, answerLengths } = summariser.summary()
  const shown = ({ edges, counts, unit }: LengthHistogram): DatasetFacts['problemLengths'] => ({
    edges: [...edges],
    counts: [...counts],
    unit,
  })
  return {
    problemLengths: shown(problemLengths),
    answerLengths: shown(answerLengths),
    unlevelled,
    levels: levelsShown(levels),
    slices: Object.entries(slices).map(([name, { values, others }]) => {
      const listed = Object.entries(values).map(([value, count]) => ({ value, count }))
      return { name, values: listed.slice(0, VALUES), others: others + listed.slice(VALUES).reduce((sum, { count }) => sum + count, 0) }
    }),
    record: recordOfDataset(dataset),
    uses: store.datasets.uses(dataset.id),
  }
}

/** Levels one by one, or in equal bins where they are more than that. */
function levelsShown(levels: ReadonlyMap<number, number>): DatasetFacts['levels'] {
  const each = [...levels].sort(([a], [b]) => a - b)
  if (each.length <= LEVELS) return each.map(([level, count]) => ({ from: level, to: level, count }))
  const [low, high] = [each[0]![0], each.at(-1)![0]]
  const width = (high - low) / LEVELS
  const counts = new Array<number>(LEVELS).fill(0)
  for (const [level, count] of each) counts[Math.min(LEVELS - 1, Math.floor((level - low) / width))]! += count
  return counts.map((count, bin) => ({ from: low + bin * width, to: low + (bin + 1) * width, count }))
}

/** A stored problem as the summariser takes it. */
function rowOf({ key, prompt, answer, level, slices, split }: Problem): Parameters<ReturnType<typeof createSummariser>['add']>[0] {
  const texts = Object.entries(slices)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)])
  return {
    id: key,
    problem: prompt,
    ...(answer !== null && { answer: answer as string }),
    split,
    level,
    slices: Object.fromEntries(texts) as Record<string, string>,
    raw: {},
    line: 0,
  }
}

interface Part {
  readonly dataset: Dataset
  readonly split: string
}

/** Compares every split of the set with its other splits and with every split of every other set. */
export async function datasetOverlap(store: Store, dataset: Dataset, signal: AbortSignal): Promise<OverlapReport> {
  const partsOf = (of: Dataset): Part[] => Object.keys(of.splits).map((split) => ({ dataset: of, split }))
  const own = partsOf(dataset)
  const others = store.datasets
    .list()
    .filter(({ id }) => id !== dataset.id)
    .flatMap(partsOf)
  const found: OverlapFound[] = []
  let compared = 0
  let whole = true
  for (const [place, a] of own.entries()) {
    const index = await indexOf(store, a, signal)
    for (const b of [...own.slice(place + 1), ...others]) {
      const between = await compare(store, index, a, b, signal)
      if (between.exact + between.near > 0) found.push(between)
      compared++
      whole &&= a.dataset.splits[a.split]! <= MOST_COMPARED && b.dataset.splits[b.split]! <= MOST_COMPARED
    }
  }
  return { found: found.sort((one, other) => other.exact - one.exact || other.near - one.near), compared, whole }
}

async function* someOf(store: Store, { dataset, split }: Part, signal: AbortSignal): AsyncGenerator<Problem> {
  for (let after = 0, taken = 0; taken < MOST_COMPARED;) {
    const page = store.datasets.problems(dataset.id, split, after, SLICE)
    yield* page
    if (page.length < SLICE) return
    taken += page.length
    after = page.at(-1)!.id
    await turn()
    signal.throwIfAborted()
  }
}

async function indexOf(store: Store, part: Part, signal: AbortSignal): Promise<DuplicateIndex> {
  const index = createDuplicateIndex()
  for await (const { prompt } of someOf(store, part, signal)) index.add(prompt.slice(0, EXAMPLE_LETTERS), prompt)
  return index
}

async function compare(store: Store, index: DuplicateIndex, a: Part, b: Part, signal: AbortSignal): Promise<OverlapFound> {
  const examples: OverlapFound['examples'][number][] = []
  let exact = 0
  let near = 0
  for await (const { key, prompt } of someOf(store, b, signal)) {
    const match = index.find(prompt)
    if (match === null) continue
    if (match.similarity === 1) exact++
    else near++
    if (examples.length < EXAMPLES)
      examples.push({ key, problem: prompt.slice(0, EXAMPLE_LETTERS), other: match.key, similarity: match.similarity })
  }
  const part = ({ dataset, split }: Part): OverlapFound['a'] => ({
    datasetId: dataset.id,
    name: dataset.name,
    split,
    problems: dataset.splits[split]!,
  })
  return { a: part(a), b: part(b), exact, near, examples }
}
