// A chart of a run that is still at work never zooms into noise: its axis begins at 0, is fixed, or spans at least what one step makes of a change.
import { describe, expect, it } from 'vitest'
import { domainOf } from '../../src-renderer/charts/scale.ts'
import { importedOverview, overview } from '../../src-renderer/pages/run/panels.ts'

describe('an axis that spans at least so much', () => {
  it('is widened about values that hardly differ, and left alone where they do', () => {
    expect(domainOf({ quantity: 'fraction', least: 0.4 }, [0.5, 0.51], 4, false)).toEqual([
      expect.closeTo(0.305, 9),
      expect.closeTo(0.705, 9),
    ])
    expect(domainOf({ quantity: 'fraction', least: 0.4 }, [0.1, 0.9], 4, false)).toEqual([0.1, 0.9])
    expect(domainOf({ quantity: 'fraction', least: 0.4 }, [0.5, 0.5], 4, false)).toEqual([expect.closeTo(0.3, 9), expect.closeTo(0.7, 9)])
  })

  it('grows away from an end that is fixed', () => {
    expect(domainOf({ quantity: 'fraction', domain: [0, undefined], least: 0.1 }, [0.001, 0.002], 4, false)).toEqual([0, 0.1])
    expect(domainOf({ quantity: 'fraction', domain: [undefined, 1], least: 0.4 }, [0.9, 0.95], 4, false)).toEqual([
      expect.closeTo(0.6, 9),
      1,
    ])
  })
})

describe('the charts of a run', () => {
  const known = [
    'reward',
    'rewards/outcome/mean',
    'rewards/format/mean',
    'completions/mean_length',
    'completions/min_length',
    'completions/clipped_ratio',
    'n/rollouts',
    'n/reward',
    'n/graded',
    'n/length',
  ]
  const panels = [...overview(120), ...importedOverview(known)].flatMap((group) => group.panels)

  it.each(panels.map((panel) => [panel.title, panel] as const))('%s', (_title, { domain, least }) =>
    expect(domain?.[0] === 0 || (least ?? 0) > 0).toBe(true),
  )
})
