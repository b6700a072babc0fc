// A model behind an address, asked as one here is: the same J, the rule of thinking kept, whatever the server does nothing lost, and every mistake of a
// person told by its code. The server is a test's own, with the little model of text behind it.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { modelAnswers } from '../../src-main/lab/answers/collections.ts'
import { evaluate } from '../../src-main/lab/comparing/evaluate.ts'
import { evaluateRun } from '../../src-main/lab/comparing/evaluateRun.ts'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import { openContext, type OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { OTHER_RULES } from '../../src-main/episodes/segmentText.ts'
import { drawVotes } from '../../src-main/lab/thinking/drawVotes.ts'
import { tokenEndsOf } from '../../src-main/lab/answers/tokenizerOfRollout.ts'
import { measureCuts } from '../../src-main/lab/thinking/measureCuts.ts'
import { stopHere } from '../../src-main/lab/thinking/stopHere.ts'
import { measureJ } from '../../src-main/lab/thinking/measureJ.ts'
import { connectModel, openServed, type ServedRequest } from '../../src-main/lab/training/servedModel.ts'
import { openAnswering, vocabularyOfName } from '../../src-main/lab/training/answering.ts'
import { createRun } from '../../src-main/lab/training/createRun.ts'
import { parseSpec } from '../../src-main/lab/training/runSpecs.ts'
import { loadStart, vocabularyOf, type Start } from '../../src-main/lab/training/start.ts'
import { openProblems, type ProblemSource } from '../../src-main/lab/training/tasks.ts'
import { loadWeights, openPolicy, type Policy } from '../../src-main/rollout/policy.ts'
import type { LabEvent } from '../../src-preload/contract.ts'
import { servedAddress } from '../../src-main/served/address.ts'
import { exportModel } from '../../src-main/lab/training/exportModel.ts'
import { refusal } from '../lab/refusal.ts'
import { writeLittleText } from '../model/littleText.ts'
import { openServer, type Fault, type Manner, type Running, type ServerOptions } from './server.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-served-'))
const never = new AbortController().signal
let context: OpenedContext
let start: Start
let policy: Policy
let source: ProblemSource
const open: Running[] = []

const spec = (model: string) =>
  parseSpec({
    name: 'served',
    start: model,
    task: { name: 'arithmetic', options: { level: '2' } },
    algorithm: { name: 'grpo' },
    seed: 3,
    budget: { thinkingTokens: 10, answerTokens: 4 },
    evaluation: { problems: 2, samples: 2, kept: 2, budgets: [4, 10], longest: 12 },
  })

beforeAll(async () => {
  context = openContext({ folder: join(folder, 'workspace'), create: true, program: 'test' })
  await importModel(context.store, writeLittleText(join(folder, 'little.gguf')), { name: 'little', signal: never, now: Date.now })
  start = await loadStart(context.store, 'model:1', Date.now)
  policy = await openPolicy(context.engine, start.config, await loadWeights(context.engine, start.config, start.weights), {
    rows: 4,
    maxLength: 256,
  })
  source = openProblems(context.store, spec('model:1'), Date.now, vocabularyOf(start))
})
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})
afterAll(() => {
  policy.dispose()
  context.close()
  rmSync(folder, { recursive: true, force: true })
})

async function serve(manner: Manner, more: Partial<ServerOptions> = {}): Promise<Running> {
  const server = await openServer({ manner, policy, tokenizer: start.tokenizer!, ...more })
  open.push(server)
  return server
}
const request = (server: Pick<Running, 'url'>, more: Partial<ServedRequest> = {}): ServedRequest => ({
  address: server.url,
  leavesMachine: false,
  name: 'little',
  tokenizer: 'model:1',
  keyFrom: null,
  ...more,
})
const connect = (server: Running, more: Partial<ServedRequest> = {}) => connectModel(context.store, request(server, more), Date.now)
const answerer = async (server: Running, work = 'test', more: object = {}) => {
  const { modelId } = await connect(server)
  return openServed(context.store, context.store.models.get(modelId)!, work, { pauseMs: 1, timeoutMs: 60_000, ...more })
}
const traces = () =>
  source
    .ofStep(1, 1)
    .map((problem) => ({ prompt: problem.promptTokens, completion: [9, 40, 41, 42], cuts: [0, 3], answers: source.answers(problem) }))
const settings = { temperature: 1, topK: 0, topP: 1, minP: 0, thinkingTokens: 10, answerTokens: 4 }
const plans = () => source.ofStep(1, 3).map(({ promptTokens }, index) => ({ prompt: promptTokens, seed: 100 + index }))
const code = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing was thrown',
    (error: { readonly code?: string }) => error.code ?? String(error),
  )

describe('J through a server', () => {
  it('is that of the engine here, the tree of answers walked place by place', async () => {
    const here = await policy.measure(traces(), source.task.format.terminationSuffix)
    const { abilities } = await connect(await serve('llama'))
    expect(abilities).toMatchObject({ takesIds: true, saysTokens: true, saysLogps: true, promptLogps: null, alternatives: 704 })
    const served = await (await answerer(open[0]!)).sampler(1).measure(traces(), source.task.format.terminationSuffix)
    for (const [at, J] of here.J[0]!.entries()) {
      expect(J).toBeGreaterThan(0)
      expect(Math.abs(served.J[0]![at]! - J)).toBeLessThan(1e-5 * J + served.missing![0]![at]!)
      expect(served.missing![0]![at]).toBeLessThan(1e-5)
    }
  })

  for (const manner of ['vllm', 'echo'] as const)
    it(`lies within what a server leaves open that says log-probs of prompts (${manner})`, async () => {
      const here = await policy.measure(traces(), source.task.format.terminationSuffix)
      const server = await serve(manner)
      expect((await connect(server)).abilities.promptLogps).toBe(manner === 'vllm' ? 'field' : 'echo')
      const served = await (await answerer(server)).sampler(1).measure(traces(), source.task.format.terminationSuffix)
      for (const [at, J] of here.J[0]!.entries()) {
        expect(served.J[0]![at]! - 1e-6).toBeLessThanOrEqual(J)
        expect(served.J[0]![at]! + served.missing![0]![at]! + 1e-6).toBeGreaterThanOrEqual(J)
        expect(served.missing![0]![at]).toBeLessThan(0.01)
      }
    })

  it('is refused where no log-probs are said, or other ones: at another temperature', async () => {
    const server = await serve('text')
    expect((await answerer(server)).sampler(1).noMeasure).toMatchObject({ code: 'served.exact' })
    await server.close()
    expect((await answerer(await serve('llama'))).sampler(0.7).noMeasure).toMatchObject({ code: 'served.exact' })
    expect((await answerer(await serve('llama', { mostAlternatives: 5 }))).sampler(1).noMeasure).toMatchObject({ code: 'served.exact' })
  })
})

describe('rollouts of a server', () => {
  it('keep to the budget of thinking, end forced answers, and say which tokens were drawn', async () => {
    const sampler = (await answerer(await serve('llama'))).sampler(1)
    const { format } = source.task
    const whole = await sampler.sample(format, plans(), settings)
    for (const { tokens, thinkEnd, sampled, logps, forcedStop } of whole) {
      expect(thinkEnd).toBeLessThanOrEqual(10)
      expect(logps.length).toBe(tokens.length)
      if (forcedStop)
        expect([...sampled.slice(thinkEnd, thinkEnd + format.terminationSuffix.length)].every((drawn) => drawn === 0)).toBe(true)
    }
    expect(whole.some(({ forcedStop }) => forcedStop)).toBe(true)
    const scored = await policy.score(whole.map(({ prompt, tokens }) => ({ prompt, completion: tokens })))
    whole.forEach(({ logps, sampled }, index) =>
      logps.forEach((logp, at) => sampled[at] === 1 && expect(Math.abs(logp - scored[index]![at]!)).toBeLessThan(1e-3)),
    )
    const [stopped] = await sampler.sample(format, [{ ...plans()[0]!, prefix: [9, 40], stopNow: true }], settings)
    expect([...stopped!.tokens].slice(0, 2 + format.terminationSuffix.length)).toEqual([9, 40, ...format.terminationSuffix])
    expect(stopped!.tokens.length).toBeLessThanOrEqual(2 + format.terminationSuffix.length + 4)
    const [kept] = await sampler.sample(format, [plans()[1]!], { ...settings, minimumThinking: 10 })
    expect(kept!.thinkEnd).toBeGreaterThanOrEqual(10)
  })

  it('are the same whatever happens to requests on the way', async () => {
    const quiet = await (await answerer(await serve('llama'))).sampler(1).sample(source.task.format, plans(), settings)
    const server = await serve('llama')
    const opened = await answerer(server, 'disturbed')
    const faults: Fault[] = ['error', 'busy', 'cut', 'garbage', 'shape', 'hang up']
    let disturbed = 0
    server.fault = () => faults[disturbed++] ?? null
    const through = await opened.sampler(1).sample(source.task.format, plans(), settings)
    expect(disturbed).toBeGreaterThan(faults.length)
    expect(through.map(({ tokens }) => [...tokens])).toEqual(quiet.map(({ tokens }) => [...tokens]))
  })

  it('end when they are cancelled, and the server is told', async () => {
    const server = await serve('llama')
    const opened = await answerer(server)
    const control = new AbortController()
    let came = 0
    server.fault = () => {
      if (++came === 3) control.abort(new Error('enough'))
      return 'slow'
    }
    await expect(opened.sampler(1).sample(source.task.format, plans(), settings, { signal: control.signal })).rejects.toThrow('enough')
    await expect.poll(() => server.left, { timeout: 10_000 }).toBe(3)
  })
})

describe('a served model', () => {
  it('is put on record for whoever asks, and that is told', async () => {
    const events: LabEvent[] = []
    const models = modelAnswers(
      () => context.store,
      (event) => events.push(event),
      Date.now,
    )
    const { modelId, abilities } = await models.connect(request(await serve('text')), { signal: never })
    expect([context.store.models.get(modelId)!.kind, abilities.saysLogps]).toEqual(['served', false])
    expect(events).toEqual([{ kind: 'changed', noun: 'models', ids: [modelId] }])
  })
})

/** Answers of servers that are kept to go on with. */
const journals = (): number =>
  existsSync(join(context.store.folder, 'served')) ? readdirSync(join(context.store.folder, 'served')).length : 0

describe('an evaluation of a served model', () => {
  const finished = async (modelId: number): Promise<number> =>
    context.store.evaluations.list().find(({ status }) => status === 'finished')?.id ??
    (await evaluateRun(context, { startOf: spec(`model:${modelId}`) }))

  it('goes on by rollout after its server died, asks nothing twice, and has the numbers of one that was left in peace', async () => {
    const asked = spec('model:1')
    const peace = await serve('text')
    const undisturbed = await answerer(peace, 'evaluation')
    const probing = peace.answered
    const calm = await evaluate(undisturbed.sampler(1), source, asked)
    const needed = peace.answered - probing

    const server = await serve('text')
    // One after another: what is under way when another is lost may have been answered and not yet read.
    const dying = await answerer(server, 'evaluation', { atOnce: 1 })
    let requests = 0
    server.fault = () => (requests++ < 14 ? null : 'hang up')
    expect(await code(evaluate(dying.sampler(1), source, asked))).toBe('served.lost')
    const before = 14
    await server.close()
    open.splice(open.indexOf(server), 1)

    const again = await serve('text', { port: server.port })
    const going = await answerer(again, 'evaluation')
    const fresh = again.answered
    expect((await evaluate(going.sampler(1), source, asked)).metrics).toEqual(calm.metrics)
    expect(again.answered - fresh).toBe(needed - before)
    const kept = (): number => readdirSync(join(context.store.folder, 'served')).length
    const files = kept()
    going.done()
    expect(kept()).toBe(files - 1)
  })

  it('is recorded with the model and the address that its rollouts are from', async () => {
    const server = await serve('text')
    const { modelId } = await connect(server)
    const before = journals()
    const id = await evaluateRun(context, { startOf: spec(`model:${modelId}`) })
    // What was kept to go on with is let go.
    expect(journals()).toBe(before)
    expect(context.store.evaluations.get(id)).toMatchObject({ name: 'little', modelId, status: 'finished' })
    const { rollouts } = context.store.rollouts.page({
      filter: { evaluationId: id },
      sort: 'place',
      descending: false,
      limit: 1,
      after: null,
    })
    expect(context.store.rollouts.detail(rollouts[0]!.id)!.provenance).toMatchObject({
      engine: `little at ${server.url}/v1`,
      device: 'served',
    })
  })

  it('has its J measured by another served model, recorded with who said so, once', async () => {
    const server = await serve('llama')
    const { modelId } = await connect(server)
    const evaluationId = await finished(modelId)
    const said = (): number => {
      const page = context.store.rollouts.page({ filter: { evaluationId }, sort: 'place', descending: false, limit: 100, after: null })
      const estimators = page.rollouts.flatMap(({ id }) => context.store.rollouts.detail(id)!.progress.map(({ estimator }) => estimator))
      return estimators.filter(({ served }) => served === `little at ${server.url}/v1`).length
    }
    const before = said()
    const files = journals()
    // What a served model wrote is read in the tokenizer that was named for it.
    const [row] = context.store.rollouts.page({
      filter: { evaluationId },
      sort: 'place',
      descending: false,
      limit: 1,
      after: null,
    }).rollouts
    const written = context.store.rollouts.detail(row!.id)!
    expect((await tokenEndsOf(context.store, written))!.at(-1)).toBe(written.text.length)
    const asked = { scope: { evaluationId }, start: `model:${modelId}`, method: 'sampled' as const, samples: 2, limit: 3 }
    expect((await measureJ(context, asked, {})).measured).toBe(3)
    expect(await code(measureJ(context, asked, {}))).toBe('measure.nothing')
    expect(said() - before).toBe(3)
    expect(journals()).toBe(files)
  })

  it('has exact J between what was weighed and what was left out, and none where nothing is weighed', async () => {
    // Of a server that weighs nothing, so that no exact J came with it.
    const evaluationId = await finished((await connect(await serve('text'))).modelId)
    const server = await serve('vllm')
    const { modelId } = await connect(server)
    const asked = { scope: { evaluationId }, start: `model:${modelId}`, method: 'exact' as const, samples: 1, limit: 1 }
    expect((await measureJ(context, asked, {})).measured).toBe(1)
    const page = context.store.rollouts.page({ filter: { evaluationId }, sort: 'place', descending: false, limit: 100, after: null })
    const estimates = page.rollouts
      .flatMap(({ id }) => context.store.rollouts.detail(id)!.progress)
      .filter(({ estimator }) => estimator.method === 'exact' && estimator.served === `little at ${server.url}/v1`)
      .flatMap((curve) => curve.estimates)
    expect(estimates.length).toBeGreaterThan(0)
    for (const { value, low, high } of estimates) expect([value === low, high! >= low!, high! <= 1]).toEqual([true, true, true])
    expect(estimates.some(({ low, high }) => high! > low!)).toBe(true)

    const silent = await connect(await serve('text'))
    const start = `model:${silent.modelId}`
    expect(await code(measureJ(context, { ...asked, start }, {}))).toBe('served.exact')
    const rules = [{ name: 'lines', rule: { ...OTHER_RULES.paragraphs, unit: 'line' as const } }]
    expect(await code(measureCuts(context, { scope: { evaluationId }, start, rules, budget: 10, limit: 1 }, {}))).toBe('served.exact')
    // Nor where a server names too few alternatives to weigh answers by them.
    const coarse = `model:${(await connect(await serve('llama', { mostAlternatives: 5 }))).modelId}`
    expect(await code(measureJ(context, { ...asked, start: coarse }, {}))).toBe('served.exact')
    expect(await code(measureCuts(context, { scope: { evaluationId }, start: coarse, rules, budget: 10, limit: 1 }, {}))).toBe(
      'served.exact',
    )
    const votes = { scope: { evaluationId }, start, samples: 2, limit: 1 }
    expect(await code(drawVotes(context, { ...votes, ballots: 'described' }, {}))).toBe('vote.noLogps')
    expect(await code(drawVotes(context, { ...votes, ballots: 'plain' }, {}))).toBe('nothing was thrown')
    expect(await code(measureJ(context, { ...asked, start: 'starter' }, {}))).toBe('measure.vocabulary')
  })

  it('answers where a thought is stopped, graded, and leaves nothing behind', async () => {
    const server = await serve('text')
    const { modelId } = await connect(server)
    const evaluationId = await finished(modelId)
    const [row] = context.store.rollouts.page({
      filter: { evaluationId },
      sort: 'place',
      descending: false,
      limit: 1,
      after: null,
    }).rollouts
    const kept = (): number => readdirSync(join(context.store.folder, 'served')).length
    const before = kept()
    const said = await stopHere(context, { rolloutId: row!.id, boundary: 0, samples: 5, start: `model:${modelId}` }, {})
    expect(said).toMatchObject({ boundary: 0, tokenOffset: 0, start: `model:${modelId}`, temperature: 1 })
    expect(said.answers).toHaveLength(5)
    expect(said.answers.some(({ text }) => text !== '')).toBe(true)
    expect(kept()).toBe(before)
    // The evaluation is of a model that was trained by no run here: it has no weights of its own to answer with.
    expect(await code(stopHere(context, { rolloutId: row!.id, boundary: 0, samples: 5, start: null }, {}))).toBe('stopHere.noWeights')
    expect(await code(stopHere(context, { rolloutId: row!.id, boundary: 99, samples: 5, start: `model:${modelId}` }, {}))).toBe(
      'stopHere.noBoundary',
    )
  })
})

describe('the record of a served model', () => {
  it('says where it is spoken to, what is read with whose tokenizer, and what it can do; no weights of it are here', async () => {
    // A name of its own: a port, and with it an address, may come again.
    const server = await serve('llama', { name: 'recorded' })
    const { modelId, abilities } = await connectModel(context.store, request(server, { name: 'recorded' }), () => 77)
    const model = context.store.models.get(modelId)!
    expect(model).toMatchObject({
      name: 'recorded',
      kind: 'served',
      family: 'served',
      config: { vocabSize: 704 },
      tokenizer: { vocabSize: 704, task: null },
      parameterCount: 0,
      bytes: 0,
      path: join('models', model.sha256.slice(0, 32)),
      createdAtMs: 77,
    })
    expect(model.provenance).toEqual({
      address: `${server.url}/v1`,
      thisMachine: true,
      keyFrom: null,
      tokenizer: context.store.models.get(1)!.sha256,
      abilities,
    })
  })

  it('holds the files of its tokenizer where these come from a folder, and none of that folder beside', async () => {
    const given = join(folder, 'tokenizer of little')
    await exportModel(context.store, { name: 'model:1', folder: given, adapters: false }, Date.now)
    writeFileSync(join(given, 'notes.txt'), '')
    const server = await serve('llama')
    const { modelId } = await connect(server, { tokenizer: given })
    const model = context.store.models.get(modelId)!
    expect(readdirSync(join(context.store.folder, model.path)).toSorted()).toEqual([
      'config.json',
      'generation_config.json',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    expect(model.provenance).toMatchObject({ tokenizer: null })
    expect((await connect(server)).modelId).not.toBe(modelId)
    rmSync(given, { recursive: true })
    const opened = await openServed(context.store, model, 'from a folder', { pauseMs: 1 })
    expect([opened.vocabSize, opened.maxLength, [...opened.tokenizer.encode('What')]]).toEqual([
      start.tokenizer!.size,
      512,
      [...start.tokenizer!.encode('What')],
    ])
    const [here] = (await (await answerer(server, 'of a model')).sampler(1).sample(source.task.format, plans(), settings)).slice(0, 1)
    const [there] = await opened.sampler(1).sample(source.task.format, plans(), settings)
    expect([...there!.tokens]).toEqual([...here!.tokens])
  })

  it('is of no use once the model whose tokenizer it is read with is gone', async () => {
    const server = await serve('llama')
    const elsewhere = openContext({ folder: join(folder, 'left alone'), create: true, program: 'test' })
    try {
      const { store } = elsewhere
      const owner = await importModel(store, writeLittleText(join(folder, 'owner.gguf'), 5), {
        name: 'owner',
        signal: never,
        now: Date.now,
      })
      const { modelId } = await connectModel(store, request(server, { tokenizer: `model:${owner.modelId}` }), Date.now)
      const model = store.models.get(modelId)!
      const without = { ...store, models: { ...store.models, bySha256: () => null } }
      await expect(openServed(without, model, 'test')).rejects.toEqual(
        refusal('served.tokenizer', {
          expected: 'the model whose tokenizer little is read with, in this workspace',
          found: 'none',
          next: 'Connect the served model anew',
        }),
      )
    } finally {
      elsewhere.close()
    }
  })

  it('stands for whoever answers, as weights of this workspace do', async () => {
    const server = await serve('llama')
    const { modelId } = await connect(server)
    const there = await openAnswering(context, `model:${modelId}`, { work: 'answering' })
    expect(there).toMatchObject({ modelId, maxPositions: 512, served: `little at ${server.url}/v1`, vocabulary: { size: 704 } })
    const here = await openAnswering(context, 'model:1', { work: 'answering' })
    expect(here).toMatchObject({ modelId: 1, maxPositions: start.config.maxPositions, served: null, vocabulary: { size: 704 } })
    for (const name of [`model:${modelId}`, 'model:1']) {
      const { size, tokenizer } = await vocabularyOfName(context.store, name, Date.now)
      expect([size, [...tokenizer!.encode('What')]]).toEqual([704, [...start.tokenizer!.encode('What')]])
    }
    for (const answering of [there, here]) {
      const { sampler, dispose } = await answering.open({ maxLength: 256, temperature: 1, rows: 1 })
      const [rollout] = await sampler.sample(source.task.format, plans().slice(0, 1), settings)
      expect(rollout!.tokens.length).toBeGreaterThan(0)
      dispose()
      answering.done()
    }
  })

  it('keeps no answers where the workspace is only read', async () => {
    const server = await serve('text')
    const journals = join(context.store.folder, 'served')
    const kept = (): number => (existsSync(journals) ? readdirSync(journals).length : 0)
    const sample = (opened: Awaited<ReturnType<typeof openServed>>) =>
      opened.sampler(1).sample(source.task.format, plans().slice(0, 1), settings)
    const written = await answerer(server, 'written')
    const before = kept()
    await sample(written)
    expect(kept()).toBe(before + 1)
    written.done()
    expect(kept()).toBe(before)
    const store = { ...context.store, access: { mode: 'read' } } as typeof context.store
    const read = await openServed(store, written.model, 'only read', { pauseMs: 1 })
    await sample(read)
    read.done()
    expect(kept()).toBe(before)
  })
})

describe('what a person can get wrong about a server', () => {
  it('is an address, or that it leaves the machine unsaid', () => {
    const told = (text: string, confirmed = false): string => {
      try {
        return servedAddress(text, confirmed).url
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    expect(told('127.0.0.1:8000')).toBe('http://127.0.0.1:8000/v1')
    expect(told('http://localhost:8000/v1/completions')).toBe('http://localhost:8000/v1')
    expect(told('http://[::1]:8000/v1/')).toBe('http://[::1]:8000/v1')
    for (const wrong of ['', 'ftp://127.0.0.1', 'http://me:secret@127.0.0.1', 'http://127.0.0.1/v1?x=1', 'http://:'])
      expect(told(wrong), wrong).toBe('served.address')
    for (const away of ['http://10.0.0.7:8000', 'https://models.example/v1', 'http://127.0.0.1.example:80', 'http://0.0.0.0:80'])
      expect(told(away), away).toBe('served.away')
    expect(told('https://models.example/v1', true)).toBe('https://models.example/v1')
  })

  it('is the model, the key, the tokenizer, or what is behind the address', async () => {
    const server = await serve('vllm', { key: 'secret' })
    expect(await code(connect(server))).toBe('served.key')
    await expect(connect(server, { keyFrom: 'MRT_TEST_NO_KEY' })).rejects.toEqual(
      refusal('served.keyFrom', {
        expected: 'a key for the server in the variable MRT_TEST_NO_KEY of the environment',
        found: 'none',
        next: 'export MRT_TEST_NO_KEY=',
      }),
    )
    process.env.MRT_TEST_KEY = 'secret'
    expect(await code(connect(server, { keyFrom: 'MRT_TEST_KEY', name: 'large' }))).toBe('served.unknown')
    expect(await code(connect(server, { keyFrom: 'MRT_TEST_KEY' }))).toBe('nothing was thrown')
    expect(JSON.stringify(context.store.models.list())).not.toContain('secret')
    await expect(connect(server, { tokenizer: folder })).rejects.toEqual(
      refusal('served.tokenizer', { expected: 'or a folder with tokenizer.json', found: folder, next: 'Download tokenizer.json' }),
    )
    const { modelId } = await loadStart(context.store, 'starter', Date.now)
    await expect(connect(server, { tokenizer: `model:${modelId}` })).rejects.toEqual(
      refusal('served.tokenizer', {
        expected: 'a model of text',
        found: 'starter, which has none',
        next: 'Give a folder with tokenizer.json',
      }),
    )
    expect(await code(connect(await serve('llama', { before: [5] })))).toBe('served.tokenizer')
    const silent = await serve('llama')
    await silent.close()
    expect(await code(connect(silent))).toBe('served.lost')
    // One that cannot say which models it has may have the one that is named.
    expect((await connect(await serve('llama', { listsNothing: true }))).abilities).toMatchObject({ takesIds: true, maxLength: null })
    const chat = await serve('llama')
    chat.fault = () => 'shape'
    expect(await code(connect(chat))).toBe('served.answer')
  })

  it('is a key with a line of its own, which is the key, or with what no header may hold', async () => {
    const server = await serve('vllm', { key: 'secret' })
    process.env.MRT_TEST_KEY = 'secret\r\n'
    expect(await code(connect(server, { keyFrom: 'MRT_TEST_KEY' }))).toBe('nothing was thrown')
    for (const [wrong, found] of [
      ['se\ncret', 'one with characters that no key has'],
      ['sécret', 'one with characters that no key has'],
      [' \n', 'none'],
    ] as const) {
      process.env.MRT_TEST_KEY = wrong
      await expect(connect(server, { keyFrom: 'MRT_TEST_KEY' }), wrong).rejects.toMatchObject({ code: 'served.keyFrom', found })
    }
  })

  it('is the address of something that answers whatever it is asked', async () => {
    for (const text of ['null', '"yes"', '{"data": [null, 3, {"id": 4}]}']) {
      const other = createServer((_, response) => response.end(text)).listen(0, '127.0.0.1')
      await once(other, 'listening')
      const { port } = other.address() as AddressInfo
      expect([text, await code(connectModel(context.store, request({ url: `http://127.0.0.1:${port}` }), Date.now))]).toEqual([
        text,
        'served.answer',
      ])
      other.closeAllConnections()
      other.close()
    }
  })

  it('is to mistake one tokenizer for another: a model of the same id later on is another one', async () => {
    const server = await serve('llama')
    const { modelId } = await connect(server)
    expect((await connect(server)).modelId).toBe(modelId)
    expect(context.store.models.get(modelId)!.provenance).toMatchObject({ tokenizer: context.store.models.get(1)!.sha256 })
    const elsewhere = openContext({ folder: join(folder, 'elsewhere'), create: true, program: 'test' })
    try {
      await importModel(elsewhere.store, writeLittleText(join(folder, 'other.gguf'), 5), { name: 'other', signal: never, now: Date.now })
      const there = await connectModel(elsewhere.store, request(server), Date.now)
      expect(elsewhere.store.models.get(there.modelId)!.sha256).not.toBe(context.store.models.get(modelId)!.sha256)
    } finally {
      elsewhere.close()
    }
  })

  it('is to train a model whose weights are elsewhere', async () => {
    const { modelId } = await connect(await serve('vllm'))
    expect(await code(createRun(context, spec(`model:${modelId}`)))).toBe('start.served')
  })
})
