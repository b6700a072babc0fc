// Rollouts in nobody's format in particular: any table with something that is plainly a completion and something that
// says how it was sampled or scored. Common spellings are tried in order; --map overrides each. A name is only evidence: over the samples
// of one prompt a reference answer stays the same and what a model wrote does not, so a column called `answer` may be either, and
// its values decide. A row may hold several samples, as a list of completions with lists of scores beside it.

import { asMessages, fromCanonicalRow, rolloutFields } from '../canonical.ts'
import type { CanonicalRollout } from '../canonical.ts'
import { isObject, pathsOf, valueAt } from '../json.ts'
import type { Json, JsonObject } from '../json.ts'
import { asBoolean, asCount, asGold, asIndex, asNumber, asScores, asText, asWholeNumbers, compact, pick } from './fields.ts'
import { asFinishWord, conversation, promptHash, stepOfFolder, stepOfStem, written } from './mapping.ts'
import type { MapContext, Mapped, SourceReader } from './mapping.ts'

/** Common names of each field, in the order in which they are tried. */
const names = {
  prompt: ['prompt', 'problem', 'question', 'input', 'instruction', 'query', 'messages'],
  completion: [
    'completion',
    'response',
    'output',
    'generation',
    'model_output',
    'model_response',
    'prediction',
    'predict',
    'generated_text',
    'generated_solution',
    'actual_output',
    'model_completion',
    'llm_output',
    'generated',
    'text',
  ],
  groundTruth: [
    'ground_truth',
    'gts',
    'gold',
    'gold_answer',
    'gold_solution',
    'expected_answer',
    'correct_answer',
    'reference_answer',
    'target',
    'gt',
    'expected_output',
    'expected',
    'ideal',
    'label',
    'answer',
    'reference',
  ],
  extractedAnswer: ['extracted_answer', 'parsed_answer', 'pred', 'predicted_answer', 'pred_answer', 'model_answer'],
  correct: ['correct', 'is_correct', 'acc', 'accuracy', 'correctness', 'passed', 'exact_match', 'verified'],
  reward: ['reward', 'score', 'total_reward', 'scores', 'final_reward'],
  advantage: ['advantage'],
  step: ['step', 'global_step', 'iteration'],
  promptId: ['prompt_id', 'problem_id', 'question_id', 'example_id', 'unique_id', 'id', 'index'],
  groupId: ['group_id', 'group', 'group_idx'],
  sampleIndex: ['sample_idx', 'idx_answer', 'completion_idx', 'sample_index', 'sample', 'sample_id'],
  promptTokens: ['prompt_tokens', 'prompt_length', 'input_tokens'],
  completionTokens: ['completion_tokens', 'response_length', 'completion_length', 'output_tokens', 'num_tokens', 'tokens'],
  finishReason: ['finish_reason', 'stop_reason', 'finish_reasons'],
} as const

/** Columns of what a model wrote that no set of problems has. */
const ofModels: ReadonlySet<string> = new Set([
  'model_output',
  'model_response',
  'prediction',
  'predict',
  'generated_text',
  'generation',
  'generated',
  'actual_output',
  'model_completion',
  'llm_output',
])

const scored: readonly (keyof typeof names)[] = ['reward', 'correct', 'advantage', 'step', 'sampleIndex']

const knownNames = new Set<string>(Object.values(names).flat())

/** The row with known columns in lower case (CSV headers seldom are), and with what the map's dotted paths point at. */
function prepare(row: JsonObject, map: { readonly [role: string]: string }): JsonObject {
  const mapped = Object.values(map)
  const spell = (name: string): string => {
    const lower = name.toLowerCase()
    return mapped.includes(name) || !knownNames.has(lower) || Object.hasOwn(row, lower) ? name : lower
  }
  const pointed = mapped.filter((path) => !Object.hasOwn(row, path)).map((path) => [path, valueAt(row, path) ?? null] as const)
  return Object.fromEntries([...Object.entries(row).map(([name, value]) => [spell(name), value] as const), ...pointed])
}

/** Canonical field names as --map may spell them. */
export const mapRoles: readonly string[] = Object.keys(names).map((key) => rolloutFields[key as keyof typeof names].name)

/** Columns that may hold what a model wrote when their values say so. */
const perhapsWritten = ['answer', 'solution', 'model_answer', 'answers', 'content', 'full_response'] as const
/** Columns of several completions a row. */
const lists = [
  'completions',
  'responses',
  'generations',
  'outputs',
  'samples',
  'predictions',
  'candidates',
  'model_outputs',
  'answers',
  ...names.completion,
] as const

interface Plan {
  readonly completion: readonly string[]
  readonly groundTruth: readonly string[]
  readonly extractedAnswer: readonly string[]
  readonly correct: readonly string[]
  /** The column of lists of completions; null where a row is one sample. */
  readonly list: string | null
}

const LONG = 40
const present = (value: Json | undefined): value is Exclude<Json, null> => value !== undefined && value !== null && value !== ''

/** Which column plays which part, by the values of the first rows. */
function planOf(sample: readonly JsonObject[]): Plan {
  const rows = sample.map((row) => prepare(row, {}))
  const columns = new Set(rows.flatMap((row) => Object.keys(row)))
  const valuesOf = (column: string): readonly Json[] => rows.map((row) => row[column]).filter(present)
  const promptColumn = names.prompt.find((name) => columns.has(name))
  const samples =
    promptColumn === undefined
      ? []
      : [...Map.groupBy(rows, (row) => JSON.stringify(row[promptColumn] ?? null)).values()].filter((members) => members.length > 1)
  /** Over the samples of one prompt it takes several values. */
  const varies = (column: string): boolean =>
    samples.some(
      (members) =>
        new Set(
          members
            .map((row) => row[column])
            .filter(present)
            .map((value) => JSON.stringify(value)),
        ).size > 1,
    )
  const lengthOf = (column: string): number => {
    const lengths = valuesOf(column)
      .map((value) => (typeof value === 'string' ? value.length : JSON.stringify(value).length))
      .sort((a, b) => a - b)
    return lengths[lengths.length >> 1] ?? 0
  }
  const isVerdict = (column: string): boolean =>
    valuesOf(column).length > 0 && valuesOf(column).every((value) => asBoolean(value) !== undefined)
  const truths = names.groundTruth.filter((name) => columns.has(name))
  const list =
    lists.find((name) => valuesOf(name).length > rows.length / 2 && valuesOf(name).every((value) => isListOfCompletions(value, name))) ??
    null

  const steady = truths.filter((name) => !varies(name))
  const named = names.completion.find((name) => columns.has(name) && name !== list)
  const scoredSomehow = scored.some((key) => names[key].some((name) => columns.has(name)))
  const written =
    named !== undefined || list !== null
      ? undefined
      : perhapsWritten.find((name) => {
          if (!columns.has(name) || !valuesOf(name).some((value) => typeof value === 'string')) return false
          const gold = steady.find((other) => other !== name)
          return (
            gold !== undefined &&
            scoredSomehow &&
            (name === 'model_answer' || (lengthOf(name) > lengthOf(gold) && (varies(name) || lengthOf(name) >= LONG)))
          )
        })
  const completion = written ?? named
  const equal = (a: string, b: string | undefined): boolean =>
    b !== undefined && rows.length > 0 && rows.every((row) => present(row[a]) && row[a] === row[b])
  const verdicts = steady.filter((name) => name === 'label' && steady.length > 1 && isVerdict(name))
  const gold = steady.filter((name) => name !== completion && !verdicts.includes(name) && !equal(name, completion))
  // What varies over the samples of a prompt is what they answered.
  const answered = truths.filter(
    (name) => name !== completion && !gold.includes(name) && !verdicts.includes(name) && !equal(name, completion),
  )
  return {
    completion: written === undefined ? names.completion : [written, ...names.completion],
    groundTruth:
      gold.length === 0 && answered.length === 0 && verdicts.length === 0 ? names.groundTruth.filter((name) => name !== completion) : gold,
    extractedAnswer: [...names.extractedAnswer, ...answered],
    correct: [
      ...names.correct,
      ...verdicts,
      ...names.reward.filter((name) => valuesOf(name).length > 0 && valuesOf(name).every((value) => typeof value === 'boolean')),
    ],
    list,
  }
}

/** Texts, or conversations; messages alone are one conversation unless the column's name is of many. */
function isListOfCompletions(value: Json, column: string): boolean {
  if (!Array.isArray(value) || value.length === 0) return false
  const many = !names.completion.includes(column as 'completion')
  return value.every(
    (each: Json) =>
      typeof each === 'string' ||
      asMessages(each) !== undefined ||
      (many && isObject(each) && (each.role === 'assistant' || (column !== 'answers' && textField(each) !== undefined))),
  )
}

/** The field of an object of a list that holds what was written, as vLLM's outputs have it. */
const textField = (each: JsonObject): string | undefined =>
  ['text', 'generated_text', 'completion', 'response', 'message'].find(
    (name) => (typeof each[name] === 'string' && each[name] !== '') || (name === 'message' && isObject(each[name])),
  )

const plans = new WeakMap<readonly JsonObject[], Plan>()
function knownPlan(sample: readonly JsonObject[]): Plan {
  const known = plans.get(sample) ?? planOf(sample)
  plans.set(sample, known)
  return known
}

/** A row for each completion of a list; columns that are lists of the same length go along, one value each. */
function rowsOfList(row: JsonObject, list: string): JsonObject[] {
  const completions = row[list] as readonly Json[]
  const parallel = Object.entries(row).filter(
    ([name, value]) =>
      name !== list &&
      Array.isArray(value) &&
      value.length === completions.length &&
      (!names.prompt.includes(name as 'prompt') || value.every((each) => typeof each === 'string')) &&
      (!names.groundTruth.includes(name as 'gold') || (completions.length > 1 && /s$/.test(name))) &&
      (value as readonly Json[]).every((each) => typeof each !== 'object' || each === null),
  )
  const single = (name: string): string => {
    const shorter = name.replace(/([^s])s$/, '$1')
    return knownNames.has(shorter) && !Object.hasOwn(row, shorter)
      ? shorter
      : /^(correctness|is_correct)/.test(name) && !Object.hasOwn(row, 'correct')
        ? 'correct'
        : name
  }
  const rest = Object.fromEntries(Object.entries(row).filter(([name]) => name !== list && !parallel.some(([other]) => other === name)))
  return completions.map((completion, at) => {
    const field = isObject(completion) && completion.role !== 'assistant' ? textField(completion) : undefined
    const { [field ?? '']: text, token_ids: tokens, index, ...own } = field === undefined ? ({} as JsonObject) : (completion as JsonObject)
    return {
      ...rest,
      ...own,
      sample_idx: index ?? at,
      ...(tokens !== undefined && { completion_token_ids: tokens }),
      ...Object.fromEntries(parallel.map(([name, value]) => [single(name), (value as readonly Json[])[at]!])),
      completion: field === undefined ? completion : text!,
    }
  })
}

export const plain: SourceReader = {
  format: {
    title: 'Any table of rollouts',
    files: 'any',
    example: [
      { problem: 'What is 6 times 7?', response: '\\boxed{42}', answer: '42', is_correct: true, score: 1, num_tokens: 4, model: 'm' },
      { problem: 'What is 6 times 7?', response: '\\boxed{46}', answer: '42', is_correct: false, score: 0, num_tokens: 4, model: 'm' },
    ],
    fields: {
      problem: 'prompt',
      response: 'completion: a list of them is as many rollouts, with the lists beside it',
      answer: 'ground_truth: where it stays the same over the samples of a prompt; what varies is the extracted_answer',
      is_correct: 'correct',
      score: 'reward',
      num_tokens: 'completion_tokens',
      model: 'extra',
    },
  },

  recognise(sample) {
    const columns = new Set(sample.flatMap((row) => Object.keys(row)).map((name) => name.toLowerCase()))
    const has = (key: keyof typeof names): string | undefined => names[key].find((name) => columns.has(name))
    const proof = scored.map(has).find((name) => name !== undefined)
    const plan = knownPlan(sample)
    // OpenR1-Math and its kind are problems with solutions first; what was generated from them is named as not read.
    if (plan.list !== null && has('prompt') !== undefined && !columns.has('solution'))
      return `each row has a list of completions (${plan.list})`
    const completion = plan.completion.find((name) => columns.has(name))
    // A gold beside what only a model writes says as much as a score.
    const gold = plan.groundTruth.find((name) => columns.has(name))
    if (completion !== undefined && proof === undefined && gold !== undefined && ofModels.has(completion))
      return `it has what a model wrote (${completion}) beside a reference answer (${gold})`
    if (completion === undefined || proof === undefined) return null
    return `it has a completion (${completion}) and says how it was sampled or scored (${proof})`
  },

  read(row, context) {
    const plan = knownPlan(context.sample)
    const ready = prepare(row, context.map)
    if (plan.list !== null && context.map.completion === undefined && isListOfCompletions(ready[plan.list] ?? null, plan.list)) {
      const rollouts: CanonicalRollout[] = []
      for (const each of rowsOfList(ready, plan.list)) {
        const mapped = readOne(each, { ...plan, completion: ['completion'] }, context)
        if ('code' in mapped) return mapped
        rollouts.push(...mapped)
      }
      return rollouts
    }
    const mapped = context.map.completion
    if (mapped !== undefined && !names.completion.includes(mapped as 'text') && isListOfCompletions(ready[mapped] ?? null, '')) {
      const rollouts: CanonicalRollout[] = []
      for (const each of rowsOfList(ready, mapped)) {
        const one = readOne(each, plan, { ...context, map: { ...context.map, completion: 'completion' } })
        if ('code' in one) return one
        rollouts.push(...one)
      }
      return rollouts
    }
    return readOne(ready, plan, context)
  },
}

/** Why there is no completion, with the way into a value that is no text. */
function emptyDetail(row: JsonObject, plan: Plan, { map }: MapContext): string {
  const named = map.completion ?? plan.completion.find((name) => isObject(row[name]) || Array.isArray(row[name]))
  const value = named === undefined ? undefined : row[named]
  const inside =
    named === undefined || typeof value !== 'object' || value === null
      ? undefined
      : pathsOf([{ [named]: value }]).find((path) => path !== named && typeof valueAt({ [named]: value }, path) === 'string')
  const way = inside === undefined ? '' : `; --map completion=${inside} reads into it`
  return map.completion === undefined
    ? named === undefined
      ? `none of ${plan.completion.join(', ')} holds text`
      : `${named} holds no text${way}`
    : `${map.completion} holds no text${way}`
}

function readOne(row: JsonObject, plan: Plan, context: MapContext): Mapped {
  const fields = pick(row)
  const tried = { ...names, ...plan }
  const find = <T>(key: keyof typeof names, read: (value: Json) => T | undefined): T | undefined =>
    fields.take(context.map[rolloutFields[key].name] === undefined ? tried[key] : [context.map[rolloutFields[key].name]!], read)
  const completion = find('completion', written)
  const tokenIds = fields.take(['completion_token_ids', 'response_tokens'], asWholeNumbers)
  if (completion === undefined && tokenIds === undefined) return { code: 'row.noCompletion', detail: emptyDetail(row, plan, context) }
  const prompt = find('prompt', conversation)
  const parts = fields.peek('reward')
  const scores = isObject(parts) ? asScores(parts) : undefined
  if (scores !== undefined) fields.take(['reward'], () => true)
  const facts = {
    step: find('step', asIndex) ?? stepOfStem(context.path) ?? stepOfFolder(context.path),
    promptId: find('promptId', asText) ?? promptHash(prompt?.text),
    groupId: find('groupId', asText),
    sampleIndex: find('sampleIndex', asCount),
    promptTokens: find('promptTokens', asCount),
    completionTokens: find('completionTokens', asCount),
    finishReason: find('finishReason', asFinishWord),
    groundTruth: find('groundTruth', asGold),
    extractedAnswer: find('extractedAnswer', asText),
    correct: find('correct', asBoolean),
    reward: find('reward', asNumber) ?? (scores === undefined ? undefined : (scores.total ?? scores.score ?? scores.reward)),
    rewards: scores,
    advantage: find('advantage', asNumber),
  }
  return [
    compact<CanonicalRollout>({
      ...fromCanonicalRow(fields.rest()),
      ...compact(facts),
      prompt: prompt?.text,
      promptMessages: prompt?.messages,
      completion: completion?.text,
      completionMessages: completion?.messages,
      completionTokenIds: tokenIds,
    }),
  ]
}
