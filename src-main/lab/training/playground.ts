// One prompt, one model, one rollout, shown while it is written: a problem of any task that the model has words for, or own text. J is that of
// the very weights that wrote it, exact wherever the right answers can be listed. Nothing is recorded.

import { formatSpec, LabError, type PlaygroundRequest, type PlaygroundRollout } from '../../../src-preload/contract.ts'
import type { Engine } from '../../engine/engine.ts'
import type { ParameterSet } from '../../engine/parameters.ts'
import type { Device } from '../../engine/providers.ts'
import type { LlamaConfig } from '../../model/config.ts'
import { withPositions } from '../../model/llama.ts'
import { deriveSeed } from '../../numeric/rng.ts'
import { exactMu } from '../../rollout/exactMu.ts'
import { openBranches } from '../../rollout/readers.ts'
import { formatOfText } from '../../rollout/format.ts'
import { openDecoder } from '../../rollout/openDecoder.ts'
import { loadWeights } from '../../rollout/policy.ts'
import { mostTokens, streamRollout } from '../../rollout/stream.ts'
import type { Store } from '../../store/openStore.ts'
import { notationOfSize } from '../../tasks/registry.ts'
import type { AnswerTrie, Problem, SpokenTask, TaskFormat } from '../../tasks/types.ts'
import type { JobOptions, LabContext } from '../process/context.ts'
import { drawn } from './playgroundProblem.ts'
import { openProgressMeter } from '../process/progressMeter.ts'
import { placedEpisodes } from './record.ts'
import { deviceOf, loadStart, vocabularyOf, type Start } from './start.ts'
import { taskOf } from './tasks.ts'

const FORMAT = formatSpec.parse({})

interface Asked {
  readonly format: TaskFormat
  readonly question: string
  readonly prompt: readonly number[]
  readonly about: { readonly task: SpokenTask; readonly problem: Problem } | null
  /** Why J cannot be told although there is a problem; empty where nothing speaks against it. */
  readonly noJ: string
}

/** Throws LabError `start.unknown`, `run.task`, `run.vocabulary`, `playground.prompt`, `playground.words`, `playground.tooLong`, `playground.nonfinite`. */
export async function playground(
  context: LabContext,
  request: PlaygroundRequest,
  { signal, onEvent }: JobOptions,
): Promise<PlaygroundRollout> {
  const { store, engine, now } = context
  const device = deviceOf(context, request.start)
  const { settings } = request
  const began = performance.now()
  const start = await loadStart(store, request.start, now)
  const asked = ask(store, request, start)
  const { format, prompt, about } = asked
  const forced = about !== null
  const maxLength = prompt.length + mostTokens(format, { ...settings, forced })
  if (maxLength > start.config.maxPositions)
    throw new LabError('playground.tooLong', {
      expected: `prompt, thought and answer within the ${start.config.maxPositions} positions of the model`,
      found: `${prompt.length} tokens of prompt and room for ${maxLength - prompt.length}`,
      next: 'Ask for fewer tokens, or shorten the prompt.',
    })
  signal?.throwIfAborted()
  const weights = await loadWeights(engine, start.config, start.weights)
  try {
    const decoder = await openDecoder(engine, start.config, weights, { rows: 1, maxLength, device })
    let opened: number
    let rollout: Awaited<ReturnType<typeof streamRollout>>
    try {
      opened = performance.now()
      const meter = openProgressMeter({ job: 'playground', label: 'writing', total: maxLength - prompt.length, unit: 'tokens', now })
      rollout = await streamRollout(
        decoder,
        format,
        prompt,
        { ...settings, forced, seed: deriveSeed(settings.seed, 'playground') },
        {
          signal,
          onPiece(tokens) {
            const tokensPerSecond = (1000 * tokens.length) / Math.max(1, performance.now() - opened)
            // The last character may still lack bytes.
            onEvent?.({
              kind: 'playground',
              key: request.key,
              text: format.toText(tokens).replace(/\uFFFD+$/, ''),
              tokens: tokens.length,
              tokensPerSecond,
            })
            onEvent?.({ kind: 'progress', runId: null, report: meter.at(tokens.length, tokensPerSecond) })
          },
        },
      )
    } finally {
      decoder.dispose()
    }
    const written = performance.now()
    if (rollout.finish === 'nonfinite')
      throw new LabError('playground.nonfinite', {
        expected: 'finite logits',
        found: 'some that are not',
        next: 'The weights are damaged or diverged; choose another checkpoint.',
      })
    const { tokens, logps, sampled } = rollout
    const thought = format.read(tokens)
    const trie = about === null || request.measure === 'none' || asked.noJ !== '' ? null : about.task.answerTrie(about.problem)
    const J =
      trie === null || trie.strings === 0
        ? null
        : await measure(
            engine,
            start.config,
            weights,
            { prompt, completion: tokens, cuts: thought.boundaries, answers: trie },
            format,
            { temperature: settings.temperature || 1, device },
            signal,
          )
    const text = format.toText(tokens)
    const ends = format.textEnds(tokens)
    const grade = about?.task.grade(about.problem, tokens) ?? null
    return {
      start: request.start,
      question: asked.question,
      prompt: format.toText(prompt),
      promptTokens: prompt.length,
      text,
      textEnds: Int32Array.from(ends),
      logps,
      sampled,
      episodes: placedEpisodes(format, text, tokens, thought.boundaries),
      thoughtEnd: thought.thinkEnd === 0 ? 0 : ends[thought.thinkEnd - 1]!,
      finish: rollout.finish === 'length' ? 'length' : thought.closed && sampled[thought.thinkEnd] === 0 ? 'forced' : 'stop',
      J: J === null ? null : { values: J, temperature: settings.temperature || 1, answers: trie!.strings },
      noJ:
        J !== null
          ? ''
          : about === null
            ? 'There is no problem to be right about: own text has no answer on record.'
            : request.measure === 'none'
              ? 'It was not asked for.'
              : asked.noJ !== ''
                ? asked.noJ
                : trie === null
                  ? `The accepted answers of ${about.task.name} cannot be listed.`
                  : 'This problem has no right answer.',
      grade: grade && { correct: grade.correct, extracted: grade.extracted, reason: grade.reason },
      timing: { openMs: opened - began, writeMs: written - opened, measureMs: performance.now() - written },
    }
  } finally {
    weights.dispose()
  }
}

function ask(store: Store, { task: wanted, problemSeed, text }: PlaygroundRequest, start: Start): Asked {
  if ((wanted === null) === (text === null))
    throw new LabError('playground.prompt', {
      expected: 'a task or a text',
      found: wanted === null ? 'neither' : 'both',
      next: 'Ask one of them.',
    })
  const { config, tokenizer } = start
  const vocabulary = vocabularyOf(start)
  if (wanted !== null) {
    const task = taskOf(store, { task: wanted, format: FORMAT }, vocabulary)
    const problem = drawn(task, problemSeed)
    return { format: task.format, question: problem.promptText, prompt: problem.promptTokens, about: { task, problem }, noJ: '' }
  }
  if (tokenizer !== null) {
    const prompt = tokenizer.hasTemplate
      ? [...tokenizer.chat([{ role: 'user', content: text! }])]
      : [...(tokenizer.bos === null ? [] : [tokenizer.bos]), ...tokenizer.encode(text!)]
    if (prompt.length === 0)
      throw new LabError('playground.prompt', { expected: 'a text of one token or more', found: 'none', next: 'Write something to ask.' })
    return { format: formatOfText(tokenizer, config.vocabSize, FORMAT.episodes), question: text!, prompt, about: null, noJ: '' }
  }
  return inNotation(store, text!, config, vocabulary)
}

/** A problem that a person wrote in the notation of the one task that the model knows. */
function inNotation(store: Store, text: string, config: LlamaConfig, vocabulary: ReturnType<typeof vocabularyOf>): Asked {
  const name = notationOfSize(config.vocabSize) ?? ''
  const at = (level: string | undefined): SpokenTask =>
    taskOf(store, { task: { name, options: level === undefined ? {} : { level } }, format: FORMAT }, vocabulary)
  const task = at(undefined)
  const tokens = task.format.toTokens(text.trim())
  const problem = tokens === null ? null : (task.problemOf(tokens) ?? task.problemOf([...tokens, ...drawn(task, 0).promptTokens.slice(-1)]))
  if (problem === null)
    throw new LabError('playground.words', {
      expected: `a problem in the notation of ${name}, such as "${drawn(task, 0)
        .promptText.replaceAll(/<[a-z/]+>/g, '')
        .trim()}"`,
      found: `"${text.trim().slice(0, 80)}"`,
      next: 'This model has words for nothing else: write such a problem, or choose a model of text.',
    })
  const longest = drawn(at(task.levels.at(-1)?.id), 0).promptTokens.length
  return {
    format: task.format,
    question: problem.promptText,
    prompt: problem.promptTokens,
    about: { task, problem },
    noJ: problem.promptTokens.length > longest ? 'It is longer than any problem of the task: its right answers are too many to sum.' : '',
  }
}

async function measure(
  engine: Engine,
  config: LlamaConfig,
  parameters: ParameterSet,
  trace: {
    readonly prompt: readonly number[]
    readonly completion: Int32Array
    readonly cuts: readonly number[]
    readonly answers: AnswerTrie
  },
  format: TaskFormat,
  how: { readonly temperature: number; readonly device: Device },
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const longest = trace.prompt.length + trace.cuts.at(-1)! + format.terminationSuffix.length + depthOf(trace.answers)
  const branches = await openBranches(engine, withPositions(config, longest), parameters, how)
  try {
    const { J } = await exactMu([trace], format.terminationSuffix, (feeds, read) => branches.run(feeds, read, signal))
    // Sums over many right answers end a rounding error above 1.
    return Array.from(J[0]!, (value) => Math.min(1, value))
  } finally {
    branches.dispose()
  }
}

/** Tokens of the longest answer. */
function depthOf({ parent }: AnswerTrie): number {
  const depths = new Int32Array(parent.length)
  for (let node = 0; node < parent.length; node++) depths[node] = parent[node] === -1 ? 1 : depths[parent[node]!]! + 1
  return depths.reduce((most, depth) => Math.max(most, depth), 0)
}
