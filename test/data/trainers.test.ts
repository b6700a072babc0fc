// Logs of trainers and evaluations as their programs write them, beyond the examples on the page of formats: the corners that each has.

import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { CanonicalRollout } from '../../src-main/data/canonical.ts'
import { importFiles } from '../../src-main/data/importFiles.ts'
import type { ImportReport } from '../../src-main/data/importFiles.ts'
import { newFolder } from './files.ts'

const lines = (...rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')

/** Imports a folder of these files. */
async function imported(
  files: Readonly<Record<string, string>>,
): Promise<{ rollouts: CanonicalRollout[]; report: ImportReport; sources: (string | null)[] }> {
  const folder = newFolder()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  const job = importFiles([folder])
  const rollouts: CanonicalRollout[] = []
  for await (const batch of job) if (batch.kind === 'rollouts') rollouts.push(...batch.rows)
  const report = job.report()
  expect(report.rows).toBe(report.imported + report.rejectedRows)
  return { rollouts, report, sources: report.files.map(({ source }) => source) }
}

describe('NeMo-RL', () => {
  const sample = {
    content: [['What is 6 times 7?', '\\boxed{42}']],
    rewards: [1],
    token_ids: [[11, 12, 21, 22, 2, 0, 0]],
    token_loss_mask: [[0, 0, 1, 1, 1, 0, 0]],
    generation_logprobs: [[0, 0, -1, -2, -3, 0, 0]],
    advantages: [[0, 0, 0.5, 0.5, 0.5, 0, 0]],
    prev_logprobs: [[0, 0, -1, -2, -3, 0, 0]],
    idx: 0,
  }

  it('has its steps and splits in the names of its files', async () => {
    const { rollouts, sources } = await imported({
      'exp_001/train_data_step10.jsonl': lines(sample),
      'exp_001/val_data_step10.jsonl': lines({
        content: [
          [
            { role: 'user', content: 'What is 6 times 8?' },
            { role: 'assistant', content: '\\boxed{48}' },
          ],
        ],
        rewards: [0],
        idx: 0,
      }),
      'exp_001/config.json': '{"a": [1]}',
    })
    expect(sources).toEqual(['nemo-rl', 'nemo-rl'])
    expect(rollouts.map(({ step, split, prompt, completion, reward }) => [step, split, prompt, completion, reward])).toEqual([
      [10, 'train', 'What is 6 times 7?', '\\boxed{42}', 1],
      [10, 'val', 'What is 6 times 8?', '\\boxed{48}', 0],
    ])
  })

  it('gives the tokens that were sampled, without the prompt and the padding', async () => {
    const [rollout] = (await imported({ 'train_data_step1.jsonl': lines(sample) })).rollouts
    expect(rollout).toMatchObject({
      promptTokenIds: [11, 12],
      completionTokenIds: [21, 22, 2],
      completionLogps: [-1, -2, -3],
      advantages: [0.5, 0.5, 0.5],
      extra: { idx: 0, prev_logprobs: [[0, 0, -1, -2, -3, 0, 0]] },
    })
    expect(rollout!.extra).not.toHaveProperty('token_ids')
  })

  it('keeps the tokens as they are where several stretches were sampled', async () => {
    const [rollout] = (await imported({ 'train_data_step1.jsonl': lines({ ...sample, token_loss_mask: [[0, 0, 1, 0, 1, 0, 0]] }) }))
      .rollouts
    expect(rollout!.completionTokenIds).toBeUndefined()
    expect(rollout!.extra).toMatchObject({ token_ids: sample.token_ids, advantages: sample.advantages })
  })

  it('cuts one text at the turn of the model, by the mark of its template', async () => {
    const text = '<|im_start|>user\nWhat is 6 times 7?<|im_end|>\n<|im_start|>assistant\n\\boxed{42}<|im_end|>'
    const [rollout] = (await imported({ 'train_data_step1.jsonl': lines({ content: [text], rewards: [1], idx: 0 }) })).rollouts
    expect(rollout).toMatchObject({
      prompt: '<|im_start|>user\nWhat is 6 times 7?<|im_end|>\n<|im_start|>assistant\n',
      completion: '\\boxed{42}<|im_end|>',
    })
  })

  it('keeps the turns of a longer exchange beside its last answer', async () => {
    const turns = ['Guess.', '5', 'Higher.', '7']
    const [rollout] = (await imported({ 'train_data_step1.jsonl': lines({ content: [turns], rewards: [1], idx: 0 }) })).rollouts
    expect(rollout).toMatchObject({ completion: '7', extra: { content: [turns] } })
  })
})

describe('SkyRL', () => {
  it('has its step in the folder, one score for each token or one for all, and leaves its averages out by name', async () => {
    const row = {
      input_prompt: 'Q1',
      output_response: 'A1',
      stop_reason: 'stop',
      env_class: 'gsm8k',
      env_extras: { reward_spec: { ground_truth: '7', method: 'rule' } },
      data_source: 'openai/gsm8k',
    }
    const { rollouts, sources, report } = await imported({
      'dumped_evals/global_step_20_evals/openai_gsm8k.jsonl': lines(
        { ...row, score: [0, 0, 1] },
        { ...row, output_response: 'A2', score: 0, stop_reason: 'length' },
      ),
      'dumped_evals/global_step_20_evals/aggregated_results.jsonl': '{"eval/all/avg_score": 0.5}\n',
    })
    expect(sources).toEqual(['skyrl'])
    expect(rollouts.map(({ step, split, reward, finishReason, groundTruth }) => [step, split, reward, finishReason, groundTruth])).toEqual([
      [20, 'eval', 1, 'stop', '7'],
      [20, 'eval', 0, 'length', '7'],
    ])
    expect(rollouts[0]!.extra).toMatchObject({ score: [0, 0, 1], env_extras: { reward_spec: { method: 'rule' } } })
    expect(report.notes).toMatchObject([{ code: 'file.skipped', detail: expect.stringContaining('aggregated_results.jsonl') }])
  })
})

describe('NeMo-Skills', () => {
  it('numbers its samples by the seed in the name, and takes the whole generation with its thinking', async () => {
    const row = { problem: 'What is 6 times 7?', expected_answer: '42', problem_type: 'easy' }
    const { rollouts, sources } = await imported({
      'math/output-rs0.jsonl': lines({
        ...row,
        generation: '\\boxed{42}',
        _full_generation: '<think>6 x 7</think>\\boxed{42}',
        predicted_answer: '42',
        symbolic_correct: true,
        num_generated_tokens: 9,
      }),
      'math/output-rs1.jsonl': lines({
        ...row,
        generation: '\\boxed{46}',
        reasoning_content: '6 x 7?',
        predicted_answer: '46',
        judgement: 'Reasoning: no.\n**Judgement: No**',
        num_generated_tokens: 8,
      }),
    })
    expect(sources).toEqual(['nemo-skills', 'nemo-skills'])
    expect(
      rollouts.map(({ sampleIndex, completion, correct, completionTokens }) => [sampleIndex, completion, correct, completionTokens]),
    ).toEqual([
      [0, '<think>6 x 7</think>\\boxed{42}', true, 9],
      [1, '<think>6 x 7?</think>\\boxed{46}', false, 8],
    ])
    expect(new Set(rollouts.map(({ promptId }) => promptId)).size).toBe(1)
    expect(rollouts[0]!.extra).toEqual({ generation: '\\boxed{42}', problem_type: 'easy' })
  })
})

describe('OpenCompass', () => {
  it('reads the predictions, turns and all, and several of one sample', async () => {
    const predictions = {
      0: {
        origin_prompt: [
          { role: 'SYSTEM', prompt: 'Think.' },
          { role: 'HUMAN', prompt: 'What is 6 times 7?' },
        ],
        prediction: '\\boxed{42}',
        gold: '42',
      },
      1: { origin_prompt: 'What is 6 times 8?', prediction: ['\\boxed{48}', '\\boxed{46}'], gold: ['48', '48.0'] },
    }
    const { rollouts, sources } = await imported({ 'predictions/m/gsm8k.json': JSON.stringify(predictions, null, 2) })
    expect(sources).toEqual(['opencompass'])
    expect(rollouts.map(({ prompt, completion, groundTruth, sampleIndex }) => [prompt, completion, groundTruth, sampleIndex])).toEqual([
      ['Think.\n\nWhat is 6 times 7?', '\\boxed{42}', '42', undefined],
      ['What is 6 times 8?', '\\boxed{48}', ['48', '48.0'], 0],
      ['What is 6 times 8?', '\\boxed{46}', ['48', '48.0'], 1],
    ])
    expect(rollouts[0]!.promptMessages!.map(({ role }) => role)).toEqual(['system', 'user'])
  })

  it.each(['one line', 'many lines'])('reads the details of its results, in %s, and names the scores beside them', async (how) => {
    const results = {
      accuracy: 50,
      details: {
        type: 'GEN',
        0: { prompt: 'What is 6 times 7?', origin_prediction: 'It is 42.', predictions: '42', references: '42', correct: true },
        1: { prompt: 'What is 6 times 8?', origin_prediction: 'It is 46.', predictions: ['46'], references: '48', correct: [false] },
      },
    }
    const { rollouts, report } = await imported({ 'results/m/gsm8k.json': JSON.stringify(results, null, how === 'one line' ? 0 : 2) })
    expect(
      rollouts.map(({ completion, extractedAnswer, groundTruth, correct }) => [completion, extractedAnswer, groundTruth, correct]),
    ).toEqual([
      ['It is 42.', '42', '42', true],
      ['It is 46.', '46', '48', false],
    ])
    expect(report.files[0]!.notes).toMatchObject([{ code: 'document.extra', detail: 'accuracy' }])
  })
})

describe('Qwen2.5-Math', () => {
  it('gives one rollout for each sample, with what was taken from it and its verdict, in the split of the name', async () => {
    const { rollouts, sources } = await imported({
      'math_eval/test_qwen25-math-cot_-1_seed0_t0.6_s0_e-1.jsonl': lines({
        idx: 3,
        question: 'What is 6 times 7?',
        gt_cot: '6 x 7',
        gt: '42',
        level: 2,
        code: ['\\boxed{42}', '46'],
        pred: ['42', '46'],
        report: [null, null],
        score: [true, false],
      }),
    })
    expect(sources).toEqual(['qwen-math'])
    expect(
      rollouts.map(({ promptId, sampleIndex, extractedAnswer, correct, groundTruth, split }) => [
        promptId,
        sampleIndex,
        extractedAnswer,
        correct,
        groundTruth,
        split,
      ]),
    ).toEqual([
      ['3', 0, '42', true, '42', 'test'],
      ['3', 1, '46', false, '42', 'test'],
    ])
    expect(rollouts[0]!.extra).toMatchObject({ gt_cot: '6 x 7', level: 2 })
  })
})

describe('MathArena', () => {
  it('gives one rollout for each run of a problem; what waits for a grade has no verdict and says so', async () => {
    const problem = {
      idx: 5,
      problem: 'What is 6 times 7?',
      gold_answer: '42',
      types: ['Algebra'],
      messages: [
        [
          { role: 'user', content: 'What is 6 times 7? Box it.' },
          { role: 'assistant', type: 'cot', content: '6 x 7' },
          { role: 'assistant', type: 'response', content: '\\boxed{42}' },
        ],
        [
          { role: 'user', content: 'What is 6 times 7? Box it.' },
          { role: 'assistant', content: '\\boxed{46}' },
        ],
      ],
      answers: ['42', '46'],
      correct: [true, 'TODO Grading'],
      detailed_costs: [
        { cost: 0.1, input_tokens: 9, output_tokens: 8 },
        { cost: 0.2, input_tokens: 9, output_tokens: 5 },
      ],
    }
    const { rollouts, sources } = await imported({ 'outputs/aime/m/5.json': JSON.stringify(problem, null, 4) })
    expect(sources).toEqual(['matharena'])
    expect(
      rollouts.map(({ promptId, completion, correct, completionTokens, groundTruth }) => [
        promptId,
        completion,
        correct,
        completionTokens,
        groundTruth,
      ]),
    ).toEqual([
      ['5', '<think>6 x 7</think>\\boxed{42}', true, 8, '42'],
      ['5', '\\boxed{46}', undefined, 5, '42'],
    ])
    expect(rollouts[1]!.extra).toMatchObject({
      correct: 'TODO Grading',
      types: ['Algebra'],
      problem: 'What is 6 times 7?',
      detailed_costs: { cost: 0.2 },
    })
  })
})

describe('answers of APIs', () => {
  it('of the Responses API: its reasoning items are the thinking, its end is stated', async () => {
    const response = (status: string, text: string): object => ({
      id: 'x',
      custom_id: 'p1',
      error: null,
      response: {
        status_code: 200,
        body: {
          object: 'response',
          model: 'm',
          status,
          incomplete_details: status === 'completed' ? null : { reason: 'max_output_tokens' },
          output: [
            { type: 'reasoning', summary: [{ type: 'summary_text', text: '6 x 7' }] },
            { type: 'message', role: 'assistant', content: [{ type: 'output_text', text }] },
          ],
          usage: { input_tokens: 9, output_tokens: 8 },
        },
      },
    })
    const { rollouts, sources } = await imported({ 'batch.jsonl': lines(response('completed', '42'), response('incomplete', '4')) })
    expect(sources).toEqual(['openai'])
    expect(
      rollouts.map(({ completion, finishReason, promptTokens, completionTokens }) => [
        completion,
        finishReason,
        promptTokens,
        completionTokens,
      ]),
    ).toEqual([
      ['<think>6 x 7</think>42', 'stop', 9, 8],
      ['<think>6 x 7</think>4', 'length', 9, 8],
    ])
  })

  it('of Anthropic batches: thinking parts, ends, and calls that failed', async () => {
    const { rollouts, report } = await imported({
      'results.jsonl': lines(
        {
          custom_id: 'p1',
          result: {
            type: 'succeeded',
            message: {
              id: 'm',
              type: 'message',
              role: 'assistant',
              model: 'c',
              content: [
                { type: 'thinking', thinking: '6 x 7' },
                { type: 'text', text: '42' },
              ],
              stop_reason: 'end_turn',
              usage: { input_tokens: 9, output_tokens: 8 },
            },
          },
        },
        { custom_id: 'p2', result: { type: 'errored', error: { type: 'error', error: { type: 'invalid_request', message: 'too long' } } } },
        { custom_id: 'p3', result: { type: 'expired' } },
        {
          custom_id: 'p4',
          result: {
            type: 'succeeded',
            message: { type: 'message', role: 'assistant', content: [{ type: 'text', text: '48' }], stop_reason: 'max_tokens' },
          },
        },
      ),
    })
    expect(
      rollouts.map(({ promptId, completion, finishReason, completionTokens }) => [promptId, completion, finishReason, completionTokens]),
    ).toEqual([
      ['p1', '<think>6 x 7</think>42', 'stop', 8],
      ['p4', '48', 'length', undefined],
    ])
    expect(report.rejected.map(({ reason }) => reason)).toEqual([
      'The request failed: too long.',
      'The request failed: the call is expired.',
    ])
  })

  it('of vLLM itself: a prompt with its outputs, ends and tokens of each', async () => {
    const { rollouts } = await imported({
      'out.jsonl': lines({
        request_id: 'r0',
        prompt: 'What is 6 times 7?',
        outputs: [
          { index: 0, text: '\\boxed{42}', token_ids: [21, 22], finish_reason: 'stop', cumulative_logprob: -1 },
          { index: 1, text: '46', token_ids: [23], finish_reason: 'length', cumulative_logprob: -2 },
        ],
      }),
    })
    expect(
      rollouts.map(({ completion, sampleIndex, finishReason, completionTokenIds, extra }) => [
        completion,
        sampleIndex,
        finishReason,
        completionTokenIds,
        extra,
      ]),
    ).toEqual([
      ['\\boxed{42}', 0, 'stop', [21, 22], { request_id: 'r0', cumulative_logprob: -1 }],
      ['46', 1, 'length', [23], { request_id: 'r0', cumulative_logprob: -2 }],
    ])
  })
})

describe('rows of one format in the corners of it', () => {
  async function read(as: string, rows: readonly object[] | string, name = 'data.jsonl'): Promise<CanonicalRollout[]> {
    const path = join(newFolder(), name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, typeof rows === 'string' ? rows : lines(...rows))
    const job = importFiles([path], { as })
    const rollouts: CanonicalRollout[] = []
    for await (const batch of job) if (batch.kind === 'rollouts') rollouts.push(...batch.rows)
    expect(job.report().rejectedRows).toBe(0)
    return rollouts
  }

  it('of lm-evaluation-harness have their prompt as it was sent in any form, or the question of the document', async () => {
    const of = (prompt: object) => ({ doc_id: 1, target: '4', resps: [['4']], filtered_resps: ['4'], filter: 'none', doc: {}, ...prompt })
    const turns = [{ role: 'user', content: '2 + 2?' }]
    const rows = [
      of({ arguments: [['sent as it is', { until: [] }]] }),
      of({ arguments: { gen_args_0: { arg_0: JSON.stringify(turns) } } }),
      of({ arguments: [[turns, {}]] }),
      of({ arguments: ['[no list'] }),
      of({ arguments: [], doc: { question: 'of the document?' } }),
      of({ arguments: [[null]], doc: { problem: 'also of it?' } }),
      of({ doc: 'no object' }),
    ]
    expect((await read('lm-eval', rows)).map(({ prompt, promptMessages }) => [prompt, promptMessages])).toEqual([
      ['sent as it is', undefined],
      ['2 + 2?', turns],
      ['2 + 2?', turns],
      ['[no list', undefined],
      ['of the document?', undefined],
      ['also of it?', undefined],
      [undefined, undefined],
    ])
  })

  it('of NeMo-RL may be texts one after the other, of which the last was written', async () => {
    const [two, three, alone] = await read('nemo-rl', [
      { content: ['2 + 2?', '4'], rewards: [1], idx: 0 },
      { content: ['2 + 2?', ' Think. ', '4'], rewards: [1], idx: 1 },
      { content: [['4']], rewards: [1], idx: 2 },
    ])
    expect([two!.prompt, two!.completion, two!.extra]).toEqual(['2 + 2?', '4', { idx: 0 }])
    expect([three!.prompt, three!.completion, three!.extra]).toEqual([
      '2 + 2? Think. ',
      '4',
      { content: ['2 + 2?', ' Think. ', '4'], idx: 1 },
    ])
    expect([alone!.prompt, alone!.completion]).toEqual([undefined, '4'])
  })

  it('of prime-rl have their split and step from their folders, and say that they were trained on', async () => {
    const trace = (info: object) => ({
      task: { key: 'p' },
      nodes: [{ message: { role: 'user', content: '2 + 2?' } }, { message: { role: 'assistant', content: '4' }, sampled: true }],
      info,
    })
    for (const split of ['train', 'eval']) {
      const rows = [
        trace({ train: { effective: true } }),
        trace({ eval: { effective: true } }),
        trace({ train: { effective: false } }),
        trace({}),
      ]
      const rollouts = await read('prime-rl', rows, `rollouts/step_7/${split}/all/traces.jsonl`)
      expect(rollouts.map((each) => [each.split, each.step, each.used])).toEqual([
        [split, 7, true],
        [split, 7, true],
        [split, 7, undefined],
        [split, 7, undefined],
      ])
    }
    expect((await read('prime-rl', [trace({})], 'other/traces.jsonl'))[0]!.split).toBeUndefined()
  })

  it('of TRL have no reward where their reward function gave none, and keep a column that says nothing at all', async () => {
    const rollouts = await read(
      'trl',
      '{"step": 1, "prompt": "2 + 2?", "completion": "4", "outcome": 1, "format": NaN, "never": null, "advantage": 0.5}\n' +
        '{"step": 1, "prompt": "2 + 2?", "completion": "5", "outcome": NaN, "format": NaN, "never": null, "advantage": -0.5}\n',
    )
    expect(rollouts.map(({ rewards, reward, extra }) => [rewards, reward, extra])).toEqual([
      [{ outcome: 1 }, undefined, { format: null, never: null }],
      [undefined, undefined, { format: null, never: null }],
    ])
  })

  it('of a table have their verdict from a column of labels where another holds the reference answer', async () => {
    const of = (label: unknown) => ({ question: '2 + 2?', response: 'it is 4', answer: '4', label, score: 1 })
    const [right] = await read('plain', [of(true), of(true)])
    expect([right!.groundTruth, right!.correct]).toEqual(['4', true])
    const [word] = await read('plain', [of('four'), of('four')])
    expect([word!.groundTruth, word!.correct]).toEqual(['four', undefined])
  })
})
