// The experiments that jobs run, as functions handed to the lab, so that a test can put others in their place. Their modules are
// loaded when first needed: reading a workspace loads neither the graphs nor the engine.

import type {
  NewRun,
  PlaygroundRequest,
  PlaygroundRollout,
  SegmentationRow,
  SelfTestReport,
  StopHereResult,
  StudyPlan,
  Tried,
  VotingCurves,
} from '../../../src-preload/contract.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Device } from '../../engine/providers.ts'
import type { EvaluationTarget, JobOptions, LabContext } from './context.ts'
import type { MachineSpeed } from './machineSpeed.ts'
import type { Study, StudyRequest } from '../study/grid.ts'
import type { StudyJob } from '../study/run.ts'
import type { TryRequest } from '../training/tryTasks.ts'
import type { WriteRequest, Written } from '../training/writeText.ts'
import type { Measurement, MeasureRequest, SensitivityRequest, StopHereRequest, VoteRequest } from '../thinking/requests.ts'

export interface Experiments {
  openEngine(): Promise<Engine>
  /** What a run is made on, for its record. */
  environment(engine: Engine): Promise<NewRun['environment']>
  /** Records a queued run and returns its id. */
  createRun(context: Pick<LabContext, 'store' | 'now' | 'deviceTests'>, spec: unknown, environment: NewRun['environment']): Promise<number>
  trainRun(context: LabContext, runId: number, options: JobOptions): Promise<void>
  /** Evaluates what a run starts from, unless that has been done under the same conditions. */
  evaluateStart(context: LabContext, runId: number, options: JobOptions): Promise<void>
  /** Returns the id of the evaluation. */
  evaluateRun(context: LabContext, target: EvaluationTarget, options: JobOptions): Promise<number>
  stopHere(context: LabContext, request: StopHereRequest, options: JobOptions): Promise<StopHereResult>
  /** One rollout, shown while it is written and kept nowhere. */
  playground(context: LabContext, request: PlaygroundRequest, options: JobOptions): Promise<PlaygroundRollout>
  /** A text of an imported model, told while it is written and kept nowhere. */
  writeText(context: LabContext, request: WriteRequest, options: JobOptions): Promise<Written>
  /** How often a model is right, one level after the other; nothing is recorded. */
  tryTasks(context: LabContext, request: TryRequest, options: JobOptions): AsyncIterable<Tried>
  /** J at every boundary of rollouts of a scope, recorded. */
  measureJ(context: LabContext, request: MeasureRequest, options: JobOptions): Promise<Measurement>
  drawVotes(context: LabContext, request: VoteRequest, options: JobOptions): Promise<VotingCurves>
  /** Regret under several rules, with exact J wherever one of them cuts. */
  measureCuts(context: LabContext, request: SensitivityRequest, options: JobOptions): Promise<SegmentationRow[]>
  /** Tokens per second that this machine draws and reads. */
  measureSpeed(engine: Engine, now: () => number): Promise<MachineSpeed>
  /** What is known of the study that would be opened, without making anything. */
  planStudy(context: Pick<LabContext, 'store'>, name: string, request: StudyRequest): Promise<StudyPlan>
  /** Works on its cells until they are finished, or until it is told to stop; returns whether they are. */
  runStudy(context: LabContext, study: Study, job: StudyJob): Promise<boolean>
  /** The report of what is finished, as Markdown; null before the first cell is. */
  reportStudy(context: Pick<LabContext, 'store'>, study: Study): Promise<string | null>
  selfTest(engine: Engine, device: Device, now: () => number): Promise<SelfTestReport>
}

export const experiments: Experiments = {
  openEngine: async () => (await import('../../engine/engine.ts')).openEngine(),
  environment: async (engine) => (await import('./environment.ts')).environment(engine),
  createRun: async (...given) => (await import('../training/createRun.ts')).createRun(...given),
  trainRun: async (...given) => (await import('../training/trainRun.ts')).trainRun(...given),
  async evaluateStart(context, runId, options) {
    const [{ evaluateRun, knownStartEvaluation }, { parseSpec }] = await Promise.all([
      import('../comparing/evaluateRun.ts'),
      import('../training/runSpecs.ts'),
    ])
    const run = context.store.runs.get(runId)!
    const spec = parseSpec(run.config)
    if (knownStartEvaluation(context, spec, run.modelId) === null) await evaluateRun(context, { startOf: spec }, options)
  },
  evaluateRun: async (...given) => (await import('../comparing/evaluateRun.ts')).evaluateRun(...given),
  stopHere: async (...given) => (await import('../thinking/stopHere.ts')).stopHere(...given),
  playground: async (...given) => (await import('../training/playground.ts')).playground(...given),
  writeText: async (...given) => (await import('../training/writeText.ts')).writeText(...given),
  async *tryTasks(...given) {
    yield* (await import('../training/tryTasks.ts')).tryTasks(...given)
  },
  measureJ: async (...given) => (await import('../thinking/measureJ.ts')).measureJ(...given),
  drawVotes: async (...given) => (await import('../thinking/drawVotes.ts')).drawVotes(...given),
  measureCuts: async (...given) => (await import('../thinking/measureCuts.ts')).measureCuts(...given),
  measureSpeed: async (...given) => (await import('./machineSpeed.ts')).measureSpeed(...given),
  async planStudy(context, name, request) {
    const [{ imagineStudy }, { planOf }] = await Promise.all([import('../study/grid.ts'), import('../study/plan.ts')])
    const { study, cells } = imagineStudy(context, name, request)
    return planOf(context, study, cells)
  },
  runStudy: async (...given) => (await import('../study/run.ts')).runStudy(...given),
  async reportStudy(context, study) {
    const [{ recordOf }, { renderReport }] = await Promise.all([import('../study/recording.ts'), import('../study/report.ts')])
    const record = recordOf(context, study)
    return record.cells.some(({ status }) => status === 'finished') ? renderReport(record) : null
  },
  selfTest: async (...given) => (await import('./selfTest.ts')).selfTest(...given),
}
