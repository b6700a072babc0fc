// What crosses a process line arrives as it was sent: errors with their parts, token arrays with their type.

import { describe, expect, it } from 'vitest'
import { fromWire, LabError, newRollout, rolloutFilter, step, toWire } from '../../src-preload/contract.ts'
import { rolloutOf, stepOf } from '../store/runRecord.ts'

describe('LabError', () => {
  it('survives JSON with its code and its parts', () => {
    const error = new LabError(
      'workspace.newer',
      { expected: 'schema 1', found: 'schema 2', next: 'Update.' },
      { cause: new Error('hidden') },
    )
    const back = LabError.from(JSON.parse(JSON.stringify(error)))
    expect(back).toBeInstanceOf(LabError)
    expect(back.toJSON()).toEqual({ code: 'workspace.newer', expected: 'schema 1', found: 'schema 2', next: 'Update.' })
    expect(back.message).toBe('Expected schema 1; found schema 2. Update.')
  })

  it('anything else is not taken for one', () => {
    expect(() => LabError.from({ message: 'boom' })).toThrow()
    expect(() => LabError.from({ code: 'No Dots', expected: '', found: '', next: '' })).toThrow()
  })
})

describe('the text form', () => {
  it('carries typed arrays, also views and long ones, and everything JSON has', () => {
    const long = Int32Array.from({ length: 100_000 }, (_, index) => index * 12_345 - 7)
    const value = {
      a: [1, null, 'x', { b: true }],
      long,
      view: Float32Array.of(1, -0.5, 3.25).subarray(1),
      empty: new Uint8Array(0),
      mask: Uint8Array.of(0, 255),
    }
    expect(fromWire(toWire(value))).toEqual(value)
  })

  it('leaves objects that only look like arrays alone', () => {
    const value = { $int32: 7, nested: { $float32: 'AAAA', other: 1 } }
    expect(fromWire(toWire(value))).toEqual(value)
  })

  it('refuses arrays it has no form for', () => {
    expect(() => toWire(Float64Array.of(1))).toThrow('Float64Array')
  })
})

describe('record schemas', () => {
  it('take the records the store keeps', () => {
    const rollout = rolloutOf(1)
    expect(newRollout.parse(rollout)).toEqual(rollout)
    expect(step.parse(stepOf(1, 2))).toEqual(stepOf(1, 2))
  })

  it('refuse metrics that are not numbers, plain arrays for tokens, and unknown reasons', () => {
    expect(step.safeParse({ ...stepOf(1, 2), metrics: { loss: NaN } }).success).toBe(false)
    expect(newRollout.safeParse({ ...rolloutOf(1), tokens: [1, 2] }).success).toBe(false)
    expect(newRollout.safeParse({ ...rolloutOf(1), finishReason: 'bored' }).success).toBe(false)
    expect(rolloutFilter.safeParse({ reward: [null, 1], correct: true }).success).toBe(true)
    expect(rolloutFilter.safeParse({ reward: [1] }).success).toBe(false)
  })
})
