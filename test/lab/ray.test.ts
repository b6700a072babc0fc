// Training over a cluster, as far as it is known without one: which settings a run is made with, and what the work of others comes to.
import { describe, expect, it } from 'vitest'
import { metricsOf } from '../../src-main/lab/training/overRay.ts'
import { onRay, rayOf, raySettings } from '../../src-main/lab/training/raySettings.ts'

const refused = (code: string) => expect.objectContaining({ code }) as unknown as Error
const address = '127.0.0.1:6379'

describe('the settings of a cluster', () => {
  it('are those given, the rest as usual, and not whether leaving the machine was agreed to', () => {
    const usual = { address, workers: 2, python: 'python3', patience: 300 }
    expect(raySettings({ address })).toEqual(usual)
    expect(raySettings({ address: '10.0.0.7:6379', leavesMachine: true, workers: 5 })).toEqual({
      ...usual,
      address: '10.0.0.7:6379',
      workers: 5,
    })
    expect(() => raySettings({ address: '10.0.0.7:6379' })).toThrow(refused('ray.away'))
    expect(() => raySettings({ address: 'nowhere' })).toThrow(refused('ray.address'))
  })

  it('are kept with what a run is made on, and its specification says into how many shares it is cut', () => {
    const ray = raySettings({ address })
    const [spec, environment] = onRay({ steps: 3 }, { cores: 2 }, ray)
    expect([spec, environment]).toEqual([
      { shares: 8, steps: 3 },
      { cores: 2, ray },
    ])
    expect(onRay({ shares: 3 }, {}, ray)[0]).toEqual({ shares: 3 })
    expect(onRay({ steps: 3 }, { cores: 2 }, null)).toEqual([{ steps: 3 }, { cores: 2 }])
    expect([rayOf(environment), rayOf({ cores: 2 }), rayOf(null)]).toEqual([ray, null, null])
  })
})

describe('what workers did', () => {
  const work = {
    workers: 4,
    tasks: 9,
    redone: 1,
    lost: 2,
    bytesSent: 10,
    bytesReceived: 20,
    bytesOfWeights: 30,
    busyMs: 6000,
    longestMs: 2500,
  }
  const of = (ms: number, more: Partial<typeof work> = {}) => metricsOf({ work: () => ({ ...work, ...more }) }, ms, 500)

  it('is told by name: how busy they were of the time that there was, and how fast', () => {
    expect(of(3000)).toEqual({
      'ray/workers': 4,
      'ray/shares': 9,
      'ray/redone': 1,
      'ray/lost_workers': 2,
      'ray/bytes_sent': 10,
      'ray/bytes_received': 20,
      'ray/bytes_weights': 30,
      'ray/busy': 0.5,
      'ray/longest_time': 2.5,
      'ray/tokens_per_second': 500 / 3,
    })
  })

  it('is told of one worker, and of a millisecond', () => {
    expect([of(1500, { workers: 1 })['ray/busy'], of(1)['ray/busy'], of(1)['ray/tokens_per_second']]).toEqual([4, 1500, 500_000])
  })

  it('is nothing of no time, and of no workers', () => {
    expect([of(0)['ray/busy'], of(0)['ray/tokens_per_second'], of(3000, { workers: 0 })['ray/busy']]).toEqual([0, 0, 0])
  })
})
