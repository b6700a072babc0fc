// What every credit rule must not see, walked over the table of algorithms: the order of rollouts and groups, the numbers that groups have, the seed
// where nothing is drawn. And what an opposite must do: right and wrong exchanged turn an outcome's advantages round.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { algorithmNames, createMethod, creditBatch, needsOf } from '../../src-main/rl/algorithms.ts'
import type { CreditContext, Credit, GradedRollout } from '../../src-main/rl/types.ts'
import { anyGroup, asNeeded, context } from './rollouts.ts'

const given: Readonly<Record<string, Readonly<Record<string, unknown>>>> = { sft: { keep: 'correct' } }
const methods = algorithmNames.map((name) => [name, createMethod(name, given[name])] as const)

/** Rollouts of several groups in the form that a method takes. */
function batchFor(method: ReturnType<typeof createMethod>, groups: readonly (readonly GradedRollout[])[]): GradedRollout[] {
  const armed = needsOf(method).data === 'arms'
  return groups.flatMap((members, group) =>
    asNeeded(method, members).map((one, sample) => ({
      ...one,
      group,
      sample,
      ...(armed && { arm: sample % 2 === 0 ? ('continue' as const) : ('terminate' as const) }),
    })),
  )
}

const plain = ({ advantage, mask, used, reward, discardReason }: Credit) => ({
  advantage: [...advantage],
  mask: [...mask],
  used,
  reward,
  discardReason,
})
function expectSame(found: readonly Credit[], expected: readonly Credit[]): void {
  expect(found.length).toBe(expected.length)
  found.forEach((one, index) => {
    const [a, b] = [plain(one), plain(expected[index]!)]
    expect([a.mask, a.used, a.discardReason]).toEqual([b.mask, b.used, b.discardReason])
    expect(a.reward).toBeCloseTo(b.reward, 9)
    a.advantage.forEach((value, token) => expect(value).toBeCloseTo(b.advantage[token]!, 5))
  })
}

const groups = fc.array(anyGroup(2), { minLength: 1, maxLength: 3 })
const RUNS = { numRuns: 40 }

describe.each(methods)('%s', (_name, method) => {
  it('pays every rollout the same in whatever order the batch comes', () => {
    fc.assert(
      fc.property(groups, fc.array(fc.nat(), { minLength: 18, maxLength: 18 }), (drawn, keys) => {
        const batch = batchFor(method, drawn)
        const order = [...batch.keys()].sort((a, b) => keys[a % keys.length]! - keys[b % keys.length]! || a - b)
        const straight = creditBatch(method, batch, context)
        expectSame(
          creditBatch(
            method,
            order.map((index) => batch[index]!),
            context,
          ),
          order.map((index) => straight[index]!),
        )
      }),
      RUNS,
    )
  })

  it('pays a group the same whatever other groups are beside it, and whatever its number is', () => {
    fc.assert(
      fc.property(anyGroup(2), groups, fc.integer({ min: 10, max: 1000 }), (own, others, number) => {
        const alone = creditBatch(method, batchFor(method, [own]), context)
        const among = creditBatch(method, batchFor(method, [own, ...others]), context)
        expectSame(among.slice(0, own.length), alone)
        expectSame(
          creditBatch(
            method,
            batchFor(method, [own]).map((one) => ({ ...one, group: number })),
            context,
          ),
          alone,
        )
      }),
      RUNS,
    )
  })

  it('draws nothing: another seed pays the same', () => {
    fc.assert(
      fc.property(groups, fc.integer({ min: 8, max: 1000 }), (drawn, seed) => {
        const batch = batchFor(method, drawn)
        expectSame(creditBatch(method, batch, { ...context, seed } satisfies CreditContext), creditBatch(method, batch, context))
      }),
      RUNS,
    )
  })
})

describe('right and wrong exchanged', () => {
  it.each(['grpo', 'dr-grpo', 'rloo', 'gspo'] as const)('turn the advantages of %s round', (name) => {
    const method = createMethod(name)
    fc.assert(
      fc.property(anyGroup(2), (group) => {
        const there = creditBatch(method, group, context)
        const back = creditBatch(
          method,
          group.map((one) => ({ ...one, correct: one.correct === 1 ? (0 as const) : (1 as const) })),
          context,
        )
        there.forEach(({ advantage }, index) =>
          advantage.forEach((value, token) => expect(back[index]!.advantage[token]).toBeCloseTo(-value, 5)),
        )
      }),
      RUNS,
    )
  })
})

describe('J moved by the same amount everywhere', () => {
  it.each(['mrt-exact', 'mrt-online'] as const)('changes nothing that %s pays: progress is a difference', (name) => {
    const method = createMethod(name)
    fc.assert(
      fc.property(anyGroup(2), fc.double({ min: 0, max: 0.5, noNaN: true }), (group, shift) => {
        const low = group.map((one) => ({ ...one, J: one.J!.map((value) => value / 2) }))
        expectSame(
          creditBatch(
            method,
            low.map((one) => ({ ...one, J: one.J.map((value) => value + shift) })),
            context,
          ),
          creditBatch(method, low, context),
        )
      }),
      RUNS,
    )
  })

  it('played backwards turns the bonus of every episode round', () => {
    const method = createMethod('mrt-exact')
    fc.assert(
      fc.property(anyGroup(2), (group) => {
        const there = creditBatch(method, group, context)
        const back = creditBatch(
          method,
          group.map((one) => ({ ...one, J: one.J!.toReversed() })),
          context,
        )
        there.forEach(({ episodeBonus }, index) =>
          [...episodeBonus].toReversed().forEach((bonus, episode) => expect(back[index]!.episodeBonus[episode]).toBeCloseTo(-bonus, 9)),
        )
      }),
      RUNS,
    )
  })
})
