// Prompting a model, to look at.

import { z } from 'zod'
import { playgroundProblem, playgroundRequest, playgroundRollout, playgroundSource } from './playground.ts'
import { taskSpec } from './runSpec.ts'
import { method, none } from './shared.ts'
import { count } from './values.ts'

export const promptingMethods = {
  playground: {
    /** The starter, the models of the workspace and the checkpoints of its runs. */
    sources: method(none, z.array(playgroundSource)),
    /** The problem that a seed draws. Throws `run.task`, `run.fewProblems`. */
    problem: method(z.object({ task: taskSpec, problemSeed: count }), playgroundProblem),
    /**
     * Writes one rollout, as a job; cancelling the call cancels it. While it is written, events of kind `playground` tell its text. It is not recorded.
     * Throws `start.unknown`, `run.task`, `run.vocabulary`, `playground.*`.
     */
    sample: method(playgroundRequest, playgroundRollout),
  },
}
