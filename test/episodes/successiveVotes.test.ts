// Votes over successive attempts and over whole thoughts, against ballots counted by hand.
import { describe, expect, it } from 'vitest'
import { parallelVote, successiveVote, type Cast } from '../../src-main/episodes/successiveVotes.ts'

/** Answers written as letters, a the right one, - none that could be read. */
const cast = (prefixTokens: number, letters: string, answerTokens = 5): Cast => ({
  prefixTokens,
  answerTokens,
  votes: [...letters].map((letter) => ({ group: letter === '-' ? null : letter, correct: letter === 'a' })),
})

describe('a vote that gathers while a thought goes on', () => {
  const thought = [cast(0, 'bb'), cast(10, 'ab'), cast(30, 'ba'), cast(60, 'aa')]
  it('is one answer after one attempt, a shared tie after two, and a majority after three', () => {
    expect(successiveVote(thought, 1)).toEqual({ tokens: 15, value: 0.5 })
    // Ballots a b and b a: each a tie of a right and a wrong answer.
    expect(successiveVote(thought, 2)).toEqual({ tokens: 40, value: 0.5 })
    // Ballots a b a and b a a.
    expect(successiveVote(thought, 3)).toEqual({ tokens: 75, value: 1 })
  })
  it('stays as it is when the thought has ended, leaves out the empty block, and takes it where there is nothing else', () => {
    expect(successiveVote(thought, 9)).toEqual(successiveVote(thought, 3))
    expect(successiveVote([cast(0, 'ab')], 3)).toEqual({ tokens: 5, value: 0.5 })
  })
  it('gives nothing for answers that cannot be read', () => {
    expect(successiveVote([cast(0, 'a'), cast(10, '-'), cast(20, '-')], 2).value).toBe(0)
    expect(successiveVote([cast(0, 'b'), cast(10, '-'), cast(20, 'a')], 2).value).toBe(1)
  })
})

describe('a vote among whole thoughts', () => {
  const ends = [cast(20, 'ab'), cast(40, 'ab'), cast(60, 'bb')]
  it('is their mean for one, and averages over which of them vote', () => {
    // Of the first ballot two of three are right, of the second none.
    expect(parallelVote(ends, 1).value).toBeCloseTo(1 / 3, 12)
    // Pairs of the first ballot: a a, and twice a tie; of the second nothing.
    expect(parallelVote(ends, 2).value).toBeCloseTo((1 + 0.5 + 0.5) / 3 / 2, 12)
    expect(parallelVote(ends, 3).value).toBe(0.5)
    expect(parallelVote(ends, 2).tokens).toBe(2 * 45)
    expect(() => parallelVote(ends, 4)).toThrow(RangeError)
  })
})
