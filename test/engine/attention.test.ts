// Attention over the cache as the native module does it on the processor: what the runtime's own operator means, for a token, a prompt and whatever
// lies between, and the same bits wherever a row stands.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openEngine, type Engine } from '../../src-main/engine/engine.ts'
import type { Device } from '../../src-main/engine/providers.ts'
import { tensor, type Tensor } from '../../src-main/engine/tensor.ts'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import type { Graph } from '../../src-main/graph/ir.ts'
import { toOnnx } from '../../src-main/graph/onnx.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { openDecoder } from '../../src-main/rollout/openDecoder.ts'
import { interpret, ndarray, type NdArray } from '../graph/reference.ts'
import { refuses } from './failing.ts'
import { LLAMA } from './models.ts'

let engine: Engine
beforeAll(() => {
  engine = openEngine()
})
afterAll(() => engine.dispose())

interface Shape {
  readonly heads: number
  readonly kvHeads: number
  readonly size: number
  readonly capacity: number
}
type Feeds = Readonly<Record<string, NdArray>>

function attentionGraph({ heads, kvHeads, size, capacity }: Shape): Graph {
  const g = new GraphBuilder('attention')
  const past = ['B', kvHeads, capacity, size]
  const { output, presentKey, presentValue } = g.groupQueryAttention(
    {
      query: g.input('query', 'float32', ['B', 'S', heads * size]),
      key: g.input('key', 'float32', ['B', 'S', kvHeads * size]),
      value: g.input('value', 'float32', ['B', 'S', kvHeads * size]),
      pastKey: g.input('pastKey', 'float32', past),
      pastValue: g.input('pastValue', 'float32', past),
      seqlensK: g.input('last', 'int32', ['B']),
      totalSequenceLength: g.input('total', 'int32', []),
      cosCache: g.input('cosines', 'float32', [capacity, size / 2]),
      sinCache: g.input('sines', 'float32', [capacity, size / 2]),
    },
    { numHeads: heads, kvNumHeads: kvHeads },
  )
  g.output('out', output)
  g.output('keys', presentKey)
  g.output('values', presentValue)
  return g.build()
}

/** Rows of `width` new tokens whose last one lies at the given positions; what is cached before them is random, and nothing is behind. */
function feedsOf({ heads, kvHeads, size, capacity }: Shape, width: number, last: readonly number[], seed = 1): Feeds {
  const rng = createRng(seed)
  const random = (...shape: number[]): NdArray =>
    ndarray(
      shape,
      Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => rng.gaussian()),
    )
  const cached = (): NdArray => {
    const { shape, data } = random(last.length, kvHeads, capacity, size)
    return ndarray(
      shape,
      data.map((value, at) => {
        const [row, position] = [Math.floor(at / (kvHeads * capacity * size)), Math.floor(at / size) % capacity]
        return position > last[row]! - width ? 0 : value
      }),
    )
  }
  const angle = (at: number): number => Math.floor(at / (size / 2)) * 1000 ** (-(at % (size / 2)) / (size / 2))
  const angles = (of: (angle: number) => number): NdArray =>
    ndarray(
      [capacity, size / 2],
      Float32Array.from({ length: (capacity * size) / 2 }, (_, at) => of(angle(at))),
    )
  return {
    query: random(last.length, width, heads * size),
    key: random(last.length, width, kvHeads * size),
    value: random(last.length, width, kvHeads * size),
    pastKey: cached(),
    pastValue: cached(),
    last: ndarray([last.length], last),
    total: ndarray([], [Math.max(...last) + 1]),
    cosines: angles(Math.cos),
    sines: angles(Math.sin),
  }
}

async function runOwn(shape: Shape, feeds: Feeds, own = true): Promise<Readonly<Record<string, Float32Array>>> {
  const session = await engine.createSession(toOnnx(attentionGraph(shape), undefined, own))
  const given = Object.fromEntries(
    Object.entries(feeds).map(([name, { shape: dims, data }]): [string, Tensor] => [
      name,
      name === 'last' || name === 'total'
        ? tensor.int32(Int32Array.from(data), [...dims])
        : tensor.float32(Float32Array.from(data), [...dims]),
    ]),
  )
  const found = await session.run(given, ['out', 'keys', 'values'])
  session.dispose()
  return Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, data as Float32Array]))
}

const furthest = (one: ArrayLike<number>, other: ArrayLike<number>): number =>
  Array.from(one).reduce((most, value, at) => Math.max(most, Math.abs(value - other[at]!)), one.length === other.length ? 0 : Infinity)
/** Rows of a tensor whose first axis is rows. */
const rowOf = (values: Float32Array, rows: number, row: number): Float32Array =>
  values.slice((row * values.length) / rows, ((row + 1) * values.length) / rows)

const SMALL: Shape = { heads: 4, kvHeads: 2, size: 16, capacity: 160 }

describe('attention over the cache', () => {
  it.each([
    ['one row, its first token', SMALL, 1, [0]],
    ['one row behind a few tiles of keys', SMALL, 1, [150]],
    ['rows of different lengths, at the borders of a tile', SMALL, 1, [0, 62, 63, 64, 65, 127, 128, 159]],
    ['many rows', SMALL, 1, Array.from({ length: 20 }, (_, row) => 7 * row)],
    ['a head of keys for each of queries', { ...SMALL, kvHeads: 4 }, 1, [5, 90]],
    ['one head of keys for all', { ...SMALL, heads: 3, kvHeads: 1 }, 1, [5, 90]],
    ['wide heads', { heads: 2, kvHeads: 1, size: 80, capacity: 70 }, 1, [3, 69]],
    ['a few tokens behind others', SMALL, 3, [2, 80]],
    ['a prompt from nothing', SMALL, 40, [39]],
    ['a prompt behind another, in two rows', SMALL, 33, [32, 120]],
    ['one head and so many tokens that keys are laid out anew', { heads: 1, kvHeads: 1, size: 32, capacity: 100 }, 17, [16, 99]],
  ] as [string, Shape, number, number[]][])('is what the formula says: %s', async (_, shape, width, last) => {
    const feeds = feedsOf(shape, width, last)
    const found = await runOwn(shape, feeds)
    const expected = interpret(attentionGraph(shape), feeds)
    expect(furthest(found.out!, expected.out!.data)).toBeLessThan(2e-6)
    expect(furthest(found.keys!, expected.keys!.data)).toBeLessThan(1e-6)
    expect(furthest(found.values!, expected.values!.data)).toBeLessThan(1e-6)
  })

  it('is that of the runtime, which stands where there is no module of ours', async () => {
    const feeds = feedsOf(SMALL, 1, [3, 77, 159])
    const [own, theirs] = [await runOwn(SMALL, feeds), await runOwn(SMALL, feeds, false)]
    expect(furthest(own.out!, theirs.out!)).toBeLessThan(2e-6)
    expect(furthest(own.keys!, theirs.keys!)).toBeLessThan(1e-6)
  })

  it('has the same bits for a row alone and among others, however the work was shared', async () => {
    const last = Array.from({ length: 24 }, (_, row) => 6 * row + 8)
    // Of 9 tokens two heads make 18 queries, which together are worked on in another way than 9.
    for (const width of [1, 5, 9]) {
      const feeds = feedsOf(SMALL, width, last)
      const together = await runOwn(SMALL, feeds)
      for (const row of [0, 9, 23]) {
        const only = (values: NdArray): NdArray =>
          ndarray([1, ...values.shape.slice(1)], rowOf(Float32Array.from(values.data), last.length, row))
        const alone = await runOwn(
          SMALL,
          Object.fromEntries(
            Object.entries(feeds).map(([name, values]) => [name, values.shape[0] === last.length ? only(values) : values]),
          ),
        )
        expect([...alone.out!]).toEqual([...rowOf(together.out!, last.length, row)])
      }
    }
  })

  it('keeps its precision where one key takes nearly all and others nothing', async () => {
    const feeds = feedsOf(SMALL, 1, [100])
    const sharp = {
      ...feeds,
      query: ndarray(
        feeds.query!.shape,
        feeds.query!.data.map((value) => Math.fround(60 * value)),
      ),
    }
    const found = await runOwn(SMALL, sharp)
    expect(furthest(found.out!, interpret(attentionGraph(SMALL), sharp).out!.data)).toBeLessThan(1e-4)
  })

  it('refuses a row that ends behind the last position, or before its own tokens', async () => {
    const feeds = feedsOf(SMALL, 4, [50])
    for (const last of [160, 2]) await refuses('runtime', () => runOwn(SMALL, { ...feeds, last: ndarray([1], [last]) }))
  })
})

it('a decoder has it on the processor, and the operator of the runtime on another device', async () => {
  const own = async (device?: Device): Promise<boolean> => {
    let model = new Uint8Array(0)
    const engine = { fixedFile: 'lib', createDecoder: async ({ onnx }: { onnx: Uint8Array<ArrayBuffer> }) => void (model = onnx) }
    await openDecoder(engine as never, LLAMA, {} as never, { rows: 1, maxLength: 8, ...(device && { device }) })
    return Buffer.from(model).toString('latin1').includes('CachedAttention')
  }
  expect(await Promise.all([own(), own('cpu'), own('webgpu'), own('cuda')])).toEqual([true, true, false, false])
})
