// Ending the program while something is at work: one question, whatever asks; what waits never starts; nothing to ask when nothing works.
import { describe, expect, it } from 'vitest'
import { CHOICES, openEnding } from '../../src-main/ending.ts'
import type { Job } from '../../src-preload/contract.ts'

const job = (id: string, state: Job['state'], kind: Job['kind'] = 'train'): Job => ({
  id,
  kind,
  label: `job ${id}`,
  state,
  runId: Number(id),
  progress: null,
  queuedAtMs: 0,
  startedAtMs: state === 'queued' ? null : 1,
})

/** A lab whose training ends two looks after it was told to, or never; `press` answers the question when it is called. */
function desk(start: Job[], { never = false } = {}) {
  let jobs = start
  const done: string[] = []
  const questions: string[] = []
  const shown: (string | null)[] = []
  const { promise: answer, resolve: press } = Promise.withResolvers<number>()
  let looksLeft = Infinity
  const ending = openEnding({
    client: {
      jobs: {
        list: () => {
          if (looksLeft-- <= 0) jobs = []
          return Promise.resolve(jobs)
        },
        cancel: ({ jobId }: { jobId: string }) => {
          done.push(`cancel ${jobId}`)
          jobs = jobs.filter(({ id }) => id !== jobId)
          return Promise.resolve(null)
        },
      },
      runs: {
        stopAfterStep: ({ runId }: { runId: number }) => (
          done.push(`stop ${runId}`),
          (looksLeft = never ? Infinity : 2),
          Promise.resolve(null)
        ),
      },
    } as never,
    ask: ({ message }) => (questions.push(message), answer),
    show: (text) => shown.push(text),
    wait: () => new Promise((soon) => setImmediate(soon)),
  })
  return { ending, done, questions, shown, press: (button: (typeof CHOICES)[number]) => press(CHOICES.indexOf(button)) }
}

describe('may we end?', () => {
  it('yes at once when nothing is at work, and when the lab does not answer', async () => {
    const { ending, questions } = desk([])
    expect(await ending.mayEnd()).toBe('end')
    expect(questions).toEqual([])
    const dead = openEnding({
      client: { jobs: { list: () => Promise.reject(new Error('gone')) } } as never,
      ask: () => Promise.resolve(3),
      show: () => {},
    })
    expect(await dead.mayEnd()).toBe('end')
  })

  it('is one question with one answer, however many ask while it stands', async () => {
    const { ending, questions, press } = desk([job('1', 'running')])
    const verdicts = Promise.all([ending.mayEnd(), ending.mayEnd(), ending.mayEnd()])
    press('Cancel')
    expect(await verdicts).toEqual(['stay', 'stay', 'stay'])
    expect(questions).toEqual(['job 1 is still at work.'])
  })

  it('names what works and counts what waits', async () => {
    const { ending, questions, press } = desk([job('1', 'running'), job('2', 'queued'), job('3', 'queued')])
    press('Cancel')
    await ending.mayEnd()
    expect(questions).toEqual(['1 at work and 2 waiting: job 1, job 2, job 3.'])
  })

  it('drops what waits before it stops what runs, so that no other run starts, and shows that it is ending', async () => {
    const { ending, done, shown, press } = desk([job('1', 'running'), job('2', 'queued'), job('3', 'queued')])
    press('Stop after this step')
    expect(await ending.mayEnd()).toBe('end')
    expect(done).toEqual(['cancel 2', 'cancel 3', 'stop 1'])
    expect(shown.filter(Boolean)).toContain('Ending: job 1')
  })

  it('leaves everything alone in the background, and takes a closed dialog for staying', async () => {
    const hidden = desk([job('1', 'running'), job('2', 'queued')])
    hidden.press('Keep working in the background')
    expect([await hidden.ending.mayEnd(), hidden.done]).toEqual(['background', []])
    const closed = desk([job('1', 'running')])
    closed.press('nothing at all' as never)
    expect([await closed.ending.mayEnd(), closed.done]).toEqual(['stay', []])
  })

  it('is not asked when the system shuts down', async () => {
    const { ending, questions } = desk([job('1', 'running')])
    ending.endNow()
    expect([await ending.mayEnd(), questions]).toEqual(['end', []])
  })

  it('is answered by the system where it shuts down while the question stands, or while a step is waited for', async () => {
    const standing = desk([job('1', 'running'), job('2', 'queued')])
    const verdict = standing.ending.mayEnd()
    await expect.poll(() => standing.questions.length).toBe(1)
    standing.ending.endNow()
    expect([await verdict, standing.done]).toEqual(['end', []])

    const stopping = desk([job('1', 'running')], { never: true })
    stopping.press('Stop after this step')
    const stopped = stopping.ending.mayEnd()
    await expect.poll(() => stopping.done).toEqual(['stop 1'])
    stopping.ending.endNow()
    expect(await stopped).toBe('end')
  })
})
