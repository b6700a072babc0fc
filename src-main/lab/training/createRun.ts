// A run's record, made from a specification that holds together; what does not is refused here, before anything is computed.
import { LabError, runSpec } from '../../../src-preload/contract.ts'
import type { NewRun, RunSpec } from '../../../src-preload/contract.ts'
import type { LlamaConfig } from '../../model/config.ts'
import { createMethod, needsOf } from '../../rl/algorithms.ts'
import type { Method } from '../../rl/algorithms.ts'
import { inertOptions } from '../../rl/options.ts'
import { isFiltered } from '../../rollout/sample.ts'
import type { LabContext } from '../process/context.ts'
import { requireDevice } from '../process/deviceTests.ts'
import { parseSpec, spoken } from './runSpecs.ts'
import { loadStart, prepareStart, vocabularyOf } from './start.ts'
import type { Start } from './start.ts'
import { openProblems } from './tasks.ts'
import type { Vocabulary } from './tasks.ts'

/** Creates the record of a run, queued. Throws LabError `device.unproven`, `run.spec`, `run.algorithm`, `run.sampling`, `run.inert` when the specification does not hold together, or asks for more tokens than the model has positions. */
export async function createRun(
  { store, now, deviceTests }: Pick<LabContext, 'store' | 'now' | 'deviceTests'>,
  given: unknown,
  environment: NewRun['environment'] = {},
): Promise<number> {
  const parsed = parseSpec(given)
  requireDevice(parsed.device, deviceTests)
  const start = prepareStart(await loadStart(store, parsed.start, now), parsed.adapters, parsed.seed)
  const spec = spoken(parsed, vocabularyOf(start).tokenizer !== null)
  const problems = openProblems(store, spec, now, vocabularyOf(start))
  const method = methodOf(spec)
  refuseTooLong(spec, needsOf(method).kept?.times ?? 1, start.config, problems.promptRoom)
  checkSampling(spec, method)
  checkInert(method)
  checkAdapters(spec)
  await checkProver({ store, now }, spec, method, start)
  if (problems.task.size('heldout') === 0)
    throw new LabError('run.noHeldOut', {
      expected: 'problems that are held out, to evaluate on',
      found: `none in ${spec.task.name}`,
      next: 'Divide the dataset anew on its page, or import a file with its test split.',
    })
  if ((needsOf(method).J === 'exact' || needsOf(method).cuts?.J === 'exact') && !problems.lists)
    throw new LabError('run.noAnswers', {
      expected: `a task whose accepted answers can be listed, as the exact J of ${method.algorithm.name} needs them`,
      found: spec.task.name,
      next: 'Choose a method that samples J, such as mrt-online.',
    })
  return store.runs.add({
    name: spec.name,
    method: method.algorithm.method,
    algorithm: method.algorithm.name,
    config: { ...spec, algorithm: { name: method.algorithm.name, options: method.options } },
    seed: spec.seed,
    groupKey: spec.group ?? groupKeyOf(spec),
    modelId: start.modelId,
    datasetId: problems.datasetId,
    parentRunId: start.runId,
    parentStep: start.step,
    plannedSteps: spec.steps,
    environment,
    note: '',
    createdAtMs: now(),
  }).id
}

/**
 * A budget for which the model has no positions is a mistake in the settings, told before anything is computed.
 * @param times of the thinking budget that rollouts reach
 */
function refuseTooLong({ budget, evaluation }: RunSpec, times: number, { maxPositions }: LlamaConfig, promptRoom: number): void {
  const room = maxPositions - promptRoom - budget.answerTokens
  const reached = times * budget.thinkingTokens
  const [field, longest] =
    reached > room
      ? ([
          times === 1
            ? 'budget.thinkingTokens'
            : `budget.thinkingTokens, of which the algorithm keeps some rollouts going to ${times} times,`,
          reached,
        ] as const)
      : evaluation.window === undefined
        ? (['evaluation.budgets', Math.max(0, ...evaluation.budgets)] as const)
        : (['evaluation.window', evaluation.window] as const)
  if (longest <= room) return
  throw new LabError('run.spec', {
    expected: `${field} of at most ${Math.max(0, room)} tokens: the model has ${maxPositions} positions, ${promptRoom} are kept for the problem and ${budget.answerTokens} for the answer`,
    found: String(longest),
    next: 'Lower that budget, or start from a model with more positions.',
  })
}

/** The method of a specification, its options filled in. */
export function methodOf(spec: RunSpec): Method {
  try {
    return createMethod(spec.algorithm.name, spec.algorithm.options)
  } catch (error) {
    const { code, expected, found } = error as { code?: string; expected?: string; found?: string }
    if (!code?.startsWith('rl.')) throw error
    throw new LabError('run.algorithm', {
      expected: expected!,
      found: found!,
      next: 'Correct the algorithm or its option in the specification.',
    })
  }
}

/** Filters leave tokens out of what is drawn from; the policy that is trained has them all. Throws LabError `run.sampling` where that would go unnoticed. */
function checkSampling({ sampling }: RunSpec, { algorithm, options }: Method): void {
  if (!isFiltered(sampling)) return
  const { topK, topP, minP } = sampling
  const found = `topK ${topK}, topP ${topP}, minP ${minP}`
  if (algorithm.needs(options).J === 'exact')
    throw new LabError('run.sampling', {
      expected: `no filters with ${algorithm.name}, whose exact J is that of all tokens`,
      found,
      next: 'Leave topK, topP and minP at 0, 1 and 0; the temperature may be anything.',
    })
  if ((options as { readonly correction?: unknown }).correction === 'none')
    throw new LabError('run.sampling', {
      expected: 'no filters, or a correction for sampling from a part of the policy that is trained',
      found,
      next: 'Leave topK, topP and minP at 0, 1 and 0, or set the algorithm\'s option "correction", such as to token-truncate.',
    })
}

/** Throws LabError `run.inert` for an option that was set and, with the others as they are, changes nothing. */
function checkInert({ algorithm, options }: Method): void {
  const [inert] = inertOptions(algorithm.options, options)
  if (inert)
    throw new LabError('run.inert', {
      expected: `${inert.name} ${inert.value} to change something: ${inert.needs}`,
      found: inert.found,
      next: `Set ${inert.needs}, or leave ${inert.name} at ${algorithm.options[inert.name]!.default}.`,
    })
}

/** Throws LabError `run.inert` for a prover that nothing asks, `run.spec` for one that is asked for and not named, `run.vocabulary` for one that does not speak in the run's tokens. */
async function checkProver(
  { store, now }: Pick<LabContext, 'store' | 'now'>,
  { prover }: RunSpec,
  method: Method,
  start: Start,
): Promise<void> {
  const asked = needsOf(method).mu?.weights === 'given'
  if (prover === undefined && !asked) return
  if (prover === undefined)
    throw new LabError('run.spec', {
      expected: 'the setting prover, which says whose answers count where the option mu is given',
      found: 'none',
      next: 'Set prover, such as to checkpoint:<id>, or mu to current, start or ema.',
    })
  if (!asked)
    throw new LabError('run.inert', {
      expected: `prover ${prover} to change something: the option mu at given`,
      found: `mu ${String((method.options as { readonly mu?: unknown }).mu ?? 'absent')}`,
      next: 'Set algorithm.options.mu to given, or leave prover out.',
    })
  const [own, other] = [vocabularyOf(start), vocabularyOf(await loadStart(store, prover, now))]
  if (!inSameTokens(own, other))
    throw new LabError('run.vocabulary', {
      expected: `a prover that speaks in the tokens of the start, ${own.size} of them`,
      found: `${prover}, with ${other.size}${own.size === other.size ? ' others' : ''}`,
      next: 'Choose a checkpoint of the same model, or another model of its family.',
    })
}

/** Whether two vocabularies have the same text for every token; a notation is known by its size. */
function inSameTokens(a: Vocabulary, b: Vocabulary): boolean {
  if (a.size !== b.size || a.tokenizer === null || b.tokenizer === null) return a.size === b.size && a.tokenizer === b.tokenizer
  for (let id = 0; id < a.size; id++) if (Buffer.compare(a.tokenizer.piece(id), b.tokenizer.piece(id)) !== 0) return false
  return true
}

/** Throws LabError `run.inert` for the shape of adapters that there are none of, `run.frozen` for weights in 16 bits or fewer on a device that does not read them. */
function checkAdapters({ adapters: { rank, alpha, targets, frozen }, device }: RunSpec): void {
  const usual = runSpec.shape.adapters.parse(undefined)
  if (rank > 0 && frozen !== undefined && frozen !== 'float32' && device !== 'cpu')
    throw new LabError('run.frozen', {
      expected: `frozen weights in float32 on ${device}: narrower ones are read on the processor alone`,
      found: `adapters.frozen ${frozen}`,
      next: 'Leave adapters.frozen out, or set device to cpu.',
    })
  if (rank > 0 || (alpha === usual.alpha && targets === usual.targets && frozen === undefined)) return
  const [name, value] = frozen !== undefined ? ['frozen', frozen] : alpha !== usual.alpha ? ['alpha', alpha] : ['targets', targets]
  throw new LabError('run.inert', {
    expected: `adapters.${name} ${value} to change something: adapters.rank above 0`,
    found: 'rank 0, which trains every weight',
    next: 'Set adapters.rank, or leave the rest of adapters as it is.',
  })
}

/** Runs that differ only by seed and name share it; those on the processor share it with those from before a device could be named. */
function groupKeyOf(spec: RunSpec): string {
  const { seed: _seed, name: _name, group: _group, device, ...rest } = spec
  return JSON.stringify({ ...rest, ...(device !== 'cpu' && { device }) })
}
