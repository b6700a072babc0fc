// prime-rl's `traces.jsonl`: one episode per line with its task, group and run, and one trace per agent. A trace is a graph
// of messages; its first path of prompt messages and what the model sampled after it become a rollout. Reward is the
// weighted sum of the parts, as the trainer defines it. `all` holds every episode, `effective` those that were trained on.

import type { FinishReason } from '../../../src-preload/contract.ts'
import { SCHEMA_VERSION } from '../../../src-preload/contract.ts'
import type { CanonicalRollout, Message } from '../canonical.ts'
import { isObject } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asIndex, asNumber, asNumbers, asText, asTexts, asWholeNumbers, compact, pick } from './fields.ts'
import { asFinishWord, foldersOf, messageText, most, promptHash, stepOfFolder, writtenText } from './mapping.ts'
import type { MapContext, SourceReader } from './mapping.ts'

export const primeRl: SourceReader = {
  format: {
    title: 'prime-rl',
    files: 'rollouts/step_3/train/all/traces.jsonl; effective/traces.jsonl says what was trained on',
    example: [
      {
        id: 'e1',
        task: { key: 'p7', data: { answer: '42' } },
        group: { id: 'g1' },
        run: { id: 'r1', work: { type: 'train', step: 3 } },
        traces: [
          {
            nodes: [
              { message: { role: 'user', content: 'What is 6 times 7?' } },
              { message: { role: 'assistant', content: '\\boxed{42}' }, sampled: true, token_ids: [21, 22], logprobs: [-0.1, -0.2] },
            ],
            rewards: { correct: { score: 1, weight: 1 } },
            info: { advantage: 0.5 },
          },
        ],
      },
    ],
    fields: {
      id: 'extra: in `episode`',
      task: 'prompt_id, ground_truth',
      group: 'group_id',
      run: 'run_id, split, step',
      traces:
        'prompt, prompt_messages, completion, completion_messages, completion_token_ids, completion_logps, reward, rewards, advantage: one rollout each; what is not taken is kept',
    },
  },

  recognise(sample) {
    const episodes = most(sample, (row) => Array.isArray(row.traces) && isObject(row.task))
    const traces = most(sample, (row) => Array.isArray(row.nodes) && isObject(row.task))
    return episodes || traces
      ? `it holds ${episodes ? 'episodes with a task and traces' : 'traces with a task and nodes'}, as prime-rl writes`
      : null
  },

  read(row, context) {
    if (Array.isArray(row.nodes)) return [readTrace(row, {}, context)]
    const { traces, ...episode } = row
    const list = Array.isArray(traces) ? traces.filter(isObject) : []
    if (list.length === 0) return { code: 'row.noTrace', detail: errorText(row.errors) ?? 'its list of traces is empty' }
    return list.map((trace) => readTrace(trace, episode, context))
  },
}

function errorText(errors: Json | undefined): string | undefined {
  const last = Array.isArray(errors) ? (errors as readonly Json[]).at(-1) : undefined
  return isObject(last) ? [last.type, last.message].filter((part) => typeof part === 'string').join(': ') : undefined
}

function readTrace(trace: JsonObject, episode: JsonObject, context: MapContext): CanonicalRollout {
  const nodes = (Array.isArray(trace.nodes) ? trace.nodes.filter(isObject) : []) as readonly JsonObject[]
  const firstSampled = nodes.findIndex((node) => node.sampled === true)
  const before = firstSampled < 0 ? nodes : nodes.slice(0, firstSampled)
  const promptMessages = before.map((node) => node.message).filter(isObject) as unknown as readonly Message[]
  const after = firstSampled < 0 ? [] : nodes.slice(firstSampled)
  const completionMessages = after.map((node) => node.message).filter(isObject) as unknown as readonly Message[]
  const prompt = promptMessages.length > 0 ? promptMessages.map(messageText).join('\n\n') : undefined
  const single = after.length === 1 ? sampledTokens(after[0]!) : null

  const task = isObject(trace.task) ? trace.task : isObject(episode.task) ? episode.task : {}
  const data = isObject(task.data) ? task.data : {}
  const run = isObject(episode.run) ? episode.run : {}
  const work = isObject(run.work) ? run.work : {}
  const info = isObject(trace.info) ? trace.info : {}
  const folders = foldersOf(context.path)
  const episodeId = asText(episode.id) ?? asText(trace.id)
  const { rewards, reward, weighted } = readRewards(trace.rewards)
  const { nodes: _nodes, rewards: originalRewards, ...traceRest } = trace

  return compact<CanonicalRollout>({
    schemaVersion: SCHEMA_VERSION,
    runId: asText(run.id),
    split: asText(work.type) ?? folders.find((folder) => folder === 'train' || folder === 'eval'),
    step: asIndex(work.step) ?? stepOfFolder(context.path),
    promptId: asText(task.key) ?? asText(task.hash) ?? pick(data).take(['example_id', 'id', 'idx'], asText) ?? promptHash(prompt),
    groupId: isObject(episode.group) ? asText(episode.group.id) : undefined,
    prompt,
    promptMessages: promptMessages.length > 0 ? promptMessages : undefined,
    completion: completionMessages.length > 0 ? writtenText(completionMessages) : undefined,
    completionMessages: completionMessages.length > 0 ? completionMessages : undefined,
    ...tokenCounts(trace.calls),
    ...single,
    finishReason: finishOf(trace),
    groundTruth: asTexts(data.answer),
    reward: asNumber(trace.reward) ?? reward,
    rewards,
    advantage: asNumber(info.advantage) ?? asNumber(trace.advantage),
    used: folders.includes('effective')
      ? true
      : (usedByInfo(info) ?? (context.effectiveIds === null || episodeId === undefined ? undefined : context.effectiveIds.has(episodeId))),
    extra: {
      ...traceRest,
      nodes: nodes.map((node) => withoutKnown(node, single !== null && node === after[0])),
      ...(weighted ? { rewards: originalRewards! } : {}),
      ...(Object.keys(episode).length === 0 ? {} : { episode }),
    },
  })
}

/** Token ids, log-probabilities and advantages of a message, where the model sampled every token of it. */
function sampledTokens(node: JsonObject): Pick<CanonicalRollout, 'completionTokenIds' | 'completionLogps' | 'advantages'> | null {
  const ids = asWholeNumbers(node.token_ids)
  const whole = !Array.isArray(node.mask) || node.mask.every((sampled) => sampled === true)
  return ids === undefined || !whole
    ? null
    : { completionTokenIds: ids, completionLogps: asNumbers(node.logprobs), advantages: asNumbers(node.advantages) }
}

/** A node without its message, which is in the prompt's or the completion's messages, and without tokens read elsewhere. */
function withoutKnown(node: JsonObject, tokensRead: boolean): JsonObject {
  const { message, ...rest } = node
  const { token_ids: _ids, logprobs: _logps, advantages: _advantages, mask: _mask, ...structure } = rest
  return { ...(isObject(message) ? {} : { message: message ?? null }), ...(tokensRead ? structure : rest) }
}

/** Parts by name and their weighted sum; `weighted` when a weight other than 1 makes the original worth keeping. */
function readRewards(value: Json | undefined): { rewards?: { readonly [name: string]: number }; reward?: number; weighted: boolean } {
  if (!isObject(value)) return { weighted: value !== undefined && value !== null }
  const parts = Object.entries(value).flatMap(([name, part]) => {
    const score = isObject(part) ? asNumber(part.score) : asNumber(part ?? undefined)
    return score === undefined ? [] : [{ name, score, weight: isObject(part) ? (asNumber(part.weight) ?? 1) : 1 }]
  })
  if (parts.length === 0) return { weighted: false }
  return {
    rewards: Object.fromEntries(parts.map(({ name, score }) => [name, score])),
    reward: parts.reduce((sum, { score, weight }) => sum + score * weight, 0),
    weighted: parts.some(({ weight }) => weight !== 1),
  }
}

function tokenCounts(calls: Json | undefined): Pick<CanonicalRollout, 'promptTokens' | 'completionTokens'> {
  const usages = (Array.isArray(calls) ? calls : [])
    .map((call: Json) => (isObject(call) ? call.usage : null))
    .filter(isObject) as JsonObject[]
  if (usages.length === 0) return {}
  const written = usages.map((usage) => pick(usage).take(['completion_tokens', 'output_tokens'], asIndex))
  return {
    promptTokens: pick(usages[0]!).take(['prompt_tokens', 'input_tokens'], asIndex),
    completionTokens: written.every((count) => count !== undefined) ? written.reduce<number>((sum, count) => sum + count!, 0) : undefined,
  }
}

function finishOf(trace: JsonObject): FinishReason | undefined {
  const calls = (Array.isArray(trace.calls) ? trace.calls.filter(isObject) : []) as readonly JsonObject[]
  const last = calls.findLast((call) => call.error === undefined || call.error === null)
  if (trace.stop_condition === 'error') return 'error'
  if (typeof trace.stop_condition === 'string' && /^max_(turns|input_tokens|output_tokens|total_tokens)$/.test(trace.stop_condition))
    return 'length'
  return last?.finish_reason === undefined ? undefined : asFinishWord(last.finish_reason)
}

function usedByInfo(info: JsonObject): boolean | undefined {
  const kinds = [info.train, info.eval].filter(isObject)
  return kinds.some((kind) => kind.effective === true) ? true : undefined
}
