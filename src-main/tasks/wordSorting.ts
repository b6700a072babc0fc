// Words in the order of a dictionary. Called `word_sorting` in reasoning-gym.

import type { Rng } from '../numeric/rng.ts'
import type { Procedure } from './procedural.ts'
import { someWords, WORDS } from './words.ts'
import { gradeItems } from './written.ts'

export interface Sorting {
  readonly words: readonly string[]
}

const COUNTS: Readonly<Record<string, number>> = { '3': 3, '4': 4, '6': 6, 'alike-5': 5, '10': 10 }
const BY_LETTER = [...Map.groupBy(WORDS, (word) => word[0]!).values()].filter(({ length }) => length >= 10)

const sorted = (words: readonly string[]): string[] => words.toSorted((a, b) => (a < b ? -1 : 1))

/** Never in order already. */
function draw(level: string, rng: Rng): Sorting {
  for (;;) {
    const words = someWords(level.startsWith('alike') ? rng.pick(BY_LETTER) : WORDS, COUNTS[level]!, rng)
    if (words.join() !== sorted(words).join()) return { words }
  }
}

function teacher({ words }: Sorting): { thinking: string; answer: string } {
  const order = sorted(words)
  const lines = order
    .slice(0, -1)
    .map((word, at) => `Of ${words.filter((each) => !order.slice(0, at).includes(each)).join(', ')} the first is ${word}.`)
  return { thinking: lines.join('\n'), answer: order.join(', ') }
}

export const wordSorting: Procedure<Sorting> = {
  name: 'word-sorting',
  levels: [
    { id: '3', label: '3 words' },
    { id: '4', label: '4 words' },
    { id: '6', label: '6 words' },
    { id: 'alike-5', label: '5 words with the same first letter' },
    { id: '10', label: '10 words' },
  ],
  draw,
  // The same words in another order are the same problem.
  identity: ({ words }) => sorted(words).join(),
  question: ({ words }) => `Put these words in alphabetical order: ${words.join(', ')}.`,
  answerForm: 'the words in order, separated by commas',
  answers: ({ words }) => [sorted(words).join(', '), sorted(words).join(' ')],
  grader: 'exact',
  grade: ({ words }, answer) => gradeItems([sorted(words).join(' ')], answer),
  teacher,
  // Where the first two words of the answer stand in the question, and which of their letters decides.
  cluster: ({ words }) => {
    const [a, b] = sorted(words)
    return `from places ${words.indexOf(a!) + 1} and ${words.indexOf(b!) + 1}, by letter ${[...b!].findIndex((letter, at) => letter !== a![at]) + 1}`
  },
}
