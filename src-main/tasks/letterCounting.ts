// How often a letter occurs: easy to spell out, hard to say at once for a model that reads words in larger pieces. Called `letter_counting`
// in reasoning-gym.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'
import { someWords, WORDS } from './words.ts'

export interface Counting {
  readonly words: readonly string[]
  readonly letter: string
}

const lettersIn = (word: string, letter: string): number => [...word].filter((each) => each === letter).length

/** One of the letters that are there, each as likely as the others however often it is there. */
function draw(level: string, rng: Rng): Counting {
  const words = someWords(WORDS, Number(level), rng)
  return { words, letter: rng.pick([...new Set(words.join(''))]) }
}

function teacher({ words, letter }: Counting): { thinking: string; answer: string } {
  const counts = words.map((word) => lettersIn(word, letter))
  const total = counts.reduce((sum, count) => sum + count, 0)
  const lines = words.map((word, at) => `${[...word].join('-')}: ${counts[at]}`)
  return { thinking: [...lines, ...(words.length > 1 ? [`${counts.join(' + ')} = ${total}`] : [])].join('\n'), answer: String(total) }
}

export const letterCounting: Procedure<Counting> = {
  name: 'letter-counting',
  levels: [
    { id: '1', label: 'one word', problems: WORDS.reduce((sum, word) => sum + new Set(word).size, 0) },
    { id: '2', label: 'two words' },
    { id: '4', label: 'four words' },
    { id: '8', label: 'eight words' },
  ],
  draw,
  // Their order does not matter.
  identity: ({ words, letter }) => `${words.toSorted().join(' ')}:${letter}`,
  question: ({ words, letter }) => `How many times does the letter "${letter}" occur in "${words.join(' ')}"?`,
  answerForm: 'a whole number',
  answers: ({ words, letter }) => [String(words.reduce((sum, word) => sum + lettersIn(word, letter), 0))],
  grader: 'integer',
  teacher,
  cluster: ({ letter }) => `letter ${letter}`,
}
