// The one second that an estimate rests on where nothing was trained yet: real tokens, drawn and read.
import { expect, it } from 'vitest'
import { openEngine } from '../../src-main/engine/engine.ts'
import { measureSpeed } from '../../src-main/lab/process/machineSpeed.ts'

it('times drawing and reading on this machine, and gives everything back', async () => {
  const engine = openEngine()
  const { drawn, read } = await measureSpeed(engine, () => performance.now())
  // A slow laptop draws thousands a second; a wrong unit would be off by a thousand.
  for (const rate of [drawn, read]) {
    expect(rate).toBeGreaterThan(200)
    expect(rate).toBeLessThan(5e6)
  }
  engine.dispose()
})
