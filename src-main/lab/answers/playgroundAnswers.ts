// What the playground may ask: which weights there are, which problem a seed draws, and a rollout, as a job whose result somebody waits for.

import type { Answers, Model, PlaygroundSource } from '../../../src-preload/contract.ts'
import { STARTER_CONFIG, type LlamaConfig } from '../../model/config.ts'
import { notationOfSize } from '../../tasks/registry.ts'
import { awaited } from '../process/awaited.ts'
import { playgroundProblem } from '../training/playgroundProblem.ts'
import type { ActionParts } from './runActions.ts'
import { configOfStart } from '../training/start.ts'

const STARTER = 'starter'
const speaks = ({ config }: Pick<Model, 'config'>): string | null => notationOfSize((config as unknown as LlamaConfig).vocabSize)

export function playgroundAnswers({
  open,
  shown,
  jobs,
  engine,
  experiments,
  deviceTests,
  now,
}: Omit<ActionParts, 'tell'>): Answers<'playground'>['playground'] {
  function sources(): PlaygroundSource[] {
    const store = shown()
    return [
      { start: STARTER, title: 'starter model', speaks: notationOfSize(STARTER_CONFIG.vocabSize), runId: null, step: null },
      ...store.models
        .list()
        .filter(({ kind }) => kind !== 'starter')
        .map((model) => ({ start: `model:${model.id}`, title: model.name, speaks: speaks(model), runId: null, step: null })),
      ...store.runs.list().flatMap(({ run }) =>
        store.checkpoints.ofRun(run.id).map(({ id, step }) => {
          const config = configOfStart(store, `checkpoint:${id}`)
          return {
            start: `checkpoint:${id}`,
            title: `${run.name}, seed ${run.seed}, step ${step}`,
            speaks: config === undefined ? null : notationOfSize(config.vocabSize),
            runId: run.id,
            step,
          }
        }),
      ),
    ]
  }
  return {
    sources,
    problem: (request) => playgroundProblem(open(), request),
    sample(request, { signal }) {
      const title = sources().find(({ start }) => start === request.start)?.title ?? request.start
      return awaited(jobs, signal, {
        kind: 'playground',
        label: `Prompting ${title}`,
        runId: null,
        lane: 'light',
        work: async (control) => experiments.playground({ store: open(), engine: await engine(), now, deviceTests }, request, control),
      })
    },
  }
}
