// The backward walk as a whole: networks against finite differences, what is written and what is not, ties and
// bounds where a derivative is a choice, and each refusal once.

import { describe, expect, test } from 'vitest'
import { gradientName, gradients } from '../../src-main/autodiff/gradients.ts'
import { RULES, WITHOUT_GRADIENT } from '../../src-main/autodiff/rules.ts'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import type { Shape } from '../../src-main/graph/dims.ts'
import type { Graph, Value } from '../../src-main/graph/ir.ts'
import { OPS } from '../../src-main/graph/ops.ts'
import { print } from '../../src-main/graph/print.ts'
import { createRng } from '../../src-main/numeric/rng.ts'
import { runOnCpu } from '../graph/ort.ts'
import type { Feeds } from '../graph/ort.ts'
import { randomArray } from '../graph/random.ts'
import { interpret, ndarray } from '../graph/reference.ts'
import type { NdArray } from '../graph/reference.ts'
import { differences, distance } from './differences.ts'

const total = (g: GraphBuilder, x: Value): Value => g.reduceSum(x, undefined, false)

/** loss = f(x) for one input; its gradient by the interpreter. */
function slopeOf(x: NdArray, f: (g: GraphBuilder, x: Value) => Value): number[] {
  const g = new GraphBuilder('slope')
  g.output('loss', total(g, f(g, g.input('x', 'float32', x.shape))))
  return [...interpret(gradients(g.build(), 'loss', ['x']), { x })['grad/x'].data]
}

const opsOf = (graph: Graph): string[] => graph.nodes.map((node) => node.op)

async function expectGradients(forward: Graph, parameters: readonly string[], feeds: Feeds): Promise<void> {
  const full = gradients(forward, 'loss', parameters)
  const [reference, onCpu] = [interpret(full, feeds), await runOnCpu(full, feeds)]
  for (const parameter of parameters) {
    const slope = differences(forward, feeds, 'loss', parameter)
    const name = gradientName(parameter)
    expect(distance(reference[name], slope), `${name} in float64`).toBeLessThan(1e-7)
    expect(distance(onCpu[name], slope), `${name} on the CPU provider`).toBeLessThan(1e-5)
  }
}

test('every op has a gradient rule or a reason to have none, never both', () => {
  expect([...Object.keys(RULES), ...Object.keys(WITHOUT_GRADIENT)].toSorted()).toEqual(Object.keys(OPS).toSorted())
})

describe('networks', () => {
  test('a two-layer perceptron: every gradient equals finite differences', async () => {
    const g = new GraphBuilder('mlp')
    const rng = createRng(1)
    const shapes: Record<string, number[]> = { x: [5, 4], w1: [6, 4], b1: [6], w2: [3, 6], b2: [3], target: [5, 3] }
    const v = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, g.input(name, 'float32', name === 'x' || name === 'target' ? ['N', shape[1]] : shape)]))
    const hidden = g.tanh(g.gemm(v.x, v.w1, v.b1, { transB: true }))
    const error = g.sub(g.gemm(hidden, v.w2, v.b2, { transB: true }), v.target)
    g.output('loss', g.reduceMean(g.mul(error, error), undefined, false))
    const feeds = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, randomArray(shape, rng)]))
    await expectGradients(g.build(), ['x', 'w1', 'b1', 'w2', 'b2'], feeds)
  })

  test('a decoder block with tied embedding, RMSNorm, rotary attention and a gated layer: every gradient equals finite differences', async () => {
    const [heads, size, width, inner, vocabulary, B, T] = [2, 4, 8, 6, 7, 2, 3]
    const g = new GraphBuilder('block')
    const rng = createRng(2)
    const parameters: Record<string, number[]> = {
      embedding: [vocabulary, width], norm1: [width], q: [width, width], k: [width, width], v: [width, width], o: [width, width],
      norm2: [width], gate: [inner, width], up: [inner, width], down: [width, inner], norm3: [width],
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
    g.output('loss', g.neg(total(g, g.mul(g.reshape(logp, ['B', 'T']), weights))))

    const ids = (): NdArray => ndarray([B, T], Array.from({ length: B * T }, () => rng.int(vocabulary)))
    const feeds: Feeds = {
      ...Object.fromEntries(Object.entries(parameters).map(([name, shape]) => [name, randomArray(shape, rng, -0.7, 0.7)])),
      tokens: ids(), targets: ids(), positions: ndarray([B, T], [0, 1, 2, 2, 3, 4]), weights: randomArray([B, T], rng, -1, 1),
    }
    await expectGradients(g.build(), Object.keys(parameters), feeds)
  })

  test('the gradient of an embedding loses no row when thousands of tokens share it', async () => {
    const [tokens, width, rows] = [8192, 256, 3]
    const g = new GraphBuilder('embedding')
    const table = g.input('table', 'float32', [rows, width])
    g.output('loss', total(g, g.gather(table, g.input('at', 'int64', ['N']))))
    const at = ndarray([tokens], Array.from({ length: tokens }, (_, i) => i % rows))
    const full = gradients(g.build(), 'loss', ['table'])
    const found = (await runOnCpu(full, { table: ndarray([rows, width], new Float64Array(rows * width)), at }))['grad/table']
    const uses = [2731, 2731, 2730]
    expect(found.data.every((sum, i) => sum === uses[Math.floor(i / width)])).toBe(true)
  })
})

describe('what is written', () => {
  test('the backward of a linear layer is two Gemms and a column sum, without a transpose', () => {
    const g = new GraphBuilder('linear')
    const [x, w, b] = [g.input('x', 'float32', ['N', 4]), g.input('w', 'float32', [3, 4]), g.input('b', 'float32', [3])]
    const y = g.gemm(x, w, b, { transB: true })
    g.output('loss', total(g, g.mul(y, y)))
    const full = gradients(g.build(), 'loss', ['x', 'w', 'b'])
    expect(opsOf(full)).toEqual(['Gemm', 'Mul', 'ReduceSum', 'Reshape', 'Mul', 'Add', 'Gemm', 'Gemm', 'ReduceSum'])
  })

  test('the gradient of a sum stays one number until an element needs it', () => {
    const g = new GraphBuilder('mean')
    const x = g.input('x', 'float32', ['N', 4])
    g.output('loss', g.mul(total(g, g.exp(x)), 0.5))
    expect(print(gradients(g.build(), 'loss', ['x']))).toBe(`graph mean
  input x float32[N,4]
  constant Constant_2 float32[] {0.5}
  constant Constant_5 float32[] {1}
  Exp_0 float32[N,4] = Exp(x)
  ReduceSum_1 float32[] = ReduceSum(Exp_0, axes=[0,1], keepdims=false)
  Mul_3 float32[] = Mul(ReduceSum_1, Constant_2)
  Mul_6 float32[] = Mul(Constant_5, Constant_2)
  Reshape_8 float32[1,1] = Reshape(Mul_6, shape=[1,1])
  Mul_9 float32[N,4] = Mul(Reshape_8, Exp_0)
  output loss = Mul_3
  output grad/x = Mul_9
`)
  })

  test('only what leads to a requested target is differentiated', () => {
    const g = new GraphBuilder('path')
    const [x, w] = [g.input('x', 'float32', [2]), g.input('w', 'float32', [2])]
    g.output('loss', total(g, g.mul(g.tanh(x), w)))
    const forward = g.build()
    expect(opsOf(gradients(forward, 'loss', ['w'])).slice(forward.nodes.length)).toEqual(['Reshape', 'Mul'])
  })

  test.each<[string, Shape, readonly string[]]>([
    ['a row', [4], ['ReduceSum']],
    ['a column', ['T', 1], ['ReduceSum']],
    ['a leading axis', ['B', 1, 1], ['ReduceSum']],
    ['a scalar', [], ['ReduceSum']],
    ['ones', [1, 1, 1], ['ReduceSum']],
    ['the full shape', ['B', 'T', 4], []],
  ])('broadcasting %s is undone by one sum and no expansion', (_, shape, sums) => {
    const g = new GraphBuilder('broadcast')
    const [x, small] = [g.input('x', 'float32', ['B', 'T', 4]), g.input('small', 'float32', shape)]
    g.output('loss', total(g, g.exp(g.add(x, small))))
    const full = gradients(g.build(), 'loss', ['small'])
    const backward = opsOf(full).slice(3).filter((op) => op !== 'Reshape')
    expect(backward).toEqual(['Mul', ...sums])
    expect(full.nodes.at(-1)!.outputs[0].shape).toEqual(shape)
  })

  test('equal gradients of many copies are multiplied by their number, not summed', () => {
    const g = new GraphBuilder('copies')
    const [x, row] = [g.input('x', 'float32', ['N', 3]), g.input('row', 'float32', [3])]
    g.output('loss', total(g, g.add(x, row)))
    const full = gradients(g.build(), 'loss', ['row'])
    expect(opsOf(full).slice(2)).not.toContain('ReduceSum')
    const feeds = { x: ndarray([5, 3], new Float64Array(15)), row: ndarray([3], [0, 0, 0]) }
    expect([...interpret(full, feeds)['grad/row'].data]).toEqual([5, 5, 5])
  })

  test('the gradients come as further outputs of the same graph, in their targets’ shapes', () => {
    const g = new GraphBuilder('outputs')
    const x = g.input('x', 'float32', ['N', 2])
    const inner = g.exp(x)
    g.output('loss', total(g, inner))
    const full = gradients(g.build(), 'loss', ['x', inner.name])
    expect(full.outputs.map((output) => output.name)).toEqual(['loss', 'grad/x', `grad/${inner.name}`])
    const found = interpret(full, { x: ndarray([1, 2], [0, 1]) })
    expect([...found['grad/x'].data]).toEqual([1, Math.E])
    expect(found[`grad/${inner.name}`]).toEqual(ndarray([1, 2], [1, 1]))
  })
})

describe('where a derivative is a choice', () => {
  const three = ndarray([3], [-1, 0, 2])

  test('stopGradient takes its argument for a constant', () => {
    expect(slopeOf(three, (g, x) => g.mul(g.stopGradient(x), x))).toEqual([-1, 0, 2])
  })

  test('at a tie of min or max the first argument has the gradient', () => {
    expect(slopeOf(three, (g, x) => g.max(g.mul(x, 3), x))).toEqual([1, 3, 3])
    expect(slopeOf(three, (g, x) => g.min(g.mul(x, 3), x))).toEqual([3, 3, 1])
  })

  test('elements that tie for the largest share its gradient equally', () => {
    expect(slopeOf(ndarray([4], [2, 5, 5, 1]), (g, x) => g.reduceMax(x))).toEqual([0, 0.5, 0.5, 0])
  })

  test('clipping passes the gradient at its bounds and stops it beyond', () => {
    expect(slopeOf(ndarray([4], [-2, -1, 1, 2]), (g, x) => g.clip(x, -1, 1))).toEqual([0, 1, 1, 0])
  })

  test('abs and relu are flat at zero', () => {
    expect(slopeOf(three, (g, x) => g.abs(x))).toEqual([-1, 0, 1])
    expect(slopeOf(three, (g, x) => g.relu(x))).toEqual([0, 0, 1])
  })

  test('a branch not chosen passes nothing', () => {
    expect(slopeOf(three, (g, x) => g.where(g.greater(x, 0), g.mul(x, 5), 7))).toEqual([0, 0, 5])
  })
})

describe('refusals name what is wrong', () => {
  function graph(): Graph {
    const g = new GraphBuilder('refused')
    const [x, scale, unused] = [g.input('x', 'float32', [2, 4]), g.input('scale', 'float32', [4]), g.input('unused', 'float32', [4])]
    g.output('loss', total(g, g.simplifiedLayerNormalization(x, scale, 1e-5)))
    g.output('rounded', total(g, g.cast(g.cast(x, 'int64'), 'float32')))
    g.output('rows', g.add(x, unused))
    g.output('whole', g.reduceSum(g.cast(x, 'int64'), undefined, false))
    return g.build()
  }

  test.each([
    ['nothing', 'x', "the graph has no output 'nothing'; it has loss, rounded, rows, whole"],
    ['rows', 'x', "the loss must be a scalar, 'rows' is [2,4]"],
    ['whole', 'x', "only float32 values have gradients, 'ReduceSum_6' is int64"],
    ['rounded', 'x', "'rounded' does not depend on 'x'"],
    ['loss', 'unused', "'loss' does not depend on 'unused'"],
    ['loss', 'elsewhere', "graph 'refused' has no value 'elsewhere'"],
    ['loss', 'x', "SimplifiedLayerNormalization 'SimplifiedLayerNormalization_0' has no gradient: its saved inverse deviation is wrong on WebGPU"],
  ])('d %s / d %s', (loss, target, message) => {
    expect(() => gradients(graph(), loss, [target])).toThrow(message)
  })
})
