// What a refused call must look like: an EngineError with a code and a message that says what was expected and found.
import { expect } from 'vitest'
import { EngineError, type EngineErrorCode } from '../../src-main/engine/errors.ts'

function check(thrown: unknown, code: EngineErrorCode): void {
  expect(thrown).toBeInstanceOf(EngineError)
  const error = thrown as EngineError
  expect({ code: error.code, message: error.message }).toEqual({ code, message: expect.stringMatching(/^Expected .+; found .+\. .+\.$/s) })
}

export async function refuses(code: EngineErrorCode, call: () => unknown): Promise<void> {
  let thrown: unknown = 'nothing was thrown'
  try {
    await call()
  } catch (error) {
    thrown = error
  }
  check(thrown, code)
}
