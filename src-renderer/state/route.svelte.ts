/**
 * Where the window is, as a link: `#/run/3`, `#/rollouts?run=3&step=12`, `#/compare?runs=1,2,3&budget=64`. One table says
 * which pages there are and which parameters each takes, so that links are typed and what cannot be read is left out.
 * What a page shows belongs in its parameters: then Back, reload and a copied address show the same.
 */
import type { RolloutFilter } from '../../src-preload/contract.ts'
import { arm, finishes, type Param, range, choice, flag, id, ids, integer, number, text } from './routeParams.ts'

interface Shape {
  /** First part of the path. */
  readonly path: string
  /** The parameter that is the second part of the path, where the page is about one thing. */
  readonly main: string | null
  readonly params: Readonly<Record<string, Param<unknown>>>
}

const rolloutParams = {
  run: id,
  evaluation: id,
  phase: choice('train', 'eval', 'imported'),
  problem: id,
  step: integer,
  steps: range,
  group: integer,
  correct: flag,
  used: flag,
  kept: flag,
  finish: finishes,
  reward: range,
  tokens: range,
  progress: range,
  text,
}

export const routes = {
  home: { path: '', main: null, params: {} },
  runs: { path: 'runs', main: null, params: { find: text, by: choice('run', 'group'), baseline: id } },
  run: {
    path: 'run',
    main: 'runId',
    params: {
      runId: id,
      tab: choice('overview', 'evaluations', 'checkpoints', 'events', 'settings'),
      x: choice('step', 'tokens', 'time'),
      smoothing: number,
      metric: text,
    },
  },
  newRun: { path: 'new', main: null, params: { preset: text, from: id, branch: id, weights: text } },
  rollouts: {
    path: 'rollouts',
    main: null,
    params: {
      ...rolloutParams,
      sort: choice('place', 'reward', 'tokens', 'progress', 'overthink'),
      descending: flag,
      rollout: id,
      view: choice('episodes', 'tokens', 'group', 'training'),
      list: choice('steps', 'picks', 'find'),
    },
  },
  compare: {
    path: 'compare',
    main: null,
    params: {
      runs: ids,
      budget: number,
      by: choice('run', 'group'),
      baseline: arm,
      x: choice('step', 'tokens', 'wallMs', 'flops'),
      metric: text,
      step: integer,
      band: choice('none', 'deviation', 'error', 'bootstrap', 'range'),
      a: arm,
      b: arm,
      level: number,
    },
  },
  studies: { path: 'studies', main: null, params: { study: id, make: flag } },
  glossary: { path: 'glossary', main: null, params: { find: text } },
  thinking: {
    path: 'thinking',
    main: null,
    params: {
      run: id,
      evaluation: id,
      kept: flag,
      steps: range,
      problem: id,
      estimator: text,
      budget: number,
      against: choice('oracle', 'best', 'sufficient', 'equal'),
      counted: choice('all', 'completion', 'thinking'),
      by: text,
      depth: choice('last', 'all'),
      tab: choice('regret', 'calibration', 'segmentation', 'slices'),
    },
  },
  datasets: { path: 'datasets', main: null, params: { dataset: id, tab: choice('overview', 'problems', 'overlap', 'kept'), split: text } },
  help: { path: 'help', main: null, params: { page: choice('tutorial', 'concepts', 'reference', 'questions') } },
  settings: { path: 'settings', main: null, params: {} },
  models: { path: 'models', main: null, params: { model: id } },
  playground: { path: 'playground', main: null, params: { a: text, b: text, task: text, level: text, dataset: id, problem: integer } },
} as const satisfies Readonly<Record<string, Shape>>

export type Routes = typeof routes
export type RouteName = keyof Routes

type ValueOf<P> = P extends Param<infer T> ? T : never
type Main<N extends RouteName> = Routes[N]['main']
type AllParams<N extends RouteName> = { readonly [K in keyof Routes[N]['params']]?: ValueOf<Routes[N]['params'][K]> }
/** Parameters of a page; the one in its path is always there. */
export type Params<N extends RouteName> = AllParams<N> &
  (Main<N> extends keyof AllParams<N> ? { readonly [K in Main<N>]-?: NonNullable<AllParams<N>[K]> } : unknown)

export type Route = { readonly [N in RouteName]: { readonly name: N; readonly params: Params<N> } }[RouteName]
/** An address that leads nowhere. */
export interface NoRoute {
  readonly name: null
  readonly hash: string
}

type AnyParams = Readonly<Record<string, unknown>>

/** The address of a page, for `href` and for `go`. Parameters that are undefined are left out. */
export function href<N extends RouteName>(name: N, ...[params]: Main<N> extends null ? [params?: Params<N>] : [params: Params<N>]): string {
  const shape: Shape = routes[name]
  const given = (params ?? {}) as AnyParams
  const query = Object.entries(shape.params)
    .filter(([key]) => key !== shape.main && given[key] !== undefined)
    .map(([key, param]) => `${key}=${encode(param.write(given[key]))}`)
  const main = shape.main === null ? '' : `/${encode(shape.params[shape.main].write(given[shape.main]))}`
  return `#/${shape.path}${main}${query.length > 0 ? `?${query.join('&')}` : ''}`
}

// Commas and dots stay readable in an address that people copy.
const encode = (written: string): string => encodeURIComponent(written).replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%20', '+')

/** What an address asks for. Parameters that cannot be read are absent; a missing main one leads nowhere. */
export function parseHash(hash: string): Route | NoRoute {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2)
  const [first = '', second, ...more] = path.split('/')
  const found = Object.entries(routes).find(([, shape]) => shape.path === first) as [RouteName, Shape] | undefined
  if (found === undefined || more.length > 0) return { name: null, hash }
  const [name, shape] = found
  const params: Record<string, unknown> = {}
  const read = (key: string, written: string): void => {
    const value = Object.hasOwn(shape.params, key) ? shape.params[key].read(written) : undefined
    if (value !== undefined) params[key] = value
  }
  for (const [key, written] of new URLSearchParams(query)) read(key, written)
  if (shape.main !== null && second !== undefined) read(shape.main, safeDecode(second))
  const wantsMore = shape.main === null ? second !== undefined && second !== '' : params[shape.main] === undefined
  return wantsMore ? { name: null, hash } : ({ name, params } as unknown as Route)
}

function safeDecode(written: string): string {
  try {
    return decodeURIComponent(written)
  } catch {
    return ''
  }
}

/** The link to what a filter of rollouts finds. */
export function rolloutsHref(filter: RolloutFilter, more: Pick<Params<'rollouts'>, 'sort' | 'descending' | 'rollout'> = {}): string {
  const { runId, evaluationId, problemId, finishReason, keptThinking, steps, ...same } = filter
  const single = steps && steps[0] !== null && steps[0] === steps[1] ? steps[0] : undefined
  return href('rollouts', {
    ...same,
    run: runId,
    evaluation: evaluationId,
    problem: problemId,
    finish: finishReason,
    kept: keptThinking,
    ...(single === undefined ? { steps } : { step: single }),
    ...more,
  })
}

/** The filter that the parameters of a link to rollouts stand for. */
export function rolloutFilterOf({
  run,
  evaluation,
  problem,
  finish,
  step,
  steps,
  phase,
  group,
  correct,
  used,
  kept,
  reward,
  tokens,
  progress,
  text: words,
}: Params<'rollouts'>): RolloutFilter {
  const given = {
    runId: run,
    evaluationId: evaluation,
    problemId: problem,
    finishReason: finish,
    steps: step === undefined ? steps : ([step, step] as [number, number]),
    phase,
    group,
    correct,
    used,
    keptThinking: kept,
    reward,
    tokens,
    progress,
    text: words,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as RolloutFilter
}

/** The window's address, kept current. */
class Place {
  current: Route | NoRoute = $state.raw(parseHash(''))
  /** Grows with every move to another address that is not a change of parameters in place. */
  visits = $state(0)

  /** Starts to follow the address bar; returns how to stop. */
  follow(page: Window = window): () => void {
    const read = (): void => {
      this.current = parseHash(page.location.hash)
      this.visits += 1
    }
    read()
    page.addEventListener('hashchange', read)
    return () => page.removeEventListener('hashchange', read)
  }

  go(address: string): void {
    window.location.hash = address
  }

  /** Changes parameters of the page that is open, without a new entry in the history. Undefined removes one. */
  adjust<N extends RouteName>(name: N, changes: Partial<AllParams<N>>): void {
    if (this.current.name !== name) return
    const params = { ...this.current.params, ...changes } as Params<N>
    const address = (href as (name: N, params: Params<N>) => string)(name, params)
    window.history.replaceState(window.history.state, '', address)
    this.current = parseHash(address)
  }
}

export const place = new Place()
