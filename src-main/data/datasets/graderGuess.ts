// Which grader suits a set of reference answers. Only a suggestion: the person chooses.

import type { GraderName } from '../../tasks/graders/kinds.ts'
import type { Answer } from './answers.ts'

export interface GraderGuess {
  readonly grader: GraderName | 'countdown'
  readonly confidence: 'high' | 'medium' | 'low'
  readonly why: string
}

const integer = /^[-+]?(\d{1,3}(,\d{3})+|\d+)(\.0+)?$/
const choice = /^\(?[A-Ja-j]\)?\.?$/
const number = /^[-+]?[$]?(\d[\d,]*\.?\d*|\.\d+)(\s*\\?%)?$/
const notation = /\\[a-zA-Z]+|[_^{}]|[$]|^[-+]?[\d.]+\s*[/*+:-]\s*[\d.]+$|^[([].*,.*[)\]]$|\d[a-z]\b|^[a-z]\s*=|√|π/

/** The grader for these answers: one kind when nearly all of them are of it, else the one that copes with the mix. */
export function guessGrader(answers: readonly Answer[]): GraderGuess {
  const texts = answers.flatMap((answer) => (typeof answer === 'string' ? [answer] : Array.isArray(answer) ? (answer as string[]) : []))
  const puzzles = answers.filter((answer) => typeof answer === 'object' && !Array.isArray(answer)).length
  if (puzzles > 0) return { grader: 'countdown', confidence: 'high', why: 'answers are numbers to combine and a target' }
  if (texts.length === 0) return { grader: 'exact', confidence: 'low', why: 'there are no answers to judge by' }
  const share = (test: RegExp): number => texts.filter((text) => test.test(text.trim())).length / texts.length
  const integers = share(integer)
  const choices = share(choice)
  const mathematical = texts.filter((text) => number.test(text.trim()) || notation.test(text.trim())).length / texts.length
  const percent = (part: number): string => `${Math.floor(part * 100)}%`
  if (integers >= 0.98)
    return {
      grader: 'integer',
      confidence: integers === 1 ? 'high' : 'medium',
      why: `${percent(integers)} of the answers are whole numbers`,
    }
  if (choices >= 0.95) return { grader: 'choice', confidence: 'high', why: `${percent(choices)} of the answers are single letters` }
  if (mathematical >= 0.5)
    return {
      grader: 'math',
      confidence: mathematical > 0.8 ? 'high' : 'medium',
      why: `${percent(mathematical)} of the answers are numbers or formulas`,
    }
  return { grader: 'exact', confidence: 'medium', why: `only ${percent(mathematical)} of the answers are numbers or formulas` }
}
