/**
 * The lines of the table of runs: one per run, or one per configuration with its seeds together. Pure; figures come from the
 * lab and are only put beside the runs they belong to. Filters are words (all must occur) or a /regular expression/.
 */
import type { CompareRow, OverlayCurve, Run, RunListItem } from '../../../src-preload/contract.ts'
import { configDiff, flatten, settingText, type Config } from '../../parts/configDiff.ts'
import { linePattern } from '../../parts/pattern.ts'

export interface Trend {
  readonly values: readonly number[]
  readonly latest: number | null
}

export interface RunRow {
  readonly key: string
  /** Newest first; more than one for a configuration with several seeds. */
  readonly items: readonly RunListItem[]
  readonly title: string
  readonly detail: string
  readonly reward: Trend
  readonly outcome: Trend
  readonly figures: CompareRow | null
  readonly steps: number
  readonly startedAtMs: number
}

type Figures = ReadonlyMap<number, CompareRow>

function trendOf({ sparklines, latest }: RunListItem, metric: string): Trend {
  const line = sparklines.find((each) => each.metric === metric)
  return { values: line?.value ?? [], latest: latest[metric] ?? line?.value.at(-1) ?? null }
}

const trendOfCurve = (curve: OverlayCurve | undefined): Trend => ({ values: curve?.value ?? [], latest: curve?.value.at(-1) ?? null })

const rowOfRun = (item: RunListItem, detail: string, figures: Figures): RunRow => ({
  key: `run-${item.run.id}`,
  items: [item],
  title: item.run.name,
  detail,
  reward: trendOf(item, 'reward'),
  outcome: trendOf(item, 'rewards/outcome/mean'),
  figures: figures.get(item.run.id) ?? null,
  steps: item.run.lastStep ?? 0,
  startedAtMs: item.run.startedAtMs ?? item.run.createdAtMs,
})

export const rowsOfRuns = (items: readonly RunListItem[], figures: Figures): readonly RunRow[] =>
  items.map((item) => rowOfRun(item, `seed ${item.run.seed}`, figures))

/** @param curves mean curves over seeds, where there are several */
export function rowsOfGroups(
  items: readonly RunListItem[],
  figures: Figures,
  curves: { readonly reward: readonly OverlayCurve[]; readonly outcome: readonly OverlayCurve[] },
): readonly RunRow[] {
  return [...Map.groupBy(items, ({ run }) => run.groupKey).values()].map((members) => {
    const [newest] = members
    if (members.length === 1) return rowOfRun(newest, '1 seed', figures)
    const curveOf = (all: readonly OverlayCurve[]) => trendOfCurve(all.find(({ runIds }) => runIds.includes(newest.run.id)))
    return {
      ...rowOfRun(newest, `${members.length} seeds`, figures),
      key: `group-${Math.min(...members.map(({ run }) => run.id))}`,
      items: members,
      reward: curveOf(curves.reward),
      outcome: curveOf(curves.outcome),
    }
  })
}

/** A setting of a run as a cell: numbers stay numbers, so that they sort as such. */
export function settingOf({ run }: RunListItem, path: string): { readonly value: string | number | null; readonly text: string } {
  const value = flatten(run.config as Config).get(path)
  return { value: value === undefined ? null : typeof value === 'number' ? value : settingText(value), text: settingText(value) }
}

/** Paths of all settings of these runs, those that differ between them first; names and seeds stand elsewhere. */
export function settingPaths(items: readonly RunListItem[]): readonly { readonly path: string; readonly differs: boolean }[] {
  const rows = configDiff(
    items.map(({ run }) => run.config as Config),
    ['name', 'seed'],
  )
  return [...rows.filter(({ differs }) => differs), ...rows.filter(({ differs }) => !differs)].map(({ path, differs }) => ({
    path,
    differs,
  }))
}

/** Everything about a run that a person may look for, one thing a line. */
const wordsOf = ({ run }: RunListItem, tags: readonly string[]): string =>
  [
    run.name,
    ...tags.map((tag) => `tag ${tag}`),
    run.method,
    run.algorithm,
    run.status,
    `seed ${run.seed}`,
    `run ${run.id}`,
    run.note,
    ...[...flatten(run.config as Config)].map(([path, value]) => `${path} = ${settingText(value)}`),
  ].join('\n')

export type Filter =
  { readonly passes: (item: RunListItem) => boolean; readonly problem: null } | { readonly passes: null; readonly problem: string }

/** What was typed as a test of runs. `/reward|mrt/` is a regular expression, anything else words that all must occur. */
export function filterOf(typed: string, tagsOf: (run: Run) => readonly string[] = () => []): Filter {
  const pattern = /^\/(.+)\/$/.exec(typed.trim())?.[1]
  if (pattern !== undefined) {
    try {
      const matches = linePattern(pattern)
      return { passes: (item) => matches(wordsOf(item, tagsOf(item.run))), problem: null }
    } catch (error) {
      return { passes: null, problem: (error as Error).message }
    }
  }
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  return {
    passes: (item) => {
      const text = words.length === 0 ? '' : wordsOf(item, tagsOf(item.run)).toLowerCase()
      return words.every((word) => text.includes(word))
    },
    problem: null,
  }
}
