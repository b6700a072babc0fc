// Evaluations: accuracy and regret along budgets.

import { z } from 'zod'
import { evaluation, evaluationPoint, evaluationResult } from './records.ts'
import { runSpec } from './runSpec.ts'
import { job, method, pairedComparison } from './shared.ts'
import { id, name } from './values.ts'

export const evaluationsMethods = {
  evaluations: {
    list: method(z.object({ runId: id.nullable().default(null) }).prefault({}), z.array(evaluation)),
    /** Of each run its newest finished one on held-out problems; null where there is none. */
    newest: method(z.object({ runIds: z.array(id) }), z.array(evaluation.nullable())),
    get: method(z.object({ evaluationId: id }), evaluation),
    curves: method(z.object({ evaluationId: id }), z.array(evaluationPoint)),
    results: method(z.object({ evaluationId: id }), z.array(evaluationResult)),
    /** Queued as a job, on the problems and budgets of the run's specification. `checkpointId` null: the newest checkpoint. */
    start: method(z.object({ runId: id, checkpointId: id.nullable().default(null), split: name.default('heldout') }), job),
    /** The same of the weights that runs with a specification start from, whether or not there is a run of it. */
    startOf: method(z.object({ spec: runSpec, split: name.default('heldout') }), job),
    /** The same problems under two evaluations; at a token budget, or with thinking as long as each went (null). */
    paired: method(z.object({ a: id, b: id, budget: z.number().positive().nullable().default(null) }), pairedComparison),
  },
}
