// From the canonical rollout of files to the records of the workspace and back: what the file stated, and nothing that it did not.

import { describe, expect, it } from 'vitest'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import { createNumbering, fromRolloutDetail, problemOf, problemOfRow, toNewRollout } from '../../src-main/data/records.ts'
import { newStore } from '../store/records.ts'
import { provenance } from '../store/runRecord.ts'

const bare: CanonicalRollout = { schemaVersion: 1 } as CanonicalRollout
const place = (problemId = 1) => ({ problemId, group: 2, sample: 3, provenance })

/** As a file gives it, into a workspace and out again. */
function roundTrip(rollout: CanonicalRollout): CanonicalRollout {
  const store = newStore()
  const set = store.datasets.add({ name: 's', kind: 'imported', source: null, roles: null, grader: 'g', note: '', createdAtMs: 1 })
  const [problemId] = store.datasets.addProblems(set, [problemOf(rollout)])
  const [id] = store.rollouts.add({ runId: null, evaluationId: null, phase: 'imported', step: rollout.step ?? 0 }, [
    toNewRollout(rollout, place(problemId)),
  ])
  return fromRolloutDetail(store.rollouts.detail(id!)!, 'uid')
}

describe('a rollout of a file', () => {
  it('that states nothing becomes a record that claims nothing', () => {
    expect(toNewRollout(bare, place())).toEqual({
      ...place(),
      budgetTokens: null,
      thinkingTokens: null,
      finishReason: 'unknown',
      correct: null,
      extractedAnswer: null,
      reward: null,
      rewardParts: {},
      advantage: null,
      used: true,
      discardReason: null,
      overthinkTokens: null,
      error: null,
      text: '',
      statedTokens: { prompt: 0, completion: 0 },
      promptTokens: new Int32Array(0),
      tokens: new Int32Array(0),
      logps: new Float32Array(0),
      sampled: null,
      advantages: null,
      episodes: [],
      progress: [],
      origin: { absent: ['used', 'step'] },
    })
  })

  const full: CanonicalRollout = {
    ...bare,
    runId: 'uid',
    split: 'eval',
    step: 7,
    promptId: 'p7',
    groupId: 'g1',
    sampleIndex: 3,
    prompt: 'What is 1 + 1?',
    promptMessages: [{ role: 'user', content: 'What is 1 + 1?' }],
    completion: 'It is 2.',
    completionMessages: [{ role: 'assistant', content: 'It is 2.' }],
    promptTokens: 2,
    completionTokens: 4,
    promptTokenIds: [5, 6],
    completionTokenIds: [1, 2, 3, 4],
    completionLogps: [-0.5, -0.25, 0, -2],
    finishReason: 'length',
    groundTruth: '2',
    extractedAnswer: '2',
    correct: true,
    reward: 0.5,
    rewards: { format: 0.5 },
    advantage: -1,
    advantages: [-1, -1, -1, -0.5],
    used: false,
    discardReason: 'too long',
    startPCorrect: 0.25,
    startPCorrectN: 8,
    episodes: [
      { index: 0, startToken: 0, endToken: 2, textStart: 0, textEnd: 3, pCorrect: 0.5, pCorrectN: 8, progress: 0.25, bonus: 1 },
      { index: 1, startToken: 2, endToken: 4, textStart: 3, textEnd: 8, marker: 'Wait', pCorrect: 0.125, pCorrectN: 8, progress: -0.375 },
    ],
    extra: { seen: 1, sampling: { temperature: 1 }, policy_step: 3 },
  } as CanonicalRollout

  it('comes back with everything that it stated', () => {
    const { extra, ...back } = roundTrip(full)
    const { extra: given, ...rest } = full
    expect(back).toEqual(rest)
    expect(extra).toMatchObject({ ...given, estimator: { method: 'sampled', samples: 8, step: 7 } })
  })

  it('comes back without what it did not state: step, use, numbers of tokens, messages that say another text', () => {
    const back = roundTrip({
      ...bare,
      promptId: 'p',
      groupId: 'g',
      completion: 'a',
      completionMessages: [{ role: 'assistant', content: 'b' }],
    } as CanonicalRollout)
    expect(back.completionMessages).toEqual([{ role: 'assistant', content: 'b' }])
    for (const name of [
      'step',
      'used',
      'split',
      'prompt',
      'promptTokens',
      'completionTokens',
      'finishReason',
      'correct',
      'reward',
      'episodes',
      'advantages',
    ])
      expect(back).not.toHaveProperty(name)
  })

  it('has its episodes by characters where the file has no tokens, and only those whose range is known', () => {
    const { promptTokenIds: _p, completionTokenIds: _c, completionLogps: _l, advantages: _a, ...texts } = full
    const episodes = [{ index: 0, textStart: 0, textEnd: 3, pCorrect: 1 }, { index: 1 }]
    expect(toNewRollout({ ...texts, episodes } as CanonicalRollout, place())).toMatchObject({
      episodes: [{ index: 0, startToken: 0, endToken: 0, textStart: 0, textEnd: 3, marker: '', bonus: null }],
      progress: [
        {
          estimator: { samples: 8 },
          estimates: [
            { boundary: 0, value: 0.25 },
            { boundary: 1, tokenOffset: 0, value: 1 },
          ],
        },
      ],
    })
    expect(toNewRollout({ ...full, episodes } as CanonicalRollout, place()).episodes).toEqual([])
    // One that has a range of tokens, or half of one, tells that the others are not meant by their characters alone.
    const mixed = [
      { index: 0, textStart: 0, textEnd: 3 },
      { index: 1, startToken: 0, endToken: 2 },
    ]
    expect(toNewRollout({ ...texts, episodes: mixed } as CanonicalRollout, place()).episodes.map(({ index }) => index)).toEqual([1])
    for (const part of [{ startToken: 0 }, { endToken: 2 }])
      expect(toNewRollout({ ...texts, episodes: [mixed[0]!, { index: 1, ...part }] } as CanonicalRollout, place()).episodes).toEqual([])
    for (const part of [{ textStart: 0 }, { textEnd: 3 }])
      expect(toNewRollout({ ...texts, episodes: [{ index: 0, ...part }] } as CanonicalRollout, place()).episodes).toEqual([])
    const half = [
      { index: 0, startToken: 1, textStart: 0, textEnd: 3 },
      { index: 1, startToken: 1, endToken: 2 },
    ]
    expect(toNewRollout({ ...full, episodes: half } as CanonicalRollout, place()).episodes).toMatchObject([
      { index: 1, textStart: 0, textEnd: 0 },
    ])
  })

  it('has a measured curve where any place was measured, exact where no number of samples is stated', () => {
    const { startPCorrect: _s, startPCorrectN: _n, ...rest } = full
    const measured = (changes: object) => toNewRollout({ ...rest, ...changes } as CanonicalRollout, place()).progress
    expect(measured({ episodes: [{ index: 0, startToken: 0, endToken: 2 }] })).toEqual([])
    expect(measured({ episodes: [], startPCorrect: 0.5 })).toMatchObject([
      { estimator: { method: 'exact', samples: 0 }, estimates: [{ boundary: 0, tokenOffset: 0, value: 0.5, tokensForwarded: 0 }] },
    ])
    expect(measured({ episodes: [{ index: 0, startToken: 0, endToken: 2, pCorrect: 0.75, pCorrectN: 1 }] })).toMatchObject([
      { estimator: { method: 'sampled', samples: 1, prover: 1 }, estimates: [{ boundary: 1, tokenOffset: 2, value: 0.75 }] },
    ])
  })
})

describe('the problem of a rollout', () => {
  it('is known by its id, else by its prompt, else by its group in its step', () => {
    expect(problemOf({ ...bare, promptId: 'id', prompt: 'text' } as CanonicalRollout).key).toBe('id')
    const byText = problemOf({ ...bare, prompt: 'text' } as CanonicalRollout)
    expect(byText.key).toBe(problemOf({ ...bare, prompt: 'text', step: 9 } as CanonicalRollout).key)
    expect(byText.key).not.toBe(problemOf({ ...bare, prompt: 'other' } as CanonicalRollout).key)
    expect(problemOf(bare).key).toBe('group:0:0')
    expect(problemOf({ ...bare, step: 2, groupId: 'g' } as CanonicalRollout).key).toBe('group:2:g')
    expect(problemOf(bare)).toMatchObject({ split: 'imported', prompt: '', answer: null, level: null, slices: {} })
  })

  it('has an answer that is a record again where its text is one', () => {
    const answer = (groundTruth: unknown): unknown => problemOf({ ...bare, groundTruth } as CanonicalRollout).answer
    expect(answer('{"target": 79}')).toEqual({ target: 79 })
    expect(answer('{broken')).toBe('{broken')
    expect(answer('79')).toBe('79')
    expect(answer(['a', 'b'])).toEqual(['a', 'b'])
  })

  it('is the row of a dataset, in the split that it names or in that of its file', () => {
    const row = { id: 'a', problem: 'p', level: 2, slices: { subject: 'x' } }
    expect(problemOfRow(row as never, 'train')).toEqual({
      key: 'a',
      split: 'train',
      prompt: 'p',
      answer: null,
      level: 2,
      slices: { subject: 'x' },
    })
    expect(problemOfRow({ ...row, split: 'eval', answer: '1', extra: { hint: 'h' } } as never, 'train')).toMatchObject({
      split: 'eval',
      answer: '1',
      extra: { hint: 'h' },
    })
  })
})

describe('the numbering of rollouts', () => {
  const rollout = (promptId: string, changes: object = {}): CanonicalRollout => ({ ...bare, promptId, ...changes }) as CanonicalRollout

  it('counts groups by their problem and samples within them, anew in every step', () => {
    const number = createNumbering()
    expect([rollout('a'), rollout('b'), rollout('a'), rollout('a', { step: 1 }), rollout('b', { step: 1 })].map(number)).toEqual([
      { group: 0, sample: 0 },
      { group: 1, sample: 0 },
      { group: 0, sample: 1 },
      { group: 0, sample: 0 },
      { group: 1, sample: 0 },
    ])
  })

  it("takes a file's own number of a sample where it is the first of that number, and the next free one where it is not", () => {
    const number = createNumbering()
    expect([5, 5, 6, undefined].map((sampleIndex) => number(rollout('a', { sampleIndex })).sample)).toEqual([5, 6, 7, 3])
  })

  it('takes a group id that recurs with another problem for another group', () => {
    const number = createNumbering()
    expect(
      [rollout('a', { groupId: 'g' }), rollout('b', { groupId: 'g' }), rollout('a', { groupId: 'h' }), rollout('a', { groupId: 'g' })].map(
        (each) => number(each).group,
      ),
    ).toEqual([0, 1, 2, 0])
  })

  it('goes on after those that were numbered earlier', () => {
    const number = createNumbering([
      { step: 1, group: 0, sample: 0, key: 'a', groupId: null },
      { step: 1, group: 0, sample: 1, key: 'a', groupId: null },
      { step: 1, group: 1, sample: 0, key: 'b', groupId: 'g' },
    ])
    expect(
      [rollout('a', { step: 1 }), rollout('b', { step: 1, groupId: 'g' }), rollout('c', { step: 1 }), rollout('a')].map(number),
    ).toEqual([
      { group: 0, sample: 2 },
      { group: 1, sample: 1 },
      { group: 2, sample: 0 },
      { group: 0, sample: 0 },
    ])
  })
})
