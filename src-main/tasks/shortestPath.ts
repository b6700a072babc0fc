// The shortest way between two towns, as a route. Where several routes are shortest, each is accepted. reasoning-gym calls the same question
// on a grid `shortest_path`.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'
import { gradeItems } from './written.ts'

/** Towns are numbered, the way leads from the first to the last of them. */
export interface RoadMap {
  readonly towns: number
  readonly roads: readonly (readonly [from: number, to: number, length: number])[]
}

interface Range {
  readonly towns: number
  readonly extra: number
  readonly longest: number
}

const RANGES: Readonly<Record<string, Range>> = {
  '4': { towns: 4, extra: 1, longest: 9 },
  '5': { towns: 5, extra: 2, longest: 9 },
  '7': { towns: 7, extra: 4, longest: 12 },
  '10': { towns: 10, extra: 8, longest: 20 },
}
const nameOf = (town: number): string => String.fromCharCode(65 + town)

/** Every shortest route from the first town to the last, in order of their towns, and the distances from the first. */
function shortest({ towns, roads }: RoadMap): { readonly routes: number[][]; readonly distances: number[]; readonly settled: number[] } {
  const near = Array.from({ length: towns }, (_, town) =>
    roads.flatMap(([a, b, length]) => (a === town ? [{ to: b, length }] : b === town ? [{ to: a, length }] : [])),
  )
  const distances = Array.from({ length: towns }, (_, town) => (town === 0 ? 0 : Infinity))
  const open = new Set(distances.keys())
  const settled: number[] = []
  while (open.size > 0) {
    const town = [...open].reduce((best, each) => (distances[each]! < distances[best]! ? each : best))
    open.delete(town)
    settled.push(town)
    for (const { to, length } of near[town]!) distances[to] = Math.min(distances[to]!, distances[town]! + length)
  }
  const waysTo = (town: number): number[][] =>
    town === 0
      ? [[0]]
      : near[town]!.filter(({ to, length }) => distances[to]! + length === distances[town]).flatMap(({ to }) =>
          waysTo(to).map((way) => [...way, town]),
        )
  return { routes: waysTo(towns - 1), distances, settled }
}

/** A tree of roads and some more; drawn again where the direct road is the shortest way, or more than three ways are. */
function draw(level: string, rng: Rng): RoadMap {
  const { towns, extra, longest } = RANGES[level]!
  for (;;) {
    const roads = new Map<string, readonly [number, number, number]>()
    const build = (a: number, b: number): unknown =>
      roads.set(`${Math.min(a, b)} ${Math.max(a, b)}`, [Math.min(a, b), Math.max(a, b), rng.between(1, longest)])
    const order = rng.shuffle(Array.from({ length: towns }, (_, town) => town))
    for (let at = 1; at < towns; at++) build(order[at]!, order[rng.int(at)]!)
    while (roads.size < towns - 1 + extra) {
      const [a, b] = [rng.int(towns), rng.int(towns)]
      if (a !== b && !roads.has(`${Math.min(a, b)} ${Math.max(a, b)}`)) build(a, b)
    }
    const map = { towns, roads: rng.shuffle([...roads.values()]) }
    const { routes } = shortest(map)
    if (routes.length <= 3 && routes.every(({ length }) => length > 2)) return map
  }
}

const ROUTES = ['-', ' -> ', ', ']

const routesOf = (map: RoadMap): string[] =>
  ROUTES.flatMap((between) => shortest(map).routes.map((route) => route.map(nameOf).join(between)))

function teacher(map: RoadMap): { thinking: string; answer: string } {
  const {
    routes: [route],
    distances,
    settled,
  } = shortest(map)
  const last = settled.indexOf(map.towns - 1)
  const lines = settled.slice(1, last + 1).map((town) => {
    const ways = map.roads.flatMap(([a, b, length]) => {
      const from = a === town ? b : b === town ? a : null
      return from !== null && settled.indexOf(from) < settled.indexOf(town)
        ? [`${distances[from]} + ${length} = ${distances[from]! + length} over ${nameOf(from)}`]
        : []
    })
    return `${nameOf(town)}: ${ways.join(', ')}; shortest ${distances[town]}`
  })
  return { thinking: [`${nameOf(0)}: 0`, ...lines].join('\n'), answer: route!.map(nameOf).join('-') }
}

export const shortestPath: Procedure<RoadMap> = {
  name: 'shortest-path',
  levels: [
    { id: '4', label: '4 towns, 4 roads' },
    { id: '5', label: '5 towns, 6 roads' },
    { id: '7', label: '7 towns, 10 roads' },
    { id: '10', label: '10 towns, 17 roads' },
  ],
  draw,
  identity: ({ roads }) =>
    roads
      .map(([a, b, length]) => `${nameOf(a)}${nameOf(b)}${length}`)
      .toSorted()
      .join(' '),
  // The lengths of the roads at each town, the first and the last named: the same for a map whose other towns are called otherwise.
  kin: ({ towns, roads }) =>
    Array.from(
      { length: towns },
      (_, town) =>
        `${town === 0 ? 'from' : town === towns - 1 ? 'to' : 'at'} ${roads
          .filter((road) => road[0] === town || road[1] === town)
          .map(([, , length]) => length)
          .toSorted((a, b) => a - b)
          .join()}`,
    )
      .toSorted()
      .join(';'),
  question: ({ towns, roads }) =>
    `These roads lead both ways: ${roads.map(([a, b, length]) => `${nameOf(a)}-${nameOf(b)} ${length} km`).join(', ')}. Which is the shortest way from ${nameOf(0)} to ${nameOf(towns - 1)}?`,
  answerForm: 'the towns of the way in order, such as A-C-B',
  answers: routesOf,
  grader: 'exact',
  grade: (map, answer) => gradeItems(routesOf(map), answer),
  teacher,
  // The route, or the first of them, and how many ways there are to set out.
  cluster: (map) =>
    `way ${shortest(map).routes[0]!.map(nameOf).join('-')}, one of ${map.roads.filter(([a, b]) => a === 0 || b === 0).length} roads`,
}
