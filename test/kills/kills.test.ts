// A short run of rounds.ts: work that is killed leaves all or nothing, and can be done again. Training is killed in test/lab/trainRun.test.ts
// and test/store/crash.test.ts.
import { expect, it } from 'vitest'
import { killRounds, killStudies, works } from './rounds.ts'

const KILLS = 3

it.each(works)(
  '%s killed at random moments leaves all of it or nothing, a whole database and no scraps, and can be done again',
  { timeout: 300_000 },
  async (work) => {
    const { kills } = await killRounds(work, KILLS)
    expect(kills).toBeGreaterThan(0)
  },
)

it(
  'a study killed at random moments loses no cell, and ends with the numbers of one that was left alone',
  { timeout: 300_000 },
  async () => {
    const { kills, studies, differences } = await killStudies(2)
    expect(kills).toBeGreaterThanOrEqual(2)
    expect([studies > 0, differences]).toEqual([true, 0])
  },
)
