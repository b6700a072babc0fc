// `metrics.jsonl`: a line per step with its metrics by their public names, as other trainers' tools read it. A metric that
// could not be computed is absent, never null or NaN.

import { writeAtomically } from './atomicFile.ts'
import type { Written } from './atomicFile.ts'

export interface StepMetrics {
  readonly step: number
  readonly metrics: { readonly [name: string]: number }
  /** Milliseconds since 1970; written as seconds under `time`. */
  readonly createdAtMs?: number
}

/** Writes steps in the order given. Throws LabError export.failed. */
export async function writeMetrics(path: string, steps: Iterable<StepMetrics> | AsyncIterable<StepMetrics>): Promise<Written> {
  return writeAtomically(path, async (sink) => {
    for await (const { step, metrics, createdAtMs } of steps) {
      const finite = Object.entries(metrics).filter(([, value]) => Number.isFinite(value))
      await sink.write(
        `${JSON.stringify({ step, ...(createdAtMs === undefined ? {} : { time: createdAtMs / 1000 }), ...Object.fromEntries(finite) })}\n`,
      )
    }
  })
}
