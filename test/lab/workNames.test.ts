// What a person reads beside work that goes on: every job is called by what it does and to what, whoever asked for it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Job, OwnClient } from '../../src-preload/contract.ts'
import { askDirectly } from '../../src-main/lab/answers/answer.ts'
import { exportLabels } from '../../src-main/lab/files/exportFile.ts'
import { fakeExperiments } from './fakeExperiments.ts'
import { openLocalLab, type LocalLab } from './localLab.ts'
import { specOf } from './records.ts'

let lab: LocalLab
let own: OwnClient
beforeAll(async () => {
  lab = await openLocalLab(fakeExperiments, { brief: true })
  own = askDirectly(lab.lab.answers, lab.lab.own, new AbortController().signal)
})
afterAll(() => lab.close())

const listed = (): readonly Job[] => lab.lab.answers.jobs.list(undefined, { signal: new AbortController().signal }) as Job[]
/** The jobs that were there while something was asked, whatever became of it. */
async function named(ask: () => Promise<unknown>): Promise<string[]> {
  const seen = new Map<string, string>()
  const stop = lab.onEvent(() => {
    for (const { id, kind, label } of listed()) seen.set(id, `${kind}: ${label}`)
  })
  await ask().catch(() => {})
  while (listed().length > 0) await new Promise((resolve) => setImmediate(resolve))
  stop()
  return [...seen.values()]
}

const size = { steps: 2, problems: 8, samples: 2, validation: 4, start: null }
const scope = () => ({ runId: lab.filled.runIds[0]! })
const sums = (): string => {
  const path = join(lab.home, 'sums.jsonl')
  writeFileSync(path, '{"question":"1 + 1?","answer":"2"}\n')
  return path
}

it('work that a page starts says what it is', async () => {
  const { client } = lab
  const { runs, rollouts, thinking, evaluations, exports, studies, imports, workspaces, system, playground } = client
  const [runId] = lab.filled.runIds as [number]
  const asked: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['selfTest: Self-test of cpu', () => system.selfTest({ device: 'cpu' })],
    ['stopHere: Answers from boundary 2', () => rollouts.stopHere({ rolloutId: 1, boundary: 2, samples: 1 })],
    ['playground: Prompting starter model', () => playground.sample({ key: 'k', start: 'starter', task: null, text: '1' })],
    ['playground: Prompting dr-grpo, seed 1, step 4', () => playground.sample({ key: 'k', start: 'checkpoint:1', task: null, text: '1' })],
    ['playground: Prompting model:99', () => playground.sample({ key: 'k', start: 'model:99', task: null, text: '1' })],
    ['measure: Measuring exact J, starter model', () => thinking.measure({ scope: scope(), start: 'starter', method: 'exact' })],
    ['measure: Votes of starter model', () => thinking.vote({ scope: scope(), start: 'starter', samples: 4 })],
    [
      'measure: Measuring J at every cut, dr-grpo, seed 1, step 4',
      async () => {
        const [first] = await thinking.rules()
        const rules = [{ name: first!.name, rule: first!.rule }]
        return thinking.measureCuts({ scope: scope(), start: 'checkpoint:1', rules, budget: 9 })
      },
    ],
    ['train: short, seed 3', () => runs.start({ spec: specOf('grpo', 3, { name: 'short', steps: 1 }), evaluated: false })],
    ['evaluate: Evaluating dr-grpo', () => evaluations.start({ runId })],
    ['evaluate: Evaluating starter', () => evaluations.startOf({ spec: specOf('grpo', 1) })],
    ['export: Writing the metrics', () => exports.write({ kind: 'metrics', runId })],
    ['export: Copying the workspace', () => exports.write({ kind: 'workspace' })],
    ['study: Study controls', () => studies.start({ name: 'controls', arms: ['outcome'], seeds: 1, learningRate: 'fixed', ...size })],
    ['import: Importing sums.jsonl', () => imports.start({ paths: [sums()] })],
    ['import: Merging a workspace', () => workspaces.merge({ folder: lab.home, uids: null })],
    ['import: Saving what can be read', () => workspaces.salvage({ folder: lab.home, into: join(lab.home, 'saved') })],
  ]
  for (const [name, ask] of asked) expect(await named(ask)).toEqual([name])
})

it('work that a command starts says what it is', async () => {
  mkdirSync(join(lab.home, 'looked at'))
  const { id: followId } = await lab.client.follows.start({ path: join(lab.home, 'looked at') })
  const [runId] = lab.filled.runIds as [number]
  const text = { key: 'k', modelId: 1, prompt: 'Well', system: null, raw: true, maxTokens: 9, temperature: 0, seed: 1 }
  const trying = { start: 'starter', levels: [], problems: 1, examples: 0, thinkingTokens: 8, answerTokens: 4, temperature: 1, seed: 1 }
  const sample = { folder: join(lab.home, 'sample'), runIds: [runId], everySteps: 1, groups: 1, evaluationProblems: 1 }
  const rows = {
    as: null,
    map: {},
    identity: 'prompt',
    table: null,
    name: null,
    grader: null,
    keepDuplicates: false,
    allowEmpty: false,
  } as const
  const asked: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['measure: Trying tasks with starter', () => own.tasks.try(trying)],
    ['playground: Writing with model 1', () => own.playground.write(text)],
    [
      'export: Writing the settings',
      () => own.exports.save({ asked: { kind: 'config', runId }, path: join(lab.home, 'config.json'), inside: false }),
    ],
    ['import: Importing sums.jsonl', () => own.imports.bring({ paths: [sums()], ...rows })],
    ['import: Looking at a folder', () => own.follows.look({ followId })],
    ['export: Handing a run over', () => own.runs.handOver({ runId, folder: join(lab.home, 'handed') })],
    ['import: Importing none.gguf', () => own.models.import({ path: join(lab.home, 'none.gguf'), name: null, base: null })],
    ['export: Writing model:99', () => own.models.export({ name: 'model:99', folder: join(lab.home, 'exported'), adapters: false })],
    ['export: Making a sample', () => own.workspaces.sample(sample)],
    [
      'study: Study alpha',
      async () => {
        const { studyId } = await own.studies.open({ name: 'alpha', arms: null, seeds: 1, learningRate: 'fixed', ...size, beside: null })
        return own.studies.work({ studyId, arms: null, seeds: 1, beside: null, untilMs: null })
      },
    ],
  ]
  for (const [name, ask] of asked) expect(await named(ask)).toEqual([name])
})

it('every kind of file that leaves is written under a name of its own', () => {
  expect(exportLabels).toEqual({
    metrics: 'Writing the metrics',
    config: 'Writing the settings',
    rollouts: 'Writing rollouts',
    comparator: 'Pairing answers',
    report: 'Making a report',
    workspace: 'Copying the workspace',
  })
})
