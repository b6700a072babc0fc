// Text that a model of another maker writes: what its decoder is asked piece by piece, what is told meanwhile, how it ends, and what is refused. The decoder
// here has its words ready, a token for each byte.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GenerateOptions } from '../../src-main/engine/decoder.ts'
import type { Engine } from '../../src-main/engine/engine.ts'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import type { OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { loadStart } from '../../src-main/lab/training/start.ts'
import { generateText, openTextModel, type TextModel, type TextRequest } from '../../src-main/lab/training/textModel.ts'
import { writeText } from '../../src-main/lab/training/writeText.ts'
import type { TextTokenizer } from '../../src-main/model/tokenizers/tokenizer.ts'
import type { LabEvent } from '../../src-preload/contract.ts'
import { LITTLE_TEXT, writeLittleText } from '../model/littleText.ts'
import { MICRO_CONFIG, openBench, type Bench } from './micro.ts'
import { refusal } from './refusal.ts'

const STOP = 300
const START = 301
const bytesOf = (text: string): number[] => [...Buffer.from(text)]
const tokenizer = {
  bos: null as number | null,
  stopTokens: [STOP],
  encode: (text: string) => Int32Array.from(bytesOf(text)),
  decode: (ids: ArrayLike<number>, { plain = false } = {}) => `${plain ? '' : 'marks: '}${Buffer.from(Array.from(ids)).toString('utf8')}`,
  chat: (messages: readonly { readonly role: string; readonly content: string }[]) =>
    Int32Array.from(bytesOf(messages.map(({ role, content }) => `${role}: ${content}\n`).join(''))),
}

interface Asked {
  readonly asked: { readonly source: number[]; readonly request: GenerateOptions['requests'][number] }[]
  readonly signals: (AbortSignal | undefined)[]
  maxLength: number
  disposed: number
}
/** A model whose decoder goes on with these words wherever it is asked. */
function modelOf(
  words: readonly number[],
  more: {
    readonly bos?: number
    readonly maxPositions?: number
    /** How a piece of so many tokens ends, and how many of them are written. */
    readonly ending?: (piece: number, written: number) => { readonly finish: string; readonly tokens: number } | null
  } = {},
): { readonly engine: Engine; readonly model: TextModel; readonly told: Asked } {
  const told: Asked = { asked: [], signals: [], maxLength: 0, disposed: 0 }
  let begun: number | null = null
  const decoder = {
    generate({ sources, requests, signal }: GenerateOptions) {
      const [source] = sources
      const [request] = requests
      told.asked.push({ source: Array.from(source!), request: request! })
      told.signals.push(signal)
      begun ??= source!.length
      const from = source!.length - begun
      const rest = words.slice(from, from + request!.maxNewTokens)
      const end = more.ending?.(request!.maxNewTokens, from)
      const tokens = rest.slice(0, end?.tokens ?? rest.length)
      return Promise.resolve([
        { tokens: Int32Array.from(tokens), logps: Float32Array.from(tokens, (_, at) => -(from + at) / 8), finish: end?.finish ?? 'length' },
      ])
    },
    dispose: () => void told.disposed++,
  }
  const engine = {
    createDecoder: ({ maxLength }: { readonly maxLength: number }) => {
      told.maxLength = maxLength
      return Promise.resolve(decoder)
    },
  } as unknown as Engine
  const config = { ...MICRO_CONFIG, ...(more.maxPositions !== undefined && { maxPositions: more.maxPositions }) }
  const own = { ...tokenizer, ...(more.bos !== undefined && { bos: more.bos }) } as unknown as TextTokenizer
  return { engine, model: { config, tokenizer: own, parameters: {} as never, dispose() {} }, told }
}
const asking = (more: Partial<TextRequest> = {}): TextRequest => ({
  prompt: { text: 'one' },
  maxTokens: 20,
  temperature: 0.5,
  seed: 3,
  ...more,
})
const pieces = ({ asked }: Asked): number[] => asked.map(({ request }) => request.maxNewTokens)

describe('a text', () => {
  it('is written in pieces, eight tokens or a quarter of what lies before, each going on from what is there with draws of its own', async () => {
    const words = bytesOf('abcdefghijklmnopqrst')
    const { engine, model, told } = modelOf(words)
    const written = await generateText(engine, model, asking())
    expect(pieces(told)).toEqual([8, 8, 4])
    expect(told.asked.map(({ source }) => source)).toEqual([0, 8, 16].map((at) => [...bytesOf('one'), ...words.slice(0, at)]))
    expect(told.asked.map(({ request }) => request.seed)).toEqual([3, 3 + 8 * 2 ** 21, 3 + 16 * 2 ** 21])
    expect(told.asked[0]!.request).toEqual({
      source: 0,
      seed: 3,
      maxNewTokens: 8,
      stopTokens: [STOP],
      temperature: 0.5,
      topK: 0,
      topP: 1,
      minP: 0,
      greedy: false,
    })
    expect([told.maxLength, told.disposed]).toEqual([23, 1])
    expect(written).toMatchObject({ text: 'abcdefghijklmnopqrst', promptTokens: 3, finish: 'length' })
    expect([...written.tokens]).toEqual(words)
    expect([...written.logps]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3].map((_, at) => -at / 8))
    expect(written.ms).toBeGreaterThanOrEqual(0)
    const long = modelOf(new Array<number>(40).fill(97))
    await generateText(long.engine, long.model, asking({ prompt: { text: 'a'.repeat(44) }, maxTokens: 40 }))
    // A quarter of 44, of 55, of 68, and what is left.
    expect(pieces(long.told)).toEqual([11, 13, 16])
  })

  it('goes on from a conversation in the words of its template, or from a text behind the mark of a beginning', async () => {
    const source = async (prompt: TextRequest['prompt'], bos?: number): Promise<number[]> => {
      const { engine, model, told } = modelOf(bytesOf('abcdefgh'), bos === undefined ? {} : { bos })
      await generateText(engine, model, asking({ prompt, maxTokens: 8 }))
      return told.asked[0]!.source
    }
    expect(await source({ text: 'x' })).toEqual(bytesOf('x'))
    expect(await source({ text: 'x' }, START)).toEqual([START, ...bytesOf('x')])
    expect(await source({ messages: [{ role: 'user', content: 'x' }] }, START)).toEqual(bytesOf('user: x\n'))
  })

  it('takes the likeliest token each time at temperature 0', async () => {
    const { engine, model, told } = modelOf(bytesOf('abcdefgh'))
    await generateText(engine, model, asking({ temperature: 0, maxTokens: 8 }))
    expect(told.asked[0]!.request).toMatchObject({ temperature: 1, greedy: true })
  })

  it('ends with a token that ends a turn, which is no part of the text', async () => {
    const { engine, model, told } = modelOf([...bytesOf('abc'), STOP])
    const { text, finish, tokens, logps } = await generateText(engine, model, asking())
    expect([text, finish, tokens.length, logps.length, pieces(told)]).toEqual(['abc', 'stop', 4, 4, [8]])
  })

  it('ends where a decoder writes less than it was asked for, or has no room left', async () => {
    const short = modelOf(bytesOf('abc'))
    expect(await generateText(short.engine, short.model, asking())).toMatchObject({ text: 'abc', finish: 'length' })
    const full = modelOf(new Array<number>(99).fill(97), { maxPositions: 16 })
    const written = await generateText(full.engine, full.model, asking({ maxTokens: 50 }))
    expect([written.finish, written.tokens.length, full.told.maxLength, pieces(full.told)]).toEqual(['length', 13, 16, [8, 5]])
  })

  it('ends as far as it came where it is cancelled', async () => {
    const control = new AbortController()
    const { engine, model, told } = modelOf(bytesOf('abcdefghijklmnopqrst'), {
      ending: (piece, from) => (from === 0 ? null : { finish: 'cancelled', tokens: piece - 6 }),
    })
    const { text, finish } = await generateText(engine, model, asking(), { signal: control.signal })
    expect([text, finish, told.disposed]).toEqual(['abcdefghij', 'cancelled', 1])
    expect(told.signals).toEqual([control.signal, control.signal])
    const aborted = modelOf(bytesOf('abcdefghijklmnopqrst'))
    control.abort()
    expect(await generateText(aborted.engine, aborted.model, asking(), { signal: control.signal })).toMatchObject({
      text: 'abcdefgh',
      finish: 'cancelled',
    })
  })

  it('is told as it grows, in whole characters, with the tokens that there are by then', async () => {
    // The second piece begins within a character of three bytes, the last ends within one.
    const words = [...bytesOf('abcdefg'), ...bytesOf('数'), ...bytesOf('hijkl'), 0xe6]
    const heard: [piece: string, tokens: number][] = []
    const { engine, model } = modelOf(words)
    const { text } = await generateText(engine, model, asking({ maxTokens: 16 }), { onText: (...each) => heard.push(each) })
    expect(heard).toEqual([
      ['abcdefg', 8],
      ['数hijkl', 16],
    ])
    expect(text).toBe('abcdefg数hijkl')
    const stopped = modelOf([...bytesOf('abc'), 0xe6, STOP])
    // What is left of it at its end is told as it stands.
    expect((await generateText(stopped.engine, stopped.model, asking())).text).toBe('abc\uFFFD')
  })

  it('is refused for a prompt without a token, or without room behind it', async () => {
    const { engine, model, told } = modelOf([], { maxPositions: 16 })
    for (const [text, found] of [
      ['', '0'],
      ['a'.repeat(16), '16'],
    ] as const)
      await expect(generateText(engine, model, asking({ prompt: { text } }))).rejects.toEqual(
        refusal('generate.tooLong', { expected: 'a prompt of 1 to 15 tokens', found, next: 'Change the prompt' }),
      )
    expect(told.asked).toEqual([])
    await generateText(engine, model, asking({ prompt: { text: 'a'.repeat(15) } }))
    expect(pieces(told)).toEqual([1])
  })
})

describe('a model that is asked for a text', () => {
  let bench: Bench
  let context: OpenedContext
  let modelId: number
  beforeAll(async () => {
    bench = await openBench()
    context = bench.open('texts')
    const file = writeLittleText(join(bench.folder, 'little.gguf'))
    ;({ modelId } = await importModel(context.store, file, { name: 'little', signal: new AbortController().signal, now: Date.now }))
  })
  afterAll(() => {
    context.close()
    bench.dispose()
  })
  const request = { key: 'k', prompt: 'def f(x):', system: null, raw: true, maxTokens: 30, temperature: 0, seed: 3 }

  it('writes it, tells it under its key, and says who wrote it', async () => {
    const told: LabEvent[] = []
    const written = await writeText(context, { ...request, modelId }, { onEvent: (event) => told.push(event) })
    expect(written.model).toBe('little')
    expect(written.tokens.length).toBeGreaterThan(8)
    const texts = told.flatMap((event) => (event.kind === 'playground' ? [event] : []))
    expect(texts.every(({ key }) => key === 'k')).toBe(true)
    texts.forEach(({ text }, at) => expect(text.startsWith(texts[at - 1]?.text ?? '')).toBe(true))
    expect(written.text).toBe(texts.at(-1)!.text)
    for (const { tokens, tokensPerSecond } of texts) expect(tokensPerSecond > 0 && tokensPerSecond <= 1000 * tokens).toBe(true)
  })

  it('is asked as it stands, or in its template with what the system says before', async () => {
    const read = async (more: { readonly raw?: boolean; readonly system?: string }): Promise<number> =>
      (await writeText(context, { ...request, maxTokens: 1, modelId, ...more }, {})).promptTokens
    const opened = await openTextModel(context.engine, context.store, context.store.models.get(modelId)!)
    opened.dispose()
    const { tokenizer: words } = opened
    expect(await read({})).toBe((words.bos === null ? 0 : 1) + words.encode(request.prompt).length)
    expect(await read({ raw: false })).toBe(words.chat([{ role: 'user', content: request.prompt }]).length)
    const conversation = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: request.prompt },
    ] as const
    expect(await read({ raw: false, system: 'Be brief.' })).toBe(words.chat(conversation).length)
  })

  it('is one that is here, with words of its own that its weights know', async () => {
    await expect(writeText(context, { ...request, modelId: 999 }, {})).rejects.toEqual(refusal('model.unknown', { found: '999' }))
    const { modelId: notated } = await loadStart(context.store, 'starter', Date.now)
    await expect(writeText(context, { ...request, modelId: notated }, {})).rejects.toEqual(
      refusal('model.noText', {
        expected: 'an imported model with a tokenizer for text',
        found: "starter, a starter model over this program's own vocabulary",
        next: 'Import a GGUF file',
      }),
    )
    const file = writeLittleText(join(bench.folder, 'fewer.gguf'), 12, { ...LITTLE_TEXT, vocabSize: 640 })
    const fewer = await importModel(context.store, file, { name: 'fewer', signal: new AbortController().signal, now: Date.now })
    await expect(writeText(context, { ...request, modelId: fewer.modelId }, {})).rejects.toEqual(
      refusal('model.tokenizer', {
        expected: 'a tokenizer of at most 640 tokens',
        found: '700',
        next: 'Its weights and its tokenizer do not belong together',
      }),
    )
  })
})
