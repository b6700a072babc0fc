// A short run of rounds.ts: work that is killed leaves all or nothing, and can be done again. Training is killed in test/lab/trainRun.test.ts
// and test/store/crash.test.ts, a study in test/lab/study.test.ts.
import { expect, it } from 'vitest'
import { killRounds, works } from './rounds.ts'

const KILLS = 3

it.each(works)(
  '%s killed at random moments leaves all of it or nothing, a whole database and no scraps, and can be done again',
  async (work) => {
    const { kills } = await killRounds(work, KILLS)
    expect(kills).toBeGreaterThan(0)
  },
)
