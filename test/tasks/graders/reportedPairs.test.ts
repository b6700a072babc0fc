// Pairs of gold and answer made after public reports about graders, labelled by hand: none that is
// wrong passes, and nearly all that are right do. Where the label is a matter of policy, ours is named here.

import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { createGrader, gradeAnswer } from '../../../src-main/tasks/graders/grader.ts'
import { LimitedWorker } from '../../../src-main/tasks/graders/limitedWorker.ts'

type Pair = { gold: string; answer: string; correct: boolean }
const pairs = readFileSync(new URL('./reportedPairs.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Pair)

const grader = createGrader('math')
afterAll(() => grader.close())

/** Labels that are a matter of policy, and what is ours. */
const POLICY: readonly (Pair & { ours: boolean; why: string })[] = [
  {
    gold: '10',
    answer: '10\\%',
    correct: false,
    ours: true,
    why: 'a percent sign may be added where the gold answer leaves it out, as the label of 100 against 100 % in the same list has it',
  },
  {
    gold: '3,4',
    answer: '(3,4)',
    correct: true,
    ours: false,
    why: 'two numbers in round brackets may be an interval or a point, which two solutions are not',
  },
]
const isPolicy = ({ gold, answer }: Pair): boolean => POLICY.some((each) => each.gold === gold && each.answer === answer)

describe('the reported pairs', () => {
  test('no wrong answer passes, and at least 95 % of the right ones do', async () => {
    const passed: string[] = []
    const missed: string[] = []
    for (const pair of pairs.filter((each) => !isPolicy(each))) {
      const { correct, reason } = await grader.grade(pair.gold, pair.answer)
      if (correct && !pair.correct) passed.push(`${pair.gold} | ${pair.answer} | ${reason}`)
      if (!correct && pair.correct) missed.push(`${pair.gold} | ${pair.answer} | ${reason}`)
    }
    const right = pairs.filter((pair) => pair.correct).length
    const recall = 1 - (missed.length + POLICY.filter((each) => each.correct && !each.ours).length) / right
    console.log(`${pairs.length} pairs: ${passed.length} false positives, recall ${(100 * recall).toFixed(1)} %\n${missed.join('\n')}`)
    expect(pairs).toHaveLength(516)
    expect(passed).toEqual([])
    expect(recall).toBeGreaterThanOrEqual(0.95)
  })

  test.each(POLICY)('$gold against $answer: $why', async ({ gold, answer, ours }) => {
    expect((await grader.grade(gold, answer)).correct).toBe(ours)
  })
})

describe('what is worked out', () => {
  const SAME: readonly (readonly [gold: string, answer: string])[] = [
    ['\\sum_{k=1}^{n} k', '\\frac{n(n+1)}{2}'],
    ['\\sum_{k=0}^{\\infty} \\frac{1}{3^k}', '3/2'],
    ['\\prod_{k=1}^{5} k', '120'],
    ['\\int_0^1 x^2\\,dx', '\\frac13'],
    ['\\int_{0}^{\\pi} \\sin x \\, dx', '2'],
    ['\\int_1^2 \\frac{1}{x}\\,dx', '\\ln 2'],
    ['\\lim_{x \\to 0} \\frac{1-\\cos x}{x^2}', '1/2'],
    ['\\lim_{n \\to \\infty} \\frac{3n^2+1}{n^2-n}', '3'],
    ['\\lim_{n\\to\\infty}(1+\\frac{1}{n})^n', 'e'],
    ['\\gcd(12, 18)', '6'],
    ['\\operatorname{lcm}(4,6)', '12'],
    ['{5 \\choose 2}', '10'],
    ['C(5,2)', '10'],
    ['0b101', '5'],
    ['two hundred and five', '205'],
    ['-3/4', 'minus three quarters'],
    ['2 PM', '2:00 p.m.'],
  ]
  test.each(SAME)('%s is %s', async (gold, answer) => {
    expect(await grader.grade(gold, answer)).toMatchObject({ correct: true })
  })

  const DIFFERENT: readonly (readonly [gold: string, answer: string])[] = [
    ['\\int_{-1}^1 \\frac{1}{x^2}\\,dx', '-2'],
    ['\\int_{-1}^{1} \\frac{1}{x} dx', '0'],
    ['\\sum_{k=0}^{\\infty} 2^k', '-1'],
    ['\\lim_{x \\to 0} \\frac{1}{x}', '0'],
    ['\\int_0^1 (x-1/3)^{-2} dx', '-\\frac{9}{2}'],
    ['2:30 PM', '2:30 AM'],
    ['twenty-one', '20'],
    ['17', 'The answer is seventeen (18).'],
    ['D', 'C) 12 meters'],
  ]
  test.each(DIFFERENT)('%s is not %s', async (gold, answer) => {
    expect(await grader.grade(gold, answer)).toMatchObject({ correct: false })
  })
})

describe('the answer is found', () => {
  const FOUND: readonly (readonly [what: string, completion: string])[] = [
    ['before marks that end a turn', 'The answer is 42.<|im_end|>\n<|endoftext|>'],
    ['before the end of a sentence of DeepSeek', '**42**<｜end▁of▁sentence｜>'],
    ['after the Chinese word', '所以答案是42。'],
    ['after the Russian word', 'Итак, ответ: 42'],
    ['in a JSON object', '```json\n{"reasoning": "6*7", "final_answer": 42}\n```'],
    ['in tags of the final answer', 'I think <final_answer>42</final_answer>'],
    ['in a frame', 'so \\fbox{42}.'],
    ['before a second question that the model asked itself', 'So \\boxed{42}.\n\nQuestion: What is 1+1?\nAnswer: \\boxed{2}'],
  ]
  test.each(FOUND)('%s', (_, completion) => {
    expect(gradeAnswer('math', '42', completion)).toMatchObject({ correct: true })
  })

  test('a decimal comma against a decimal point is not accepted, but named', () => {
    expect(gradeAnswer('math', '3.5', '3,5')).toEqual({ correct: false, extracted: '3,5', reason: 'decimal-comma' })
    expect(gradeAnswer('math', '3.5', '3,6').reason).toBe('different')
  })
})

describe('a worker that runs out of memory', () => {
  const ask = { ask: 'pattern', pattern: 'a', flags: '', text: 'a', gold: null } as const
  const script = (after: string): URL =>
    new URL(
      `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads'
    const fill = () => { const all = []; for (;;) all.push(new Array(1e5).fill(all.length)) }
    parentPort.on('message', (message) => {
      if (message === 'start') return parentPort.postMessage('open')
      ${after}
    })`)}`,
    )

  test('after its answer was taken ends nothing, and the next question is answered', async () => {
    const late = new LimitedWorker(
      script(`parentPort.postMessage({ correct: true, extracted: 'a', reason: 'pattern' }); setTimeout(fill, 1)`),
      { timeLimitMs: 5000, memoryMb: 32 },
    )
    for (let round = 0; round < 3; round++) {
      expect(await late.ask(ask)).toMatchObject({ correct: true })
      await new Promise((wait) => setTimeout(wait, round * 400))
    }
    await late.close()
  })

  test('on a question is recorded with the reason memory', async () => {
    const greedy = createGrader('regex', { workerUrl: script('fill()'), timeLimitMs: 20_000, memoryMb: 32 })
    expect(await greedy.grade('a', 'a')).toEqual({ correct: false, extracted: null, reason: 'memory' })
    expect(await greedy.grade('a', 'a')).toEqual({ correct: false, extracted: null, reason: 'memory' })
    await greedy.close()
  })
})
