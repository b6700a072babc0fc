// Every health rule worked by hand: the history that sets it off, the one beside it that does not, and what it points to.
import { describe, expect, it } from 'vitest'
import { healthRules, newFindings, ruleNamed, type History, type HistoryEvaluation } from '../../src-main/lab/process/health.ts'
import { rolloutFilter } from '../../src-preload/contract.ts'

const history = (metrics: readonly Record<string, number>[], more: Partial<History> = {}): History => ({
  runId: 7,
  updatesPerBatch: null,
  evaluations: [],
  steps: metrics.map((each, index) => ({ step: index + 1, metrics: each })),
  ...more,
})
const repeat = (count: number, metrics: Record<string, number>): Record<string, number>[] => Array.from({ length: count }, () => metrics)
const codes = (given: History, newest: 'step' | 'evaluation' = 'step'): string[] =>
  newFindings(given, newest).map((finding) => finding.code)

describe('health rules over steps', () => {
  it('says that most answers are cut off above one half, and shows those that were', () => {
    expect(codes(history([{ 'completions/clipped_ratio': 0.5 }]))).toEqual([])
    const [finding] = newFindings(history([{ 'completions/clipped_ratio': 0.2 }, { 'completions/clipped_ratio': 0.62 }]), 'step')
    expect(finding).toMatchObject({
      code: 'completions.clipped',
      step: 2,
      message: '62 % of the completions were cut off at the token limit.',
      rollouts: { runId: 7, steps: [2, 2], finishReason: 'length' },
    })
  })

  it('speaks once while a rule stays true, and again after it was not', () => {
    const clipped = { 'completions/clipped_ratio': 0.9 }
    expect(codes(history([clipped, clipped]))).toEqual([])
    expect(codes(history([clipped, { 'completions/clipped_ratio': 0.1 }, clipped]))).toEqual(['completions.clipped'])
  })

  it('says that groups agree after three steps in a row', () => {
    expect(codes(history(repeat(2, { frac_reward_zero_std: 0.9 })))).toEqual([])
    const [finding] = newFindings(history(repeat(3, { frac_reward_zero_std: 0.9 })), 'step')
    expect(finding).toMatchObject({ code: 'groups.noSignal', step: 3, rollouts: { runId: 7, steps: [1, 3] }, data: { share: 0.9 } })
    expect(codes(history([{ frac_reward_zero_std: 0.9 }, { frac_reward_zero_std: 0.8 }, { frac_reward_zero_std: 0.9 }]))).toEqual([])
  })

  it('sees two rewards that cancel, and not a batch in which nothing varies', () => {
    expect(codes(history([{ reward_std: 0, 'rewards/outcome/std': 0.5, 'rewards/length_penalty/std': 0.5 }]))).toEqual(['rewards.cancel'])
    expect(codes(history([{ reward_std: 0, 'rewards/outcome/std': 0 }]))).toEqual([])
    expect(codes(history([{ reward_std: 0.3, 'rewards/outcome/std': 0.5 }]))).toEqual([])
  })

  it('explains a clip ratio of zero when there is one update per batch', () => {
    const metrics = [{ 'clip_ratio/region_mean': 0 }]
    expect(codes(history(metrics, { updatesPerBatch: 1 }))).toEqual(['updates.single'])
    expect(codes(history(metrics, { updatesPerBatch: 2 }))).toEqual([])
    expect(codes(history(metrics))).toEqual([])
  })

  it('says that paid progress does not show after five flat steps, and only where it is paid', () => {
    expect(codes(history(repeat(5, { 'mrt/progress_mean': 0.001, 'mrt/alpha': 1 })))).toEqual(['progress.flat'])
    expect(codes(history(repeat(4, { 'mrt/progress_mean': 0.001, 'mrt/alpha': 1 })))).toEqual([])
    expect(codes(history(repeat(5, { 'mrt/progress_mean': 0.02, 'mrt/alpha': 1 })))).toEqual([])
    expect(codes(history(repeat(5, { 'mrt/progress_mean': 0.001, 'mrt/alpha': 0 })))).toEqual([])
  })

  it('compares entropy with the median of the first five steps', () => {
    const start = [0.4, 0.5, 0.6, 0.5, 9].map((entropy) => ({ entropy }))
    expect(codes(history([...start, { entropy: 0.11 }]))).toEqual([])
    const [finding] = newFindings(history([...start, { entropy: 0.09 }]), 'step')
    expect(finding).toMatchObject({ code: 'entropy.collapse', level: 'error', data: { entropy: 0.09, start: 0.5 } })
  })

  it('finds a gradient ten times the usual one, once there are five steps to know it by', () => {
    expect(codes(history([...repeat(5, { grad_norm: 0.5 }), { grad_norm: 5.1 }]))).toEqual(['gradient.spike'])
    expect(codes(history([...repeat(5, { grad_norm: 0.5 }), { grad_norm: 5 }]))).toEqual([])
    expect(codes(history([...repeat(4, { grad_norm: 0.5 }), { grad_norm: 50 }]))).toEqual([])
  })

  const five = repeat(5, { entropy: 0.5 })
  const paid = (progress: number, alpha = 1): Record<string, number>[] => repeat(5, { 'mrt/progress_mean': progress, 'mrt/alpha': alpha })
  it.each<[string, Record<string, number>[], Record<string, number>[]]>([
    ['completions.clipped', [{ 'completions/clipped_ratio': 0.5 }], [{ 'completions/clipped_ratio': 0.501 }]],
    ['groups.noSignal', repeat(3, { frac_reward_zero_std: 0.8 }), repeat(3, { frac_reward_zero_std: 0.801 })],
    ['rewards.cancel', [{ reward_std: 2e-8, 'rewards/a/std': 1 }], [{ reward_std: 1e-8, 'rewards/a/std': 1 }]],
    ['rewards.cancel', [{ reward_std: 0, 'rewards/a/std': 1e-8 }], [{ reward_std: 0, 'rewards/a/std': 2e-8, 'rewards/b/std': 0 }]],
    ['progress.flat', paid(0.005), paid(0.0049)],
    ['progress.flat', paid(-0.005), paid(-0.0049)],
    ['progress.flat', paid(0, 0), paid(0, 1e-6)],
    ['entropy.collapse', [...five, { entropy: 0.1 }], [...five, { entropy: 0.099 }]],
    ['entropy.collapse', [...five.slice(1), { entropy: 0.01 }], [...five, { entropy: 0.01 }]],
    ['gradient.spike', [...repeat(5, { grad_norm: 1 }), { grad_norm: 10 }], [...repeat(5, { grad_norm: 1 }), { grad_norm: 10.1 }]],
  ])('has its limit where it says, %s: on it nothing, beyond it a word', (code, on, beyond) => {
    expect(codes(history(on))).toEqual([])
    expect(codes(history(beyond))).toEqual([code])
  })

  it('looks back as far as it says and no further', () => {
    expect(codes(history([{ frac_reward_zero_std: 0.1 }, ...repeat(3, { frac_reward_zero_std: 0.9 })]))).toEqual(['groups.noSignal'])
    const flat = newFindings(history([{ 'mrt/progress_mean': 0.5, 'mrt/alpha': 1 }, ...paid(0.001)]), 'step')
    expect(flat).toMatchObject([{ code: 'progress.flat', rollouts: { steps: [2, 6] }, data: { alpha: 1 } }])
    expect(flat[0]!.data.progress).toBeCloseTo(0.001, 12)
    // The median of twenty is 1; with one step more it would be 1.5.
    const norms = [100, ...Array.from({ length: 20 }, (_, at) => 0.5 + (at % 2)), 12].map((grad_norm) => ({ grad_norm }))
    expect(newFindings(history(norms), 'step')).toMatchObject([{ code: 'gradient.spike', data: { norm: 12, usual: 1 } }])
  })

  it('says what it found in numbers, and points to the steps in which it can be seen', () => {
    const told = (given: History) => newFindings(given, 'step').map(({ code: _code, level: _level, ...finding }) => finding)
    const at = (step: number) => ({ runId: 7, steps: [step, step] })
    expect(told(history([{ 'completions/clipped_ratio': 0.62 }]))).toMatchObject([{ data: { share: 0.62 } }])
    const agreeing = [0.85, 0.95, 0.9].map((share) => ({ frac_reward_zero_std: share }))
    expect(told(history([{}, ...agreeing]))).toEqual([
      {
        step: 4,
        message: 'In 90 % of the groups of the last 3 steps all rollouts earned the same.',
        data: { share: expect.closeTo(0.9, 12) as unknown },
        rollouts: { runId: 7, steps: [2, 4] },
      },
    ])
    expect(told(history([{ reward_std: 1e-9, 'rewards/a/std': 0.2, 'rewards/b/std': 0.5, 'rewards/b/mean': 9 }]))).toEqual([
      {
        step: 1,
        message: 'Parts of the reward differ between rollouts, but their sum is the same for all.',
        data: { total: 1e-9, widest: 0.5 },
        rollouts: at(1),
      },
    ])
    expect(told(history([{ 'clip_ratio/region_mean': 0 }], { updatesPerBatch: 1 }))).toEqual([
      { step: 1, message: 'One update per batch: no update can be clipped.', data: { updatesPerBatch: 1 }, rollouts: at(1) },
    ])
    expect(told(history(paid(0.001)))[0]!.message).toBe('Episodes changed the chance of success by 0.0010 on average over 5 steps.')
    expect(told(history([...five, { entropy: 0.0994 }]))).toEqual([
      { step: 6, message: 'Entropy is 0.099 nats, at the start it was 0.500.', data: { entropy: 0.0994, start: 0.5 }, rollouts: at(6) },
    ])
    expect(told(history([...repeat(5, { grad_norm: 1 }), { grad_norm: 12.345 }]))).toEqual([
      { step: 6, message: "The gradient's norm is 12.35, usually it is 1.00.", data: { norm: 12.345, usual: 1 }, rollouts: at(6) },
    ])
  })

  it('reads only the first steps for how entropy began, and waits until they are over', () => {
    // Five steps are known: the fifth is one of those that it is compared with.
    expect(codes(history([...five.slice(0, 4), { entropy: 0.01 }]))).toEqual([])
    expect(codes(history([...five, { entropy: 9 }, { entropy: 9 }, { entropy: 0.09 }]))).toEqual(['entropy.collapse'])
    expect(codes(history([...repeat(5, {}), { entropy: 0.01 }]))).toEqual([])
  })

  it('counts parts of the reward by what they spread, under their own names alone', () => {
    for (const name of ['rewards/a/mean', 'rewards/a/b/std', 'my/rewards/a/std', 'rewards/a/std/x'])
      expect(codes(history([{ reward_std: 0, [name]: 1 }]))).toEqual([])
  })

  it('says nothing of metrics that are absent', () => {
    expect(codes(history(repeat(30, {})))).toEqual([])
  })
})

describe('health rules over evaluations', () => {
  const evaluation = (step: number, accuracy: number, more: Partial<HistoryEvaluation> = {}): HistoryEvaluation => ({
    step,
    accuracy,
    accuracyAtMost: accuracy,
    meanTokens: 100,
    ...more,
  })
  const steps = Array.from({ length: 10 }, (_, index) => ({ reward: index < 5 ? 0.3 : 0.5 }))

  it('suspects the reward when it rises and accuracy does not', () => {
    const evaluations = [evaluation(5, 0.4), evaluation(10, 0.4)]
    const [finding] = newFindings(history(steps, { evaluations }), 'evaluation')
    expect(finding).toMatchObject({ code: 'reward.hacking', step: 10, rollouts: { runId: 7, steps: [6, 10], reward: [0.5, null] } })
    expect(finding!.data).toEqual({
      rewardBefore: expect.closeTo(0.3, 12) as unknown,
      rewardAfter: 0.5,
      accuracyBefore: 0.4,
      accuracyAfter: 0.4,
    })
    expect(finding!.message).toBe('Reward went from 0.300 to 0.500 while held-out accuracy went from 40 % to 40 %.')
    expect(codes(history(steps, { evaluations: [evaluation(5, 0.4), evaluation(10, 0.41)] }), 'evaluation')).toEqual([])
  })

  it('suspects no reward that rises by five hundredths, and needs two evaluations', () => {
    const rising = (to: number) => Array.from({ length: 10 }, (_, index) => ({ reward: index < 5 ? 0 : to }))
    const evaluations = [evaluation(5, 0.4), evaluation(10, 0.3)]
    expect(codes(history(rising(0.05), { evaluations }), 'evaluation')).toEqual([])
    expect(codes(history(rising(0.051), { evaluations }), 'evaluation')).toEqual(['reward.hacking'])
    expect(codes(history(rising(1), { evaluations: evaluations.slice(1) }), 'evaluation')).toEqual([])
    const early = history([{ reward: 0 }, { reward: 1 }, { reward: 1 }], { evaluations: [evaluation(1, 0.4), evaluation(3, 0.3)] })
    expect(newFindings(early, 'evaluation')).toMatchObject([{ code: 'reward.hacking', rollouts: { steps: [0, 3] } }])
  })

  it('takes a penalty for too strong beyond a tenth of the tokens and two hundredths of the accuracy', () => {
    const after = (meanTokens: number, accuracyAtMost: number): string[] =>
      codes(history([], { evaluations: [evaluation(0, 0.5), evaluation(10, 0.5, { meanTokens, accuracyAtMost })] }), 'evaluation')
    expect([after(90, 0.3), after(50, 0.48), after(89.9, 0.479)]).toEqual([[], [], ['length.tooStrong']])
    const evaluations = [evaluation(9, 0.9), evaluation(2, 0.5), evaluation(10, 0.5, { meanTokens: 79.6, accuracyAtMost: 0.45 })]
    expect(newFindings(history([], { evaluations }), 'evaluation')).toMatchObject([
      {
        step: 10,
        message: 'Answers went from 100 to 80 tokens, accuracy at the largest budget from 50 % to 45 %.',
        rollouts: { runId: 7, steps: [2, 10], correct: false },
        data: { tokensBefore: 100, tokensAfter: 79.6, accuracyBefore: 0.5, accuracyAfter: 0.45 },
      },
    ])
  })

  it('takes the first steps for the reward before training', () => {
    expect(codes(history(steps, { evaluations: [evaluation(0, 0.4), evaluation(10, 0.3)] }), 'evaluation')).toEqual(['reward.hacking'])
  })

  it('says that a penalty is too strong when answers get shorter and worse at the largest budget', () => {
    const flat = repeat(10, { reward: 0.3 })
    const before = evaluation(0, 0.5, { accuracyAtMost: 0.6 })
    expect(
      codes(history(flat, { evaluations: [before, evaluation(10, 0.5, { accuracyAtMost: 0.55, meanTokens: 80 })] }), 'evaluation'),
    ).toEqual(['length.tooStrong'])
    expect(
      codes(history(flat, { evaluations: [before, evaluation(10, 0.5, { accuracyAtMost: 0.59, meanTokens: 80 })] }), 'evaluation'),
    ).toEqual([])
    expect(
      codes(history(flat, { evaluations: [before, evaluation(10, 0.5, { accuracyAtMost: 0.5, meanTokens: 95 })] }), 'evaluation'),
    ).toEqual([])
  })
})

describe('the table of rules', () => {
  it('says of every rule when it speaks and what to do', () => {
    expect(healthRules.map(({ code, level, when }) => [code, level, when])).toEqual([
      ['completions.clipped', 'warn', 'more than 50 % of the completions of a step end at the token limit'],
      ['groups.noSignal', 'warn', 'more than 80 % of the groups have one reward for all their rollouts, 3 steps running'],
      ['rewards.cancel', 'warn', 'a part of the reward varies but the total does not'],
      ['updates.single', 'info', expect.stringContaining('for one optimizer step') as unknown],
      ['reward.hacking', 'error', expect.stringContaining('of 5 steps rises by more than 0.05') as unknown],
      ['length.tooStrong', 'warn', expect.stringMatching(/by more than 10 % and accuracy .* by more than 2 %$/) as unknown],
      ['progress.flat', 'warn', 'mean progress stays within 0.005 of 0 for 5 steps while alpha is above 0'],
      ['entropy.collapse', 'error', 'entropy falls below 20 % of the median of the first 5 steps'],
      ['gradient.spike', 'warn', 'the norm of the gradient exceeds 10 times the median of up to 20 steps before'],
    ])
    for (const rule of healthRules) {
      expect(rule.code).toMatch(/^[a-z]+\.[a-zA-Z]+$/)
      for (const text of [rule.title, rule.when, rule.next]) expect(text.length, rule.code).toBeGreaterThan(10)
      expect(ruleNamed(rule.code)).toEqual(rule)
    }
    expect(ruleNamed('of.olderVersion')).toBeNull()
  })

  it('points to rollouts with a filter that the lists accept', () => {
    const [finding] = newFindings(history([{ 'completions/clipped_ratio': 0.7 }]), 'step')
    expect(rolloutFilter.parse(finding!.rollouts)).toEqual(finding!.rollouts)
  })
})
