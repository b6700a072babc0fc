// The queue on its own: lanes, order, wishes, cancelling, and how often progress is told. Time is a number that the test moves.
import { describe, expect, it } from 'vitest'
import { awaited } from '../../src-main/lab/process/awaited.ts'
import { createJobs, type JobControl, type JobRequest } from '../../src-main/lab/process/jobs.ts'
import type { LabEvent } from '../../src-preload/contract.ts'

function laboratory() {
  const told: LabEvent[] = []
  const planned: { callback: () => void; atMs: number }[] = []
  let nowMs = 0
  const jobs = createJobs({
    tell: (event) => told.push(event),
    now: () => nowMs,
    later(callback, ms) {
      const plan = { callback, atMs: nowMs + ms }
      planned.push(plan)
      return () => void planned.splice(planned.indexOf(plan), 1)
    },
  })
  const pass = (ms: number): void => {
    nowMs += ms
    for (const plan of planned.filter(({ atMs }) => atMs <= nowMs)) {
      planned.splice(planned.indexOf(plan), 1)
      plan.callback()
    }
  }
  const setBack = (ms: number): void => {
    nowMs -= ms
    for (const [at, plan] of planned.entries()) planned[at] = { ...plan, atMs: plan.atMs - ms }
  }
  return { jobs, told, planned, pass, setBack }
}

/** A job that waits until the test lets it end. */
function held(label: string, more: Partial<JobRequest<string>> = {}) {
  const started = Promise.withResolvers<JobControl>()
  const end = Promise.withResolvers<string>()
  const request: JobRequest<string> = {
    kind: 'train',
    label,
    runId: null,
    lane: 'heavy',
    ...more,
    work: (control) => {
      started.resolve(control)
      control.signal.addEventListener('abort', () => end.reject(control.signal.reason))
      return end.promise
    },
  }
  return { request, started: started.promise, end: () => end.resolve(label), fail: (error: Error) => end.reject(error) }
}

const states = (jobs: ReturnType<typeof createJobs>): string[] => jobs.list().map(({ label, state }) => `${label} ${state}`)
const report = (done: number): LabEvent => ({
  kind: 'progress',
  runId: 1,
  report: { job: 'x', label: 'x', done, total: 10, unit: 'steps', etaMs: null, tokensPerSecond: null, memoryBytes: null, atMs: 0 },
})

describe('the queue', () => {
  it('runs heavy jobs one at a time, in the order they were asked for', async () => {
    const { jobs } = laboratory()
    const [a, b] = [held('a'), held('b')]
    const first = jobs.add(a.request)
    jobs.add(b.request)
    await a.started
    expect(states(jobs)).toEqual(['a running', 'b queued'])
    expect(first.job).toMatchObject({
      id: 'train-1',
      kind: 'train',
      label: 'a',
      runId: null,
      progress: null,
      queuedAtMs: 0,
      startedAtMs: 0,
    })
    expect(jobs.list()[1]).toMatchObject({ id: 'train-2', startedAtMs: null })
    a.end()
    expect(await first.done).toBe('a')
    await b.started
    expect(states(jobs)).toEqual(['b running'])
    b.end()
  })

  it('runs a light job beside a heavy one', async () => {
    const { jobs } = laboratory()
    const heavy = held('train')
    jobs.add(heavy.request)
    await heavy.started
    const light = held('answers', { lane: 'light', kind: 'stopHere' })
    const { done } = jobs.add(light.request)
    await light.started
    light.end()
    expect(await done).toBe('answers')
    heavy.end()
  })

  it('is found by the run that it works on now, one after another', async () => {
    const { jobs } = laboratory()
    const { request, started, end } = held('study', { kind: 'study' })
    const { done } = jobs.add(request)
    const { worksOn } = await started
    worksOn(3)
    expect(jobs.ofRun(3)?.kind).toBe('study')
    worksOn(4)
    expect([jobs.ofRun(3), jobs.ofRun(4)?.kind]).toEqual([null, 'study'])
    worksOn(null)
    expect(jobs.ofRun(4)).toBeNull()
    end()
    await done
  })

  it('puts a job that must be first before those that wait, not before the one that runs', async () => {
    const { jobs } = laboratory()
    const [a, b, c] = [held('a'), held('b'), held('c', { first: true })]
    jobs.add(a.request)
    jobs.add(b.request)
    jobs.add(c.request)
    expect(states(jobs)).toEqual(['a running', 'c queued', 'b queued'])
    a.end()
    await c.started
    c.end()
    await b.started
    b.end()
  })

  it('hands wishes to the work between its steps, and takes a pause back', async () => {
    const { jobs } = laboratory()
    const a = held('a')
    const { job } = jobs.add(a.request)
    const { control } = await a.started
    expect(control()).toBe('go')
    jobs.pause(job.id)
    expect([control(), states(jobs)]).toEqual(['pause', ['a pausing']])
    jobs.resume(job.id)
    expect([control(), states(jobs)]).toEqual(['go', ['a running']])
    jobs.stopAfterStep(job.id)
    expect([control(), states(jobs)]).toEqual(['stop-after-step', ['a stopping']])
    a.end()
  })

  it('cancels a running job through its signal, and one that waits without starting it', async () => {
    const { jobs, told } = laboratory()
    const [a, b] = [held('a'), held('b')]
    const running = jobs.add(a.request)
    const waiting = jobs.add(b.request)
    await a.started
    jobs.cancel(waiting.job.id)
    await expect(waiting.done).rejects.toMatchObject({
      code: 'job.cancelled',
      expected: 'b to finish',
      found: 'that it was cancelled',
      next: 'Start it again if it is still wanted.',
    })
    jobs.cancel(running.job.id)
    await expect(running.done).rejects.toMatchObject({ code: 'job.cancelled' })
    expect(jobs.list()).toEqual([])
    expect(told.some((event) => event.kind === 'failed')).toBe(false)
  })

  it('tells of a failure as an event, and goes on with the next job', async () => {
    const { jobs, told } = laboratory()
    const [a, b] = [held('a'), held('b')]
    const { done } = jobs.add(a.request)
    jobs.add(b.request)
    await a.started
    a.fail(
      Object.assign(new Error('no'), {
        name: 'EngineError',
        code: 'out-of-memory',
        expected: 'enough memory',
        found: 'too little',
        next: 'Use less.',
      }),
    )
    await expect(done).rejects.toThrow('no')
    await b.started
    expect(told.find((event) => event.kind === 'failed')).toEqual({
      kind: 'failed',
      job: 'train-1',
      error: { code: 'engine.outOfMemory', expected: 'enough memory', found: 'too little', next: 'Use less.' },
    })
    b.end()
  })

  it('refuses to steer a job that has ended', async () => {
    const { jobs } = laboratory()
    const a = held('a')
    const { job, done } = jobs.add(a.request)
    await a.started
    a.end()
    await done
    await new Promise((resolve) => setImmediate(resolve))
    expect(() => jobs.pause(job.id)).toThrow(
      expect.objectContaining({
        code: 'job.unknown',
        expected: 'a job that waits or runs',
        found: 'train-1, which has ended',
        next: 'Look for its result in the records.',
      }),
    )
  })

  it('cancels everything when it closes, and waits for what runs', async () => {
    const { jobs } = laboratory()
    const [a, b] = [held('a'), held('b')]
    const [first, second] = [jobs.add(a.request), jobs.add(b.request)]
    await a.started
    await jobs.close()
    await expect(first.done).rejects.toMatchObject({ code: 'job.cancelled' })
    await expect(second.done).rejects.toMatchObject({ code: 'job.cancelled' })
    expect(jobs.list()).toEqual([])
  })
})

describe('progress', () => {
  it('is told at most ten times a second, the latest report winning, under the id of the job', async () => {
    const { jobs, told, planned, pass } = laboratory()
    const a = held('a')
    jobs.add(a.request)
    const { onEvent } = await a.started
    const heard = (): number[] => told.flatMap((event) => (event.kind === 'progress' ? [event.report.done] : []))
    onEvent(report(1))
    onEvent(report(2))
    onEvent(report(3))
    expect(heard()).toEqual([1])
    // However many come meanwhile, one of them is waited for.
    expect(planned).toHaveLength(1)
    pass(99)
    expect(heard()).toEqual([1])
    pass(1)
    expect(heard()).toEqual([1, 3])
    // A tenth of a second is counted from what was told last.
    pass(40)
    onEvent(report(4))
    pass(59)
    expect(heard()).toEqual([1, 3])
    pass(1)
    expect(heard()).toEqual([1, 3, 4])
    pass(100)
    onEvent(report(3))
    expect(heard()).toEqual([1, 3, 4, 3])
    expect(told.findLast((event) => event.kind === 'progress')).toMatchObject({ report: { job: 'train-1' } })
    expect(jobs.list()[0]!.progress!.done).toBe(3)
    a.end()
  })

  it('is told in a tenth of a second though the clock was set back by a day meanwhile', async () => {
    const { jobs, told, pass, setBack } = laboratory()
    const a = held('a')
    jobs.add(a.request)
    const { onEvent } = await a.started
    const heard = (): number[] => told.flatMap((event) => (event.kind === 'progress' ? [event.report.done] : []))
    onEvent(report(1))
    setBack(24 * 3_600_000)
    onEvent(report(2))
    pass(100)
    expect(heard()).toEqual([1, 2])
    a.end()
  })

  it('tells the last report when the job ends, before the end itself is told', async () => {
    const { jobs, told } = laboratory()
    const a = held('a')
    const { done } = jobs.add(a.request)
    const { onEvent } = await a.started
    onEvent(report(1))
    onEvent(report(10))
    a.end()
    await done
    await new Promise((resolve) => setImmediate(resolve))
    expect(told.at(-1)).toMatchObject({ kind: 'changed', noun: 'jobs' })
    const reports = (): number[] => told.flatMap((event) => (event.kind === 'progress' ? event.report.done : []))
    expect(reports()).toEqual([1, 10])
    // One that was told already is not told again.
    const b = held('b')
    const next = jobs.add(b.request)
    const second = await b.started
    second.onEvent(report(2))
    b.end()
    await next.done
    await new Promise((resolve) => setImmediate(resolve))
    expect(reports()).toEqual([1, 10, 2])
  })

  it('never holds back what is not progress', async () => {
    const { jobs, told } = laboratory()
    const a = held('a')
    jobs.add(a.request)
    const { onEvent } = await a.started
    for (let index = 0; index < 5; index++) onEvent({ kind: 'changed', noun: 'rollouts', ids: [index + 1] })
    expect(told.filter((event) => event.kind === 'changed' && event.noun === 'rollouts')).toHaveLength(5)
    a.end()
  })
})

describe('what a job is known by', () => {
  it('is its outcome, for as long as no more than so many came after it', async () => {
    const { jobs } = laboratory()
    const request = (n: number): JobRequest<number> => ({
      kind: 'train',
      label: `${n}`,
      runId: n,
      lane: 'heavy',
      work: () => Promise.resolve(n),
    })
    const made = Array.from({ length: 257 }, (_, n) => jobs.add(request(n)))
    await Promise.all(made.map(({ done }) => done))
    const unknown = { code: 'job.unknown', expected: 'a job of this session', next: 'Look for its result in the records.' }
    await expect(jobs.outcome({ jobId: made[0]!.job.id })).rejects.toMatchObject({ ...unknown, found: 'train-1' })
    expect(await jobs.outcome({ jobId: made[1]!.job.id })).toBe(1)
    expect([await jobs.outcome({ runId: 256 }), jobs.ofRun(256)]).toEqual([256, null])
    // Of two that were made for a run the newer one counts.
    await jobs.add({ ...request(7), runId: 256 }).done
    expect(await jobs.outcome({ runId: 256 })).toBe(7)
    await expect(jobs.outcome({ runId: 999 })).rejects.toMatchObject({ ...unknown, found: 'none for run 999' })
  })

  it('is told when it changes and only then', async () => {
    const { jobs, told } = laboratory()
    const a = held('a')
    const b = held('b')
    jobs.add(a.request)
    const waiting = jobs.add(b.request)
    const { worksOn } = await a.started
    told.length = 0
    worksOn(null)
    jobs.pause(waiting.job.id)
    expect([told, states(jobs)]).toEqual([[], ['a running', 'b queued']])
    worksOn(5)
    expect(told).toHaveLength(1)
    // What was wished of a job that waits holds once it runs.
    a.end()
    const { control } = await b.started
    expect(control()).toBe('pause')
    b.end()
  })

  it('is its place in its own lane: one that must be first waits for no other lane and passes no one who runs', async () => {
    const { jobs } = laboratory()
    const [train, light, second, first] = [
      held('train'),
      held('light', { lane: 'light' }),
      held('second', { lane: 'light' }),
      held('first', { lane: 'light', first: true }),
    ]
    for (const each of [train, light, second, first]) jobs.add(each.request)
    await Promise.all([train.started, light.started])
    expect(states(jobs)).toEqual(['train running', 'light running', 'first queued', 'second queued'])
    for (const each of [light, first, second]) {
      each.end()
      await each.started
    }
    const alone = held('alone', { lane: 'data', first: true })
    const { done } = jobs.add(alone.request)
    await alone.started
    alone.end()
    expect(await done).toBe('alone')
    train.end()
  })

  it('is that it is being cancelled until it has let go; whoever waits for its end is called before the next begins', async () => {
    const { jobs, told } = laboratory()
    const release = Promise.withResolvers<undefined>()
    const order: string[] = []
    const { job, done } = jobs.add({
      kind: 'train',
      label: 'slow to end',
      runId: null,
      lane: 'heavy',
      async work({ signal }) {
        await release.promise
        signal.throwIfAborted()
      },
    })
    jobs.whenEnded(job.id, () => order.push('ended'))
    const next = jobs.add({ kind: 'train', label: 'next', runId: null, lane: 'heavy', work: () => Promise.resolve(order.push('next')) })
    jobs.cancel(job.id)
    expect(states(jobs)).toEqual(['slow to end cancelling', 'next queued'])
    release.resolve(undefined)
    await expect(done).rejects.toMatchObject({ code: 'job.cancelled' })
    await next.done
    expect(order).toEqual(['ended', 'next'])
    expect(told.some(({ kind }) => kind === 'failed')).toBe(false)
  })

  it('reports bugs that ended it to whoever hears of them', async () => {
    const bugs: unknown[] = []
    const told: LabEvent[] = []
    const jobs = createJobs({ tell: (event) => told.push(event), now: Date.now, report: (error) => bugs.push(error) })
    const bug = new Error('a bug')
    await expect(
      jobs.add({ kind: 'train', label: 'bug', runId: null, lane: 'heavy', work: () => Promise.reject(bug) }).done,
    ).rejects.toThrow('a bug')
    expect(bugs).toEqual([bug])
    expect(told.find(({ kind }) => kind === 'failed')).toMatchObject({ job: 'train-1', error: { code: 'lab.bug' } })
  })

  it('tells progress by itself a tenth of a second later, where nobody plans otherwise', async () => {
    const heard = Promise.withResolvers<number>()
    const jobs = createJobs({ tell: (event) => event.kind === 'progress' && event.report.done === 2 && heard.resolve(2), now: Date.now })
    const a = held('a')
    jobs.add(a.request)
    const { onEvent } = await a.started
    onEvent(report(1))
    onEvent(report(2))
    expect(await heard.promise).toBe(2)
    a.end()
  })
})

describe('a job that somebody waits for', () => {
  it('gives its result, and is left alone when they go after it has ended', async () => {
    const { jobs } = laboratory()
    const waiting = new AbortController()
    const a = held('a')
    const result = awaited(jobs, waiting.signal, a.request)
    await a.started
    a.end()
    expect(await result).toBe('a')
    await expect.poll(() => states(jobs)).toEqual([])
    waiting.abort()
    expect(states(jobs)).toEqual([])
  })

  it('ends when they go', async () => {
    const { jobs } = laboratory()
    const waiting = new AbortController()
    const a = held('a')
    const result = awaited(jobs, waiting.signal, a.request)
    await a.started
    waiting.abort()
    await expect(result).rejects.toThrow()
    await expect.poll(() => states(jobs)).toEqual([])
  })

  it('is not begun when they have gone already', async () => {
    const { jobs } = laboratory()
    let begun = false
    const request: JobRequest<void> = { ...held('a').request, work: () => Promise.resolve(void (begun = true)) }
    await expect(awaited(jobs, AbortSignal.abort(new Error('gone')), request)).rejects.toThrow('gone')
    expect([begun, states(jobs)]).toEqual([false, []])
  })
})
