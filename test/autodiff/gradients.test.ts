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
import { runOnCpu, runOnWebgpu } from '../graph/ort.ts'
import { interpret, ndarray } from '../graph/reference.ts'
import type { NdArray } from '../graph/reference.ts'
import { differences, distance } from './differences.ts'
import { NETWORKS } from './networks.ts'

const total = (g: GraphBuilder, x: Value): Value => g.reduceSum(x, undefined, false)

/** loss = f(x) for one input; its gradient by the interpreter. */
function slopeOf(x: NdArray, f: (g: GraphBuilder, x: Value) => Value): number[] {
  const g = new GraphBuilder('slope')
  g.output('loss', total(g, f(g, g.input('x', 'float32', x.shape))))
  return [...interpret(gradients(g.build(), 'loss', ['x']), { x })['grad/x'].data]
}

const opsOf = (graph: Graph): string[] => graph.nodes.map((node) => node.op)

test('every op has a gradient rule or a reason to have none, never both', () => {
  expect([...Object.keys(RULES), ...Object.keys(WITHOUT_GRADIENT)].toSorted()).toEqual(Object.keys(OPS).toSorted())
})

describe('networks', () => {
  test.each(NETWORKS)('$title: every gradient equals finite differences', async ({ graph, parameters, feeds }) => {
    const full = gradients(graph, 'loss', parameters)
    const [reference, onCpu] = [interpret(full, feeds), await runOnCpu(full, feeds)]
    for (const parameter of parameters) {
      const slope = differences(graph, feeds, 'loss', parameter)
      const name = gradientName(parameter)
      expect(distance(reference[name], slope), `${name} in float64`).toBeLessThan(1e-7)
      expect(distance(onCpu[name], slope), `${name} on the CPU provider`).toBeLessThan(1e-5)
    }
  })

  test('on WebGPU the same networks have the same gradients', async () => {
    const jobs = NETWORKS.map(({ graph, parameters, feeds }) => ({ graph: gradients(graph, 'loss', parameters), feeds }))
    const found = await runOnWebgpu(jobs)
    jobs.forEach(({ graph, feeds }, i) => {
      const expected = interpret(graph, feeds)
      for (const name of Object.keys(expected))
        expect(distance(found[i][name], expected[name]), `${NETWORKS[i].title}: ${name}`).toBeLessThan(1e-4)
    })
  })

  describe('the gradient of an embedding loses no row when thousands of tokens share it', () => {
    const [tokens, width, rows] = [8192, 64, 3]
    const g = new GraphBuilder('embedding')
    g.output('loss', total(g, g.gather(g.input('table', 'float32', [rows, width]), g.input('at', 'int64', ['N']))))
    const graph = gradients(g.build(), 'loss', ['table'])
    const feeds = {
      table: ndarray([rows, width], new Float64Array(rows * width)),
      at: ndarray(
        [tokens],
        Array.from({ length: tokens }, (_, i) => i % rows),
      ),
    }

    test.each<[string, () => Promise<Record<string, NdArray>>]>([
      ['CPU', () => runOnCpu(graph, feeds)],
      ['WebGPU', async () => (await runOnWebgpu([{ graph, feeds }]))[0]],
    ])('on %s', async (_, run) => {
      const uses = [2731, 2731, 2730]
      expect((await run())['grad/table'].data.every((sum, i) => sum === uses[Math.floor(i / width)])).toBe(true)
    })
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
    const backward = opsOf(full)
      .slice(3)
      .filter((op) => op !== 'Reshape')
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
    [
      'loss',
      'x',
      "SimplifiedLayerNormalization 'SimplifiedLayerNormalization_0' has no gradient: its saved inverse deviation is wrong on WebGPU",
    ],
  ])('d %s / d %s', (loss, target, message) => {
    expect(() => gradients(graph(), loss, [target])).toThrow(message)
  })
})
