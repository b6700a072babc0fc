// What a person may ask of thoughts beyond reading: which weights could measure J, the measuring itself as a job, and a vote among freshly
// drawn answers.

import { LabError, isOfText, type Answers, type Prover } from '../../../src-preload/contract.ts'
import { servedTitle } from '../training/servedModel.ts'
import { awaited } from '../process/awaited.ts'
import type { LabContext } from '../process/context.ts'
import type { Measurement } from '../thinking/requests.ts'
import type { JobControl } from '../process/jobs.ts'
import type { ActionParts } from './runActions.ts'

export type ThinkingActions = Pick<Answers<'thinking'>['thinking'], 'provers' | 'measure' | 'vote' | 'measureCuts'>

const words = (reasons: Measurement['unreadable']): string =>
  Object.entries(reasons)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ')

export function thinkingActions({ open, shown, jobs, engine, experiments, deviceTests, tell, now }: ActionParts): ThinkingActions {
  function writable(): void {
    if (open().access.mode === 'read')
      throw new LabError('workspace.readOnly', {
        expected: 'a workspace that can be written',
        found: 'one that is open for reading only',
        next: 'Close the other program that has it open, or open another workspace.',
      })
  }

  const titled = (start: string): string => provers().find((each) => each.start === start)?.title ?? start

  function provers(): Prover[] {
    const store = shown()
    return [
      { start: 'starter', title: 'starter model', runId: null, step: null },
      // Models of text, which answer for rollouts of other trainers.
      ...store.models
        .list()
        .filter((model) => isOfText(model) || model.kind === 'served')
        .map((model) => ({
          start: `model:${model.id}`,
          title: model.kind === 'served' ? servedTitle(model) : model.name,
          runId: null,
          step: null,
        })),
      ...store.runs
        .list()
        .flatMap(({ run }) =>
          store.checkpoints
            .ofRun(run.id)
            .map(({ id, step }) => ({
              start: `checkpoint:${id}`,
              title: `${run.name}, seed ${run.seed}, step ${step}`,
              runId: run.id,
              step,
            })),
        ),
    ]
  }

  const waitedFor = <Result>(
    signal: AbortSignal,
    { label, work }: { readonly label: string; readonly work: (context: LabContext, control: JobControl) => Promise<Result> },
  ): Promise<Result> =>
    awaited(jobs, signal, {
      kind: 'measure',
      label,
      runId: null,
      lane: 'light',
      work: async (control) => work({ store: open(), engine: await engine(), now, deviceTests }, control),
    })

  return {
    provers,
    measure(request) {
      writable()
      const how = request.method === 'exact' ? 'exact J' : `J from ${request.samples} answers`
      return jobs.add({
        kind: 'measure',
        label: `Measuring ${how}, ${titled(request.start)}`,
        runId: null,
        lane: 'heavy',
        async work(control) {
          const store = open()
          const outcome = await experiments.measureJ({ store, engine: await engine(), now, deviceTests }, request, control)
          const { runId = null } = request.scope
          const skipped = words(outcome.unreadable)
          store.events.add({
            runId,
            step: null,
            kind: 'log',
            level: skipped === '' ? 'info' : 'warn',
            code: 'thinking.measured',
            message: `Measured ${how} of ${outcome.measured} rollouts with ${titled(request.start)}${outcome.known > 0 ? `; ${outcome.known} had it` : ''}${skipped === '' ? '' : `; left out: ${skipped}`}.`,
            data: { ...outcome, unreadable: { ...outcome.unreadable } },
            atMs: now(),
          })
          tell({ kind: 'changed', noun: 'rollouts', ids: [] })
          return outcome
        },
      }).job
    },
    vote: (request, { signal }) =>
      waitedFor(signal, {
        label: `Votes of ${titled(request.start)}`,
        work: (context, control) => experiments.drawVotes(context, request, control),
      }),
    measureCuts: (request, { signal }) =>
      waitedFor(signal, {
        label: `Measuring J at every cut, ${titled(request.start)}`,
        work: (context, control) => experiments.measureCuts(context, request, control),
      }),
  }
}
