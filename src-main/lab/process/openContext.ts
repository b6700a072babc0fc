// Opens what experiments need, for benches and tests that run them without a laboratory around: the store at once, the engine when something computes.
import { openEngine } from '../../engine/engine.ts'
import type { Engine } from '../../engine/engine.ts'
import { openStore } from '../../store/openStore.ts'
import type { LabContext } from './context.ts'
import { openDeviceTests } from './deviceTests.ts'

export interface OpenContextOptions {
  readonly folder: string
  readonly create: boolean
  /** What another process that finds the workspace locked is told. */
  readonly program: string
  /** Threads of a running graph; all cores unless given. */
  readonly threads?: number
}

export interface OpenedContext extends LabContext {
  close(): void
}

export function openContext({ folder, create, program, threads }: OpenContextOptions): OpenedContext {
  const store = openStore(folder, { create, program })
  let engine: Engine | null = null
  return {
    store,
    now: Date.now,
    deviceTests: openDeviceTests(),
    get engine() {
      engine ??= openEngine(threads === undefined ? {} : { threads })
      return engine
    },
    close() {
      engine?.dispose()
      store.close()
    },
  }
}
