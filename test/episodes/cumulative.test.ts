import { describe, expect, it } from 'vitest'
import {
  cumulativeByQuestion,
  equalEpisodes,
  oracleEpisodes,
  referenceEpisodes,
  sufficientEpisodes,
} from '../../src-main/episodes/cumulative.ts'

const rows = (found: Float64Array[]) => found.map((row) => [...row].map((value) => Number(value.toFixed(10))))

// Question 0: one rollout that solves in two episodes and one that stops after one. Question 1: never solved.
const questions = [
  [
    [0.1, 0.4, 0.9],
    [0.3, 0.6],
  ],
  [[0, 0.2, 0.1]],
]

describe('cumulative regret over episodes', () => {
  it('adds up what is missing to certain success, a rollout that stopped keeping its last J', () => {
    // Means of question 0 are 0.2, 0.5, 0.75 (0.6 held); of question 1: 0, 0.2, 0.1.
    expect(rows(cumulativeByQuestion(questions, oracleEpisodes, 3))).toEqual([
      [0.8, 1],
      [1.3, 1.8],
      [1.55, 2.7],
    ])
  })

  it('is zero against itself, and the difference of the means against another', () => {
    expect(rows(cumulativeByQuestion(questions, referenceEpisodes(questions), 2))).toEqual([
      [0, 0],
      [0, 0],
    ])
    expect(rows(cumulativeByQuestion(questions, referenceEpisodes([[[0.5]], [[0.5]]]), 2))).toEqual([
      [0.3, 0.5],
      [0.3, 0.8],
    ])
  })

  it('asks for success from the fewest episodes that were enough for any rollout of the question', () => {
    // Question 0 is enough after one episode (0.6 stays), question 1 never: there only what it had by luck counts against it.
    expect(rows(cumulativeByQuestion(questions, sufficientEpisodes(questions), 3))).toEqual([
      [-0.2, 0],
      [0.3, -0.2],
      [0.55, -0.3],
    ])
  })

  it('is negative against an equal share of episodes where thinking on helped', () => {
    // Stopped after one episode: question 0 stays at 0.5, question 1 at 0.2.
    expect(rows(cumulativeByQuestion(questions, equalEpisodes(questions, 1), 3))).toEqual([
      [0, 0],
      [0, 0],
      [-0.25, 0.1],
    ])
  })
})
