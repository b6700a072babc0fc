// A comparison as one page that opens without a laboratory: the built page (src-renderer/report) with the lab's own answers written into
// it. Everything the page shows was answered here, by the same questions that Compare asks; the page only looks up.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import {
  LabError,
  REPORT_ELEMENT,
  SCHEMA_VERSION,
  type ExportAsked,
  type OverlayCurve,
  type ReportBand,
  type ReportCurve,
  type ReportData,
  type ReportView,
} from '../../../src-preload/contract.ts'
import { writeAtomically } from '../../data/write/atomicFile.ts'
import type { Written } from '../../data/write/atomicFile.ts'
import type { ExportContext } from '../process/context.ts'
import { metricDescriptions } from '../process/glossary.ts'
import { newestFinished, START } from './compareArms.ts'
import { compareQueries } from '../answers/queriesCompare.ts'
import { found } from '../process/found.ts'

export const REPORT_PAGE = join('out', 'report', 'report.html')
/** A report with its program stays below 5 MB; this is what the curves of training may take of it. */
const CURVE_BYTES = 2_500_000
const NUMBER_BYTES = 9
/** Earlier evaluated steps that a report can be read as of. */
const MOST_STEPS = 10
const POINTS = { least: 60, most: 1000 } as const
const AXES = ['tokens', 'wallMs', 'flops'] as const
const BANDS = ['deviation', 'error', 'bootstrap', 'range'] as const satisfies readonly ReportBand[]

type Asked = Extract<ExportAsked, { kind: 'report' }>
type Ask = ReturnType<typeof compareQueries>

/** At most `most` of them, evenly, the first and the last among them. */
export const spread = (all: readonly number[], most: number): number[] =>
  all.length <= most ? [...all] : Array.from({ length: most }, (_, at) => all[Math.round((at * (all.length - 1)) / (most - 1))]!)

/** The built page without its data. Throws LabError `report.noPage`. */
function emptyPage(): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const path = join(folder, REPORT_PAGE)
    if (existsSync(path)) return readFileSync(path, 'utf8')
    if (folder === dirname(folder))
      throw new LabError('report.noPage', {
        expected: `the built page of reports (${REPORT_PAGE})`,
        found: 'none',
        next: 'Build it with `npm run build`, then make the report again.',
      })
  }
}

/** Seven digits are more than any figure shows; files are half as large for it. */
const shortNumbers = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(7)) : value

/** JSON that may stand inside a script element: no text in it can end the element or open a comment. */
export const jsonInPage = (value: unknown): string => JSON.stringify(value, shortNumbers).replaceAll('<', '\\u003c')

/** Everything that the page shows; `told` hears how many figures are gathered, of how many. Throws LabError `run.unknown`, `report.noBudget`. */
export async function reportData(
  { store, version, now }: ExportContext,
  { runIds, budget, groupBy, baseline }: Asked,
  told: (done: number, total: number) => void,
): Promise<ReportData> {
  const open = () => store
  const ask: Ask = compareQueries(open)
  const quietly = { signal: new AbortController().signal }
  const runs = runIds.map((id) => found('run', id, store.runs.get(id)))
  const { budgets, trainedBudget, steps } = await ask.budgets({ runIds }, quietly)
  const metricNames = [...new Set(runIds.flatMap((id) => store.steps.metricNames(id)))].sort()
  // Runs that were trained elsewhere have no evaluations; what their files say step by step is a report too.
  const isScored = budgets.length > 0
  if (!isScored && (metricNames.length === 0 || runs.some(({ method }) => method !== 'imported')))
    throw new LabError('report.noBudget', {
      expected: 'runs whose evaluations share a measured budget, or imported runs whose files tell of steps',
      found: runs.map(({ name }) => name).join(', '),
      next: 'Evaluate each run, or choose runs that were evaluated alike.',
    })
  const reference = baseline ?? runIds[0]!
  const earlier = spread(steps.slice(0, -1), MOST_STEPS)
  const total = 2 + earlier.length + metricNames.length
  let done = 0
  const next = async <T>(answer: T | Promise<T>): Promise<T> => {
    const value = await answer
    told(++done, total)
    await turn()
    return value
  }
  const viewAt = async (step: number | null): Promise<ReportView> => {
    const scope = { runIds, groupBy, step }
    const usual = await ask.tokensFor({ ...scope, accuracy: null, baseline: reference }, quietly)
    const tokensFor = [usual]
    for (const accuracy of usual.levels) tokensFor.push(await ask.tokensFor({ ...scope, accuracy, baseline: reference }, quietly))
    return {
      step,
      tokensFor,
      tables: await ask.tables({ ...scope, budgets, baseline: reference }, quietly),
      maps: await ask.maps({ ...scope, budgets }, quietly),
      accuracy: await ask.budgetCurves({ ...scope, quantity: 'accuracy', start: true }, quietly),
      regret: await ask.budgetCurves({ ...scope, quantity: 'regret', start: true }, quietly),
    }
  }
  const views = isScored ? [await next(viewAt(null))] : []
  const rows = views[0]?.tables[0]!.rows ?? []
  const hasStart = rows.some(({ key }) => key === START.key)
  if (isScored) for (const step of hasStart ? [0, ...earlier] : earlier) views.push(await next(viewAt(step)))
  const arms = isScored ? rows.length : groupBy === 'run' ? runs.length : new Set(runs.map(({ groupKey }) => groupKey)).size
  const perPoint = 3 + AXES.length + (runs.length > arms ? 2 * BANDS.length : 0)
  const maxPoints = Math.round(
    Math.min(POINTS.most, Math.max(POINTS.least, CURVE_BYTES / (NUMBER_BYTES * perPoint * arms * Math.max(1, metricNames.length)))),
  )
  const curves: Record<string, readonly ReportCurve[]> = {}
  for (const metric of metricNames) curves[metric] = await next(everyView(ask, { runIds, metric, groupBy, maxPoints }, quietly))

  const chosen = new Set(runIds)
  const read = new Set(views.flatMap(({ tables: scored }) => scored[0]!.rows).flatMap(({ evaluationIds }) => evaluationIds))
  const evaluations = store.evaluations
    .list()
    .filter(
      ({ id, runId }) => read.has(id) || (runId !== null && chosen.has(runId) && newestFinished(store.evaluations.ofRun(runId))?.id === id),
    )
  const { uid, schema } = store.workspace()
  const used = (ids: readonly (number | null)[]): number[] => [...new Set(ids.filter((id) => id !== null))]
  return {
    schemaVersion: SCHEMA_VERSION,
    title: [...new Set(runs.map(({ name }) => name))].join(', '),
    madeAtMs: now(),
    version,
    workspace: { uid, schema },
    groupBy,
    budget: budget ?? trainedBudget ?? budgets[Math.floor(budgets.length / 2)] ?? 0,
    baseline: reference,
    runs: store.runs
      .list()
      .filter(({ run }) => chosen.has(run.id))
      .map((item) => ({ ...item, latest: {}, sparklines: [] })),
    evaluations,
    datasets: used([...runs, ...evaluations].map(({ datasetId }) => datasetId)).flatMap((id) => store.datasets.get(id) ?? []),
    models: used([...runs, ...evaluations].map(({ modelId }) => modelId)).flatMap((id) => store.models.get(id) ?? []),
    metrics: [...metricDescriptions],
    budgets,
    trainedBudget,
    steps: [...earlier, ...steps.slice(-1)],
    views,
    curves,
  }
}

/** The curves of one metric by step, with every other x and every band read at the same points. */
async function everyView(
  ask: Ask,
  question: { runIds: number[]; metric: string; groupBy: 'run' | 'group'; maxPoints: number },
  options: { signal: AbortSignal },
): Promise<ReportCurve[]> {
  const view = (x: 'step' | (typeof AXES)[number], band: 'none' | ReportBand): Promise<readonly OverlayCurve[]> =>
    Promise.resolve(ask.curves({ ...question, x, band }, options))
  const plain = (await view('step', 'none')).filter(({ value }) => value.length > 0)
  const axes = await Promise.all(AXES.map((axis) => view(axis, 'none')))
  const several = plain.some(({ n }) => n.some((count) => count > 1))
  const bands = await Promise.all(BANDS.map((band) => (several ? view('step', band) : [])))
  const of = (curves: readonly OverlayCurve[], key: string): OverlayCurve | undefined => curves.find((curve) => curve.key === key)
  return plain.map((curve) => ({
    curve,
    axes: Object.fromEntries(AXES.map((axis, at) => [axis, of(axes[at]!, curve.key)!.x])) as unknown as ReportCurve['axes'],
    bands: Object.fromEntries(
      BANDS.map((band, at) => {
        const { low = null, high = null } = of(bands[at]!, curve.key) ?? {}
        return [band, low === null || high === null ? null : { low, high }]
      }),
    ) as unknown as ReportCurve['bands'],
  }))
}

/** Writes the page; `page` is the built one without its data. Throws LabError `report.noPage`, `report.noBudget`, `run.unknown`, `export.failed`. */
export async function writeReport(
  path: string,
  context: ExportContext,
  asked: Asked,
  told: (done: number, total: number) => void,
  page: string = emptyPage(),
): Promise<Written> {
  const data = await reportData(context, asked, told)
  const place = new RegExp(`(<script[^>]*id="${REPORT_ELEMENT}"[^>]*>)[^<]*(</script>)`)
  if (!place.test(page)) throw new Error(`the page of reports has no element "${REPORT_ELEMENT}" to write to`)
  const title = data.title.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`)
  const filled = page
    .replace(/<title>[^<]*<\/title>/, () => `<title>Comparison: ${title}</title>`)
    .replace(place, (_all, before: string, after: string) => `${before}${jsonInPage(data)}${after}`)
  return writeAtomically(path, (sink) => sink.write(filled))
}
