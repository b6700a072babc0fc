// The option tables: what a form and a command line can rely on, and what a typing mistake is told.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { algorithmNames, algorithmNamed, algorithms, createMethod } from '../../src-main/rl/algorithms.ts'
import { inertOptions, rangeText, resolveOptions } from '../../src-main/rl/options.ts'

const reference = readFileSync(new URL('../../docs/reference.md', import.meta.url), 'utf8')
const code = (wanted: string) => expect.objectContaining({ code: wanted })

describe('options', () => {
  it('are filled with defaults', () => {
    expect(resolveOptions(algorithms['mrt-exact'].options)).toMatchObject({
      alpha: 1,
      credit: 'episode-local',
      base: 'dr-grpo',
      centre: 'none',
      control: 'none',
      bestOf: 1,
      mu: 'current',
      klBeta: 0,
    })
    expect(resolveOptions(algorithms.dapo.options)).toMatchObject({
      clipLow: 0.2,
      clipHigh: 0.28,
      maxSamplingRounds: 10,
      overlongBuffer: 0.2,
      dropTruncated: false,
    })
    expect(resolveOptions(algorithms.gspo.options)).toMatchObject({ clipLow: 3e-4, clipHigh: 4e-4, updatesPerBatch: 4 })
  })

  it('accept a choice of digits that was read as a number, as its word', () => {
    const table = { level: { kind: 'choice', default: '3', choices: { 3: 'three', 4: 'four' }, unit: '', reason: '' } } as const
    expect(resolveOptions(table, { level: 4 })).toEqual({ level: '4' })
    expect(() => resolveOptions(table, { level: 5 })).toThrow(code('rl.option-value'))
  })

  it('accept the names other trainers use', () => {
    expect(createMethod('grpo', { beta: 0.04, epsilon: 0.1, epsilon_high: 0.3 }).options).toMatchObject({
      klBeta: 0.04,
      clipLow: 0.1,
      clipHigh: 0.3,
    })
  })

  it('refuse what is not in the table, out of range or given twice', () => {
    expect(() => createMethod('grpo', { alpha: 1 })).toThrow(code('rl.option-unknown'))
    expect(() => createMethod('mrt-exact', { alpha: -1 })).toThrow(code('rl.option-value'))
    expect(() => createMethod('mrt-exact', { alpha: NaN })).toThrow(code('rl.option-value'))
    expect(() => createMethod('mrt-exact', { bestOf: 1.5 })).toThrow('bestOf to be a whole number from 1 to 64, found 1.5')
    expect(() => createMethod('mrt-exact', { credit: 'toString' })).toThrow(
      expect.objectContaining({ code: 'rl.option-value', found: "'toString'" }),
    )
    expect(() => createMethod('dapo', { dropTruncated: 1 })).toThrow(code('rl.option-value'))
    expect(() => createMethod('grpo', { beta: 0, klBeta: 0 })).toThrow(code('rl.option-twice'))
    expect(() => createMethod('ppo')).toThrow(code('rl.algorithm'))
  })

  it('say which of them change nothing with the others as they are, and what they would need', () => {
    const inert = (name: string, given: Record<string, unknown>) => {
      const { algorithm, options } = createMethod(name, given)
      return inertOptions(algorithm.options, options)
    }
    expect(inert('mrt-exact', { lambda: 0.3 })).toEqual([
      { name: 'lambda', value: 0.3, needs: 'credit mixture', found: 'credit episode-local' },
    ])
    expect(inert('mrt-exact', { lambda: 0.3, credit: 'mixture' })).toEqual([])
    expect(inert('grpo', { clipHigh: 0.28 })).toEqual([
      { name: 'clipHigh', value: 0.28, needs: 'updatesPerBatch above 1', found: 'updatesPerBatch 1' },
    ])
    expect(inert('grpo', { correctionHigh: 3 })).toMatchObject([{ name: 'correctionHigh', found: 'correction none' }])
    expect(inert('mrt-pooled', { trainForcedStop: true })).toEqual([])
    expect(inert('mrt-pooled', { trainForcedStop: true, trainTerminations: false })).toMatchObject([
      { name: 'trainForcedStop', found: 'trainTerminations false' },
    ])
  })

  it.each(algorithmNames)('of %s name others of the same table, with values that these can take', (name) => {
    const { options } = algorithmNamed(name)
    for (const option of Object.values(options))
      for (const [other, condition] of Object.entries(option.when ?? {})) {
        if (!('above' in condition))
          for (const value of condition) expect(resolveOptions(options, { [other]: value })).toMatchObject({ [other]: value })
        // It is off at the lower end of its range, and on anywhere above.
        else expect(options[other]).toMatchObject({ kind: 'number', min: condition.above })
      }
  })

  it('treat an absent value as not given', () => expect(createMethod('grpo', { klBeta: undefined }).options.klBeta).toBe(0.001))

  it.each(algorithmNames)('of %s stand in the reference with the default and the range that they have', (name) => {
    const page = reference.slice(reference.indexOf(`(\`${name}\`)`)).split('\n### ')[0]!
    const rows = [...page.matchAll(/^\| `(\w+)` \| `(.+?)` \| (.*?) ?\| /gm)].map(([, option, value, range]) => [option, value, range])
    expect(rows).toEqual(
      Object.entries(algorithmNamed(name).options).map(([option, each]) => [
        option,
        JSON.stringify(each.default),
        each.kind === 'number'
          ? `${each.min} to ${each.max}`
          : each.kind === 'choice'
            ? Object.keys(each.choices)
                .map((choice) => `\`${choice}\``)
                .join(', ')
            : '',
      ]),
    )
  })

  it.each(algorithmNames)('of %s are whole numbers where they count something, and only there', (name) => {
    for (const [own, option] of Object.entries(algorithmNamed(name).options))
      if (option.kind === 'number')
        expect(option.integer === true, own).toBe(!/^(?:of|per|reward|times the (?:advantage|gradient))\b/.test(option.unit))
  })

  it.each(algorithmNames)('of %s take the ends of their range and nothing beyond', (name) => {
    const { options } = algorithmNamed(name)
    for (const [own, option] of Object.entries(options)) {
      if (option.kind !== 'number') continue
      for (const end of [option.min, option.max]) expect(resolveOptions(options, { [own]: end })[own]).toBe(end)
      const step = option.integer ? 1 : 1e-6
      for (const beyond of [option.min - step, option.max + step])
        expect(() => resolveOptions(options, { [own]: beyond }), `${own} ${beyond}`).toThrow(code('rl.option-value'))
      if (option.integer) expect(() => resolveOptions(options, { [own]: option.min + 0.5 })).toThrow(code('rl.option-value'))
    }
  })

  it.each(algorithmNames)('of %s have defaults in range, a reason, and names that do not collide', (name) => {
    const algorithm = algorithmNamed(name)
    expect(algorithm.name).toBe(name)
    const words = Object.entries(algorithm.options).flatMap(([own, option]) => [own, ...(option.aliases ?? [])])
    expect(new Set(words).size).toBe(words.length)
    const defaults = Object.fromEntries(Object.entries(algorithm.options).map(([own, option]) => [own, option.default]))
    expect(resolveOptions(algorithm.options, defaults)).toEqual(defaults)
    for (const option of Object.values(algorithm.options)) {
      expect(option.reason).toMatch(/^[A-Z].{20,}\.$/)
      expect(rangeText(option).length).toBeGreaterThan(3)
    }
    expect(algorithm.rule).toMatch(/\.$/)
  })
})

describe('what an algorithm rewards', () => {
  it('is said by itself: estimators of the outcome share a method, and the first word is the family', () => {
    const sharing = (method: string) => algorithmNames.filter((name) => algorithmNamed(name).method === method)
    expect(sharing('outcome')).toEqual(['grpo', 'dr-grpo', 'rloo', 'dapo', 'gspo'])
    for (const name of algorithmNames) expect(algorithmNamed(name).method).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    for (const name of algorithmNames.filter((each) => each.startsWith('mrt')))
      expect(algorithmNamed(name).method.split('-')[0]).toBe('mrt')
  })
})

describe('losses', () => {
  const loss = (name: string, given: Record<string, unknown> = {}) => {
    const { algorithm, options } = createMethod(name, given)
    return algorithm.loss(options)
  }

  it('differ as the papers say', () => {
    expect(loss('grpo')).toEqual({
      ratio: 'token',
      aggregation: 'sequence-mean',
      clipLow: 0.2,
      clipHigh: 0.2,
      klBeta: 0.001,
      updatesPerBatch: 1,
    })
    expect(loss('dr-grpo')).toMatchObject({ ratio: 'token', aggregation: 'constant', klBeta: 0 })
    expect(loss('dapo')).toMatchObject({ ratio: 'token', aggregation: 'token-mean', clipHigh: 0.28, klBeta: 0 })
    expect(loss('gspo')).toMatchObject({ ratio: 'sequence', aggregation: 'sequence-mean', updatesPerBatch: 4 })
    expect(loss('mrt-exact')).toMatchObject({ ratio: 'token', aggregation: 'token-mean', klBeta: 0, updatesPerBatch: 1 })
  })

  it('are REINFORCE for RLOO until a batch is used more than once', () => {
    expect(loss('rloo').ratio).toBe('none')
    expect(loss('rloo', { updatesPerBatch: 2 }).ratio).toBe('token')
    expect(loss('length-penalty')).toMatchObject({ ratio: 'none', klBeta: 0.001 })
  })

  it('carry the dual clip and the sampler correction only where they are on', () => {
    expect(loss('grpo')).not.toHaveProperty('dualClip')
    expect(loss('grpo', { dualClip: 0.5 })).toMatchObject({ dualClip: 0.5 })
    expect(loss('grpo', { dualClip: 3, correction: 'token-truncate', correctionHigh: 5 })).toMatchObject({
      dualClip: 3,
      correction: { level: 'token', how: 'truncate', low: 0.5, high: 5 },
    })
    expect(loss('grpo', { correction: 'sequence-mask' }).correction).toEqual({ level: 'sequence', how: 'mask', low: 0.5, high: 2 })
  })
})
