// Problems with very many right answers: a trie wider than the model has positions is measured like any other.
import { afterAll, expect, it } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import { initialWeights } from '../../src-main/model/config.ts'
import { exactMu } from '../../src-main/rollout/exactMu.ts'
import { createWeights, openPolicy } from '../../src-main/rollout/policy.ts'
import type { AnswerTrie } from '../../src-main/tasks/types.ts'
import { MICRO_CONFIG } from '../lab/micro.ts'

const engine = openEngine()
afterAll(() => engine.dispose())

it('J over a trie of more slots than positions is the sum over its answers, each scored by itself', async () => {
  const config = { ...MICRO_CONFIG, maxPositions: 16 }
  const policy = await openPolicy(engine, config, createWeights(engine, config, initialWeights(config, 3)), { rows: 2, maxLength: 16 })
  const firsts = Array.from({ length: 40 }, (_, index) => index + 10)
  const answers: AnswerTrie = {
    token: Int32Array.from(firsts.flatMap((token) => [token, 1])),
    parent: Int32Array.from(firsts.flatMap((_, index) => [-1, 2 * index])),
    terminal: Uint8Array.from(firsts.flatMap(() => [0, 1])),
    strings: firsts.length,
  }
  const [prompt, suffix] = [[5, 6, 7], [2]]
  const mu = await exactMu([{ prompt, completion: [8, 9], cuts: [2], answers }], suffix, (feeds) => policy.branches.run(feeds))
  const scored = await policy.score(firsts.map((token) => ({ prompt: [...prompt, 8, 9, ...suffix], completion: [token, 1] })))
  const whole = scored.reduce((sum, logps) => sum + Math.exp(logps[0]! + logps[1]!), 0)
  expect(mu.J[0]![0]! / whole).toBeCloseTo(1, 4)
})
