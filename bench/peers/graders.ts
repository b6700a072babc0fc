// Our grader beside math-verify: the labelled pairs of the grader's own tests that are plain mathematics, one answer against one gold. Who passes a wrong
// answer, who refuses a right one, and what a pair costs.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createGrader } from '../../src-main/tasks/graders/grader.ts'
import { clock, figure, gain, type Answer } from '../question.ts'
import { openPeer } from './python.ts'

const ROUNDS = 2
const PAIRS = join(import.meta.dirname, '..', '..', 'test', 'tasks', 'graders', 'pairs.jsonl')

interface Pair {
  readonly gold: string | readonly string[]
  readonly answer: string
  readonly correct: boolean
  readonly kind?: string
  readonly options?: object
}

export async function askGraders(): Promise<Answer> {
  const all = readFileSync(PAIRS, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Pair)
  const pairs = all.flatMap(({ gold, answer, correct, kind = 'math', options }) =>
    kind === 'math' && options === undefined && typeof gold === 'string' ? [{ gold, answer, correct }] : [],
  )
  const peer = openPeer('verify.py', [], 1)
  const [ours, theirs] = [[] as number[], [] as number[]]
  const verdicts = { ours: [] as boolean[], theirs: [] as boolean[] }
  for (let round = 0; round <= ROUNDS; round++) {
    verdicts.ours = []
    // A new one each time: it remembers forms that it has judged.
    const grader = createGrader('math')
    const own = await clock(async () => {
      for (const { gold, answer } of pairs) verdicts.ours.push((await grader.grade(gold, answer)).correct)
    })
    await grader.close()
    const other = await peer.ask({ do: 'verify', pairs: pairs.map(({ gold, answer }) => [gold, answer]) })
    verdicts.theirs = other.right as boolean[]
    if (round === 0) console.log(`math-verify ${String(other.version)}, ${pairs.length} of ${all.length} labelled pairs`)
    else {
      ours.push(own / pairs.length)
      theirs.push(Number(other.ms) / pairs.length)
    }
  }
  peer.close()
  const wrong = (found: readonly boolean[], label: boolean): number =>
    pairs.filter(({ correct }, at) => correct === label && found[at] !== label).length
  return {
    checks: [{ what: 'labelled pairs: wrong answers that our grader passes', difference: wrong(verdicts.ours, false), limit: 0 }],
    figures: [
      figure('labelled pairs: right answers that our grader refuses', `of ${pairs.length} pairs`, [wrong(verdicts.ours, true)]),
      figure('labelled pairs: wrong answers that math-verify passes', `of ${pairs.length} pairs`, [wrong(verdicts.theirs, false)]),
      figure('labelled pairs: right answers that math-verify refuses', `of ${pairs.length} pairs`, [wrong(verdicts.theirs, true)]),
      figure('a pair: our grader', 'ms', ours),
      figure('a pair: math-verify', 'ms', theirs),
    ],
    ratios: [gain('a pair: math-verify over our grader', ours, theirs)],
  }
}
