// Knights always tell the truth and knaves always lie: who is which? Exactly one answer fits what they say. Called `knights_knaves` in
// reasoning-gym, after Smullyan's puzzles.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'
import { gradeItems } from './written.ts'

/** People by their place, the speaker too. */
export type Claim =
  | { readonly kind: 'is' | 'both' | 'either' | 'if'; readonly of: readonly (readonly [person: number, knight: boolean])[] }
  | { readonly kind: 'same' | 'different'; readonly of: readonly [number, number] }
  | { readonly kind: 'exactly'; readonly knights: number }

export interface Island {
  readonly names: readonly string[]
  /** One of each person, in order. */
  readonly claims: readonly Claim[]
}

const NAMES = ['Ann', 'Bob', 'Cora', 'Dan', 'Eve', 'Finn', 'Gina', 'Hugo', 'Iris', 'Jack', 'Kate', 'Leo']
const NOBODY = 'nobody'
const KINDS: Readonly<Record<string, readonly Claim['kind'][]>> = {
  '2': ['is', 'both', 'either', 'same', 'different'],
  '3': ['is', 'both', 'either', 'same', 'different'],
  '4': ['is', 'both', 'either', 'if', 'same', 'different', 'exactly'],
  '5': ['both', 'either', 'if', 'same', 'different', 'exactly'],
}

function holds(claim: Claim, knights: readonly boolean[]): boolean {
  switch (claim.kind) {
    case 'is':
    case 'both':
      return claim.of.every(([person, knight]) => knights[person] === knight)
    case 'either':
      return claim.of.some(([person, knight]) => knights[person] === knight)
    case 'if':
      return knights[claim.of[0]![0]] !== claim.of[0]![1] || knights[claim.of[1]![0]] === claim.of[1]![1]
    case 'same':
      return knights[claim.of[0]] === knights[claim.of[1]]
    case 'different':
      return knights[claim.of[0]] !== knights[claim.of[1]]
    case 'exactly':
      return knights.filter(Boolean).length === claim.knights
  }
}

/** Every way in which knights say what is so and knaves what is not. */
function solutions(claims: readonly Claim[]): boolean[][] {
  return Array.from({ length: 2 ** claims.length }, (_, bits) => claims.map((_claim, person) => ((bits >> person) & 1) === 1)).filter(
    (knights) => claims.every((claim, speaker) => holds(claim, knights) === knights[speaker]),
  )
}

/** A list of more names in any order would be too long. */
const MOST_KNIGHTS = 3

function drawClaim(kind: Claim['kind'], speaker: number, people: number, rng: Rng): Claim {
  const others = rng.shuffle(Array.from({ length: people }, (_, person) => person).filter((person) => person !== speaker))
  // Of two people, the speaker has to be one.
  const [a, b] = people === 2 || rng.chance(0.3) ? [speaker, others[0]!] : [others[0]!, others[1]!]
  switch (kind) {
    case 'is':
      return { kind, of: [[others[0]!, rng.chance(0.5)]] }
    case 'same':
    case 'different':
      return { kind, of: [Math.min(a, b), Math.max(a, b)] }
    case 'exactly':
      return { kind, knights: rng.between(1, people - 1) }
    case 'if':
      return {
        kind,
        of: [
          [a, rng.chance(0.5)],
          [b, rng.chance(0.5)],
        ],
      }
    default:
      return {
        kind,
        of: [
          [Math.min(a, b), rng.chance(0.5)],
          [Math.max(a, b), rng.chance(0.5)],
        ],
      }
  }
}

function draw(level: string, rng: Rng): Island {
  const people = Number(level)
  for (;;) {
    const claims = Array.from({ length: people }, (_, speaker) => drawClaim(rng.pick(KINDS[level]!), speaker, people, rng))
    const found = solutions(claims)
    if (found.length === 1 && found[0]!.filter(Boolean).length <= MOST_KNIGHTS)
      return { names: rng.shuffle(NAMES).slice(0, people), claims }
  }
}

/** What a person says, as "Bob is a knave"; to the speaker it is I. */
function said(claim: Claim, speaker: number, names: readonly string[]): string {
  const kindOf = (knight: boolean): string => (knight ? 'a knight' : 'a knave')
  const is = ([person, knight]: readonly [number, boolean]): string =>
    person === speaker ? `I am ${kindOf(knight)}` : `${names[person]} is ${kindOf(knight)}`
  const both = (people: readonly number[]): string =>
    people
      .toSorted((a, b) => Number(a === speaker) - Number(b === speaker))
      .map((person) => (person === speaker ? 'I' : names[person]!))
      .join(' and ')
  switch (claim.kind) {
    case 'is':
      return is(claim.of[0]!)
    case 'both':
      return `${is(claim.of[0]!)} and ${is(claim.of[1]!)}`
    case 'either':
      return `${is(claim.of[0]!)} or ${is(claim.of[1]!)}, or both`
    case 'if':
      return `If ${is(claim.of[0]!)}, then ${is(claim.of[1]!)}`
    case 'same':
      return `${both(claim.of)} are of the same kind`
    case 'different':
      return `${both(claim.of)} are of different kinds`
    case 'exactly':
      return `Exactly ${claim.knights} of us ${claim.knights === 1 ? 'is a knight' : 'are knights'}`
  }
}

const knightsOf = ({ names, claims }: Island): string[] => names.filter((_name, person) => solutions(claims)[0]![person])

const orders = <T>(items: readonly T[]): T[][] =>
  items.length < 2 ? [[...items]] : items.flatMap((item, at) => orders(items.toSpliced(at, 1)).map((rest) => [item, ...rest]))

/** In any order, with commas alone or with a last "and". */
function answers(island: Island): string[] {
  const knights = knightsOf(island)
  if (knights.length === 0) return [NOBODY, 'Nobody', 'none', 'None']
  return [
    ...new Set(
      orders(knights).flatMap((order) => [
        order.join(', '),
        order.length === 1 ? order[0]! : `${order.slice(0, -1).join(', ')} and ${order.at(-1)}`,
      ]),
    ),
  ]
}

/** Supposes one after the other to be a knight or a knave until it is known of everybody. */
function teacher(island: Island): { thinking: string; answer: string } {
  const { names, claims } = island
  const lines: string[] = []
  for (let bits = 0; bits < 2 ** names.length; bits++) {
    const knights = names.map((_name, person) => ((bits >> person) & 1) === 0)
    const liar = claims.findIndex((claim, speaker) => holds(claim, knights) !== knights[speaker])
    const supposed = names.map((name, person) => `${name} ${knights[person] ? 'knight' : 'knave'}`).join(', ')
    lines.push(
      `Suppose ${supposed}: ${liar < 0 ? 'everything fits.' : `what ${names[liar]} says is then ${knights[liar] ? 'false, though a knight says it.' : 'true, though a knave says it.'}`}`,
    )
    if (liar < 0) break
  }
  const knights = knightsOf(island)
  return { thinking: lines.join('\n'), answer: knights.length === 0 ? NOBODY : knights.join(', ') }
}

/** The claims without their order and without who is spoken of, but for the speakers themselves: the same for the same claims among other people. */
const kinOf = ({ claims }: Island): string =>
  claims
    .map((claim, speaker) => {
      if (claim.kind === 'exactly') return `exactly ${claim.knights}`
      const parts = claim.of.map((part) =>
        typeof part === 'number' ? (part === speaker ? 'self' : 'other') : `${part[0] === speaker ? 'self' : 'other'} ${part[1]}`,
      )
      return `${claim.kind} ${(claim.kind === 'if' ? parts : parts.toSorted()).join()}`
    })
    .toSorted()
    .join(';')

export const knightsKnaves: Procedure<Island> = {
  name: 'knights-knaves',
  levels: [
    { id: '2', label: '2 people' },
    { id: '3', label: '3 people' },
    { id: '4', label: '4 people, with conditions and counts' },
    { id: '5', label: '5 people, with conditions and counts' },
  ],
  draw,
  identity: (island) => `${island.names.join()}:${JSON.stringify(island.claims)}`,
  kin: kinOf,
  question: ({ names, claims }) =>
    `Knights always tell the truth, knaves always lie. ${names.map((name, person) => `${name} says: "${said(claims[person]!, person, names)}."`).join(' ')} Who are the knights?`,
  answerForm: `the names of the knights, separated by commas, or ${NOBODY}`,
  answers,
  grader: 'exact',
  grade: (island, answer) => gradeItems(answers(island), answer),
  teacher,
  // What sorts of claims are made, in whatever order: the same cases are to be told apart.
  cluster: ({ claims }) =>
    claims
      .map(({ kind }) => kind)
      .toSorted()
      .join(', '),
}
