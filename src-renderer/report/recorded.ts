/**
 * A laboratory that has said all it will ever say: answers the calls of a comparison from what a report carries, so that the
 * page's own parts show it unchanged. It looks up and leaves out (arms that are hidden, other bands and axes); it computes nothing.
 */
import {
  LabError,
  type CallMessage,
  type CompareTable,
  type HostMessage,
  type InputOf,
  type MethodMap,
  type Methods,
  type OverlayCurve,
  type ReportCurve,
  type ReportData,
  type ReportView,
  type Transport,
} from '../../src-preload/contract.ts'

type Compare = Methods['compare']
interface Arm {
  readonly runIds: readonly number[]
}

/** An arm is shown when all its runs were asked for; what belongs to no run (the start) always is. */
const within = <A extends Arm>(arms: readonly A[], runIds: readonly number[]): A[] =>
  arms.filter((arm) => arm.runIds.every((id) => runIds.includes(id)))

function viewOf({ curve, axes, bands }: ReportCurve, { x, band }: InputOf<Compare['curves']>): OverlayCurve {
  const spread = band === 'none' ? null : bands[band]
  return {
    ...curve,
    x: x === 'step' ? curve.x : [...axes[x]],
    low: spread === null ? null : [...spread.low],
    high: spread === null ? null : [...spread.high],
  }
}

const unrecorded = (method: string): LabError =>
  new LabError('report.unrecorded', {
    expected: `an answer to ${method}`,
    found: 'a report, which holds a comparison and nothing else',
    next: 'Open the workspace itself to ask more.',
  })

function at<T extends { readonly budget: number }>(all: readonly T[], budget: number, method: string): T {
  const found = all.find((each) => each.budget === budget)
  if (found === undefined) throw unrecorded(method)
  return found
}

/** The comparison as of a step: the newest one recorded at or before it. */
function viewAt({ views }: ReportData, step: number | null | undefined): ReportView {
  const [newest, ...earlier] = views
  const last = Math.max(
    ...views.flatMap(({ tables }) => tables[0].rows.flatMap(({ evaluatedSteps }) => evaluatedSteps.map((each) => each ?? 0))),
  )
  if (step === null || step === undefined || step >= last || earlier.length === 0) return newest
  return earlier.findLast((view) => view.step! <= step) ?? earlier[0]
}

function tableOf(view: ReportView, budget: number, runIds: readonly number[]): CompareTable {
  const table = at(view.tables, budget, 'compare.table')
  return { ...table, rows: within(table.rows, runIds) }
}

function mapOf(view: ReportView, budget: number, runIds: readonly number[]): MethodMap {
  const map = at(view.maps, budget, 'compare.map')
  return { ...map, paths: within(map.paths, runIds) }
}

type Answer = (data: ReportData, input: never) => unknown
const answers: Readonly<Record<string, Answer>> = {
  'app.info': ({ version }) => ({
    face: 'file',
    version,
    platform: '',
    can: { chooseFolder: false, reveal: false, openExternal: false, notify: false, dropPaths: false },
  }),
  'workspace.info': () => null,
  'runs.list': ({ runs }) => runs,
  'runs.metricNames': ({ curves }) => Object.keys(curves),
  'evaluations.list': ({ evaluations }) => evaluations,
  'glossary.metrics': ({ metrics }) => metrics,
  'compare.budgets': ({ budgets, trainedBudget, steps }) => ({ budgets, trainedBudget, steps }),
  'compare.tables': (data, { budgets, runIds, step }: InputOf<Compare['tables']>) =>
    budgets.map((budget) => tableOf(viewAt(data, step), budget, runIds)),
  'compare.maps': (data, { budgets, runIds, step }: InputOf<Compare['maps']>) =>
    budgets.map((budget) => mapOf(viewAt(data, step), budget, runIds)),
  'compare.tokensFor': (data, { accuracy, runIds, step }: InputOf<Compare['tokensFor']>) => {
    const {
      tables,
      tokensFor: [usual, ...others],
    } = viewAt(data, step)
    const found = accuracy === null ? usual : (others.find((each) => each.accuracy === accuracy) ?? usual)
    const shown = new Set(within(tables[0].rows, runIds).map(({ key }) => key))
    return { ...found, rows: found.rows.filter(({ key }) => shown.has(key)) }
  },
  'compare.pairs': () => null,
  'compare.budgetCurves': (data, { quantity, runIds, start, step }: InputOf<Compare['budgetCurves']>) =>
    within(viewAt(data, step)[quantity], runIds).filter((arm) => start || arm.runIds.length > 0),
  'compare.curves': ({ curves }, asked: InputOf<Compare['curves']>) => {
    const recorded = Object.hasOwn(curves, asked.metric) ? curves[asked.metric] : []
    return within(
      recorded.map((curve) => viewOf(curve, asked)),
      asked.runIds,
    )
  },
}

function answerTo(data: ReportData, message: Extract<CallMessage, { method: string }>): HostMessage {
  try {
    if (!Object.hasOwn(answers, message.method)) throw unrecorded(message.method)
    return { id: message.id, ok: true, output: answers[message.method](data, message.input as never) }
  } catch (error) {
    if (!(error instanceof LabError)) throw error
    return { id: message.id, ok: false, error: error.toJSON() }
  }
}

/** The channel to what `data` recorded. */
export function recordedTransport(data: ReportData): Transport {
  let hear: (message: HostMessage) => void = () => {}
  return {
    send(message) {
      if ('method' in message) queueMicrotask(() => hear(answerTo(data, message)))
    },
    listen(onMessage) {
      hear = onMessage
      queueMicrotask(() => hear({ status: { state: 'ready', error: null, starts: 1, sinceMs: data.madeAtMs, folder: null } }))
    },
  }
}
