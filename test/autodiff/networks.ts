// Small whole networks with a scalar loss, whose gradients are compared with finite differences.

import { GraphBuilder } from '../../src-main/graph/builder.ts'
import type { Graph, Value } from '../../src-main/graph/ir.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import type { Feeds } from '../graph/ort.ts'
import { randomArray } from '../graph/random.ts'
import { ndarray } from '../graph/reference.ts'
import type { NdArray } from '../graph/reference.ts'

export interface Network {
  readonly title: string
  /** Output 'loss'. */
  readonly graph: Graph
  readonly parameters: readonly string[]
  readonly feeds: Feeds
}

function perceptron(): Network {
  const g = new GraphBuilder('mlp')
  const rng = createRng(1)
  const shapes: Record<string, number[]> = { x: [5, 4], w1: [6, 4], b1: [6], w2: [3, 6], b2: [3], target: [5, 3] }
  const v = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      g.input(name, 'float32', name === 'x' || name === 'target' ? ['N', shape[1]] : shape),
    ]),
  )
  const hidden = g.tanh(g.gemm(v.x, v.w1, v.b1, { transB: true }))
  const error = g.sub(g.gemm(hidden, v.w2, v.b2, { transB: true }), v.target)
  g.output('loss', g.reduceMean(g.mul(error, error), undefined, false))
  const feeds = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, randomArray(shape, rng)]))
  return { title: 'a two-layer perceptron', graph: g.build(), parameters: ['x', 'w1', 'b1', 'w2', 'b2'], feeds }
}

/** Embedding, RMSNorm, rotary causal attention, gated layer, and log-probabilities through the tied embedding. */
function decoderBlock(): Network {
  const [heads, size, width, inner, vocabulary, B, T] = [2, 4, 8, 6, 7, 2, 3]
  const g = new GraphBuilder('block')
  const rng = createRng(2)
  const parameters: Record<string, number[]> = {
    embedding: [vocabulary, width],
    norm1: [width],
    q: [width, width],
    k: [width, width],
    v: [width, width],
    o: [width, width],
    norm2: [width],
    gate: [inner, width],
    up: [inner, width],
    down: [width, inner],
    norm3: [width],
  }
  const p = Object.fromEntries(Object.entries(parameters).map(([name, shape]) => [name, g.input(name, 'float32', shape)]))
  const tokens = g.input('tokens', 'int64', ['B', 'T'])
  const positions = g.input('positions', 'int64', ['B', 'T'])
  const targets = g.input('targets', 'int64', ['B', 'T'])
  const weights = g.input('weights', 'float32', ['B', 'T'])
  const angles = [...randomArray([8, size / 2], rng, 0, 3).data]
  const cos = g.constant(Float32Array.from(angles, Math.cos), [8, size / 2])
  const sin = g.constant(Float32Array.from(angles, Math.sin), [8, size / 2])

  const linear = (x: Value, w: Value): Value => g.gemm(x, w, null, { transB: true })
  const norm = (x: Value, w: Value): Value => g.mul(g.mul(x, g.reciprocal(g.sqrt(g.add(g.reduceMean(g.mul(x, x), [-1]), 1e-5)))), w)
  const split = (x: Value): Value => g.transpose(g.reshape(x, ['B', 'T', heads, size]), [0, 2, 1, 3])
  const turned = (x: Value): Value => g.rotaryEmbedding(split(x), positions, cos, sin)
  const bias = g.where(g.less(g.unsqueeze(g.range(0, 'T'), [1]), g.unsqueeze(g.range(0, 'T'), [0])), -1e9, 0)

  const x = g.reshape(g.gather(p.embedding, tokens), ['B*T', width])
  const h = norm(x, p.norm1)
  const scores = g.fusedMatMul(turned(linear(h, p.q)), turned(linear(h, p.k)), { transB: true, alpha: 1 / Math.sqrt(size) })
  const attended = g.matMul(g.softmax(g.add(scores, bias)), split(linear(h, p.v)))
  const x2 = g.add(x, linear(g.reshape(g.transpose(attended, [0, 2, 1, 3]), ['B*T', width]), p.o))
  const h2 = norm(x2, p.norm2)
  const x3 = g.add(x2, linear(g.mul(g.quickGelu(linear(h2, p.gate)), linear(h2, p.up)), p.down))
  const logp = g.gatherElements(g.logSoftmax(linear(norm(x3, p.norm3), p.embedding)), g.reshape(targets, ['B*T', 1]))
  g.output('loss', g.neg(g.reduceSum(g.mul(g.reshape(logp, ['B', 'T']), weights), undefined, false)))

  const ids = (): NdArray =>
    ndarray(
      [B, T],
      Array.from({ length: B * T }, () => rng.int(vocabulary)),
    )
  const feeds: Feeds = {
    ...Object.fromEntries(Object.entries(parameters).map(([name, shape]) => [name, randomArray(shape, rng, -0.7, 0.7)])),
    tokens: ids(),
    targets: ids(),
    positions: ndarray([B, T], [0, 1, 2, 2, 3, 4]),
    weights: randomArray([B, T], rng, -1, 1),
  }
  return { title: 'a decoder block', graph: g.build(), parameters: Object.keys(parameters), feeds }
}

export const NETWORKS: readonly Network[] = [perceptron(), decoderBlock()]
