// The one second that an estimate rests on where nothing was trained yet: real tokens, drawn and read.
import { expect, it } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import { measureSpeed } from '../../src-main/lab/process/machineSpeed.ts'

it('times drawing and reading apart, in tokens per second, and gives everything back', async () => {
  const engine = openEngine()
  // Two seconds of drawing; then the clock stands still, which counts as one thousandth of a second.
  const times = [1000, 3000, 3000]
  const { drawn, read } = await measureSpeed(engine, () => times.shift()!)
  // Of 256 rows each has 40 tokens that are drawn, and 12 before them that are read as well.
  expect([drawn, read, times]).toEqual([(256 * 40) / 2, expect.closeTo(256 * 52 * 1000, 3), []])
  engine.dispose()
})
