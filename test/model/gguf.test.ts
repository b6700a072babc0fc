// GGUF files: every block type against the values that the gguf package reads from the same bytes, models against the same weights in a
// Hugging Face folder, and files that are damaged or meant to do harm.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { configFromGguf } from '../../src-main/model/families.ts'
import { openGguf } from '../../src-main/model/gguf.ts'
import { ggufWeights, readGgufModel } from '../../src-main/model/ggufModel.ts'
import { huggingFaceWeights, readHuggingFace } from '../../src-main/model/huggingFace.ts'
import { ModelFileError } from '../../src-main/model/safetensors.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { floats, ggufBytes } from './ggufWriter.ts'
import { ggufOf } from './ggufOf.ts'

const folder = mkdtempSync(join(tmpdir(), 'mrt-gguf-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
let files = 0
function file(bytes: Uint8Array): string {
  const path = join(folder, `${files++}.gguf`)
  writeFileSync(path, bytes)
  return path
}

const fixtures = join(import.meta.dirname, '../fixtures')
const blocks = JSON.parse(readFileSync(join(fixtures, 'gguf/blocks.json'), 'utf8')) as Record<string, { bytes: string; values: number[] }>
const numbers: Record<string, number> = { Q4_0: 2, Q4_1: 3, Q8_0: 8, Q4_K: 12, Q5_K: 13, Q6_K: 14 }

async function only(bytes: Uint8Array, type: number, elements: number): Promise<Float32Array> {
  const opened = await openGguf(file(ggufBytes({}, [{ name: 'x', dims: [elements], type, bytes }])))
  try {
    return await opened.read('x')
  } finally {
    await opened.close()
  }
}

describe('a GGUF file', () => {
  it.each(Object.keys(blocks))('gives the values of %s blocks that the gguf package gives', async (name) => {
    const { bytes, values } = blocks[name]!
    expect(values.length).toBeGreaterThan(90)
    const read = await only(Buffer.from(bytes, 'base64'), numbers[name]!, values.length)
    expect(Math.max(...values.map((value, i) => Math.abs(value - read[i]!)))).toBeLessThan(1e-5)
  })

  it('gives plain numbers exactly: F32, F16, BF16', async () => {
    const values = [0, 1, -2.5, 0.125, 96]
    expect([...(await only(floats(values), 0, 5))]).toEqual(values)
    expect([...(await only(new Uint8Array(Float16Array.from(values).buffer), 1, 5))]).toEqual(values)
    expect([
      ...(await only(
        new Uint8Array(Uint16Array.from(new Uint32Array(Float32Array.from(values).buffer), (word) => word >>> 16).buffer),
        30,
        5,
      )),
    ]).toEqual(values)
  })

  it('gives its metadata and shapes as they are', async () => {
    const opened = await openGguf(
      file(
        ggufBytes({ 'general.name': 'é', n: 7, half: 0.5, yes: true, list: ['a', ''], ids: [1, 3] }, [
          { name: 'w', dims: [2, 3], bytes: floats([1, 2, 3, 4, 5, 6]) },
        ]),
      ),
    )
    expect(Object.fromEntries(opened.metadata)).toEqual({ 'general.name': 'é', n: 7, half: 0.5, yes: true, list: ['a', ''], ids: [1, 3] })
    expect(opened.tensors).toMatchObject([{ name: 'w', dims: [2, 3], type: 'F32', bytes: 24 }])
    await opened.close()
  })

  it.each(['llama', 'llama-bias', 'qwen2', 'qwen3', 'linear', 'yarn'])(
    'is the same model as the folder it was made from (%s)',
    async (name) => {
      const source = await readHuggingFace(join(fixtures, 'families', name))
      const weights = new Map<string, Float32Array>()
      for await (const [tensor, values] of huggingFaceWeights(join(fixtures, 'families', name), source)) weights.set(tensor, values)
      const path = file(ggufOf(source.config, weights))
      const model = await readGgufModel(path)
      expect({ ...model.config, rmsEps: 0 }).toEqual({
        ...source.config,
        rmsEps: 0,
        ...(source.config.ropeScaling?.kind === 'yarn' && {
          ropeScaling: { ...source.config.ropeScaling, attentionFactor: expect.closeTo(source.config.ropeScaling.attentionFactor, 6) },
        }),
      })
      expect(model.config.rmsEps).toBeCloseTo(source.config.rmsEps, 9)
      let seen = 0
      for await (const [tensor, values] of ggufWeights(path)) {
        expect(values, tensor).toEqual(weights.get(tensor))
        seen++
      }
      expect(seen).toBe(weights.size)
    },
  )

  it('reads the frequency divisors of Llama 3 from its tensor', () => {
    const config = configFromGguf(
      new Map<string, unknown>([
        ['general.architecture', 'llama'],
        ['llama.attention.head_count', 2],
        ['llama.embedding_length', 32],
        ['llama.feed_forward_length', 8],
        ['llama.block_count', 1],
      ]),
      { has: () => false, vocabSize: 9, ropeDivisors: [1, 1, 2, 3, 4, 5, 6, 8] },
    )
    expect(config.ropeScaling).toEqual({ kind: 'divisors', divisors: [1, 1, 2, 3, 4, 5, 6, 8] })
  })

  const w = { name: 'w', dims: [8], bytes: floats([1, 2, 3, 4, 5, 6, 7, 8]) }
  it.each<[string, () => Buffer, string, RegExp]>([
    ['another format', () => Buffer.from('PK\u0003\u0004 and more that is long enough'), 'gguf.malformed', /PK/],
    ['an old version', () => ggufBytes({}, [w], { version: 1 }), 'gguf.version', /version 1/],
    ['tensors that overlap', () => ggufBytes({}, [w, { ...w, name: 'v', offset: 0 }]), 'gguf.malformed', /inside another/],
    ['a tensor beyond the end', () => ggufBytes({}, [{ ...w, dims: [80] }]), 'gguf.malformed', /bytes \d+ to/],
    ['a tensor off its alignment', () => ggufBytes({}, [{ ...w, offset: 8 }]), 'gguf.malformed', /byte/],
    ['more tensors than any model', () => ggufBytes({}, [w], { tensorCount: 2 ** 40 }), 'gguf.malformed', /1099511627776/],
    ['more tensors than it has', () => ggufBytes({}, [w], { tensorCount: 9 }), 'gguf.malformed', /./],
    ['one name twice', () => ggufBytes({}, [w, w]), 'gguf.malformed', /twice/],
    ['half a block', () => ggufBytes({}, [{ ...w, type: 8 }]), 'gguf.malformed', /rows of 8/],
    ['a type of two bits', () => ggufBytes({}, [{ ...w, dims: [256], type: 10 }]), 'gguf.dtype', /Q2_K/],
    ['a size that overflows', () => ggufBytes({}, [{ ...w, dims: [2 ** 39, 2 ** 39, 2 ** 39, 2 ** 39] }]), 'gguf.malformed', /shape/],
    ['no alignment', () => ggufBytes({ 'general.alignment': 0 }, [w]), 'gguf.malformed', /0/],
    ['a cut', () => ggufBytes({ name: 'a longer text' }, [w]).subarray(0, 50), 'gguf.malformed', /end of the file/],
  ])('is refused with %s', async (_, bytes, code, found) => {
    const path = file(bytes())
    await expect(openGguf(path)).rejects.toMatchObject({ name: 'ModelFileError', code, found: expect.stringMatching(found) })
  })

  it('is refused with numbers that are not finite, naming the tensor', async () => {
    const source = await readHuggingFace(join(fixtures, 'families/llama'))
    const weights = new Map<string, Float32Array>()
    for await (const [tensor, values] of huggingFaceWeights(join(fixtures, 'families/llama'), source)) weights.set(tensor, values)
    weights.get('model.norm.weight')![3] = NaN
    const path = file(ggufOf(source.config, weights))
    await expect(
      (async () => {
        for await (const each of ggufWeights(path)) void each
      })(),
    ).rejects.toMatchObject({ code: 'model.values', found: 'NaN at element 3' })
  })

  it('never ends in anything but its model or a coded refusal, whatever byte of it is changed', async () => {
    const source = await readHuggingFace(join(fixtures, 'families/llama'))
    const weights = new Map<string, Float32Array>()
    for await (const [tensor, values] of huggingFaceWeights(join(fixtures, 'families/llama'), source)) weights.set(tensor, values)
    const good = ggufOf(source.config, weights)
    const path = file(good)
    const header = await openGguf(path).then(async (opened) => {
      await opened.close()
      return opened.tensors[0]!.offset
    })
    const rng = createRng(8)
    let refused = 0
    for (let trial = 0; trial < 400; trial++) {
      const bytes = Buffer.from(good)
      for (let i = 0; i <= rng.int(3); i++) bytes[rng.int(header)] = rng.int(4) === 0 ? 255 : rng.int(256)
      writeFileSync(path, trial % 5 === 0 ? bytes.subarray(0, rng.int(bytes.length)) : bytes)
      try {
        await readGgufModel(path)
      } catch (error) {
        expect(error).toBeInstanceOf(ModelFileError)
        refused++
      }
    }
    expect(refused).toBeGreaterThan(200)
  }, 30_000)
})
