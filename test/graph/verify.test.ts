// The verifier on graphs broken by hand: each is refused, and the message names the part that is wrong.

import { expect, test } from 'vitest'
import { GraphBuilder } from '../../src-main/graph/builder.ts'
import type { Graph, Node } from '../../src-main/graph/ir.ts'
import { verify } from '../../src-main/graph/verify.ts'

/** y = gemm(reshape(x), w); z = reshape(y). */
function sound(): Graph {
  const g = new GraphBuilder('sound')
  const x = g.input('x', 'float32', ['B', 'T', 4])
  const w = g.constant(new Float32Array(8), [4, 2], 'w')
  g.output('z', g.reshape(g.gemm(g.reshape(x, ['B*T', 4]), w), ['B', 'T', 2]))
  return g.build()
}

const changeNode =
  (at: number, change: (node: Node) => object) =>
  (graph: Graph): Graph => ({ ...graph, nodes: graph.nodes.map((node, i) => (i === at ? ({ ...node, ...change(node) } as Node) : node)) })

test('a graph made by the builder is legal', () => {
  expect(() => verify(sound())).not.toThrow()
})

const broken: readonly [string, (graph: Graph) => Graph, string][] = [
  [
    'a node before its input',
    (graph) => ({ ...graph, nodes: graph.nodes.toReversed() }),
    "Reshape 'Reshape_2': input 'Gemm_1' is not declared before this node",
  ],
  ['an input nobody makes', changeNode(1, () => ({ inputs: ['Reshape_0', 'nothing'] })), "Gemm 'Gemm_1': input 'nothing' is not declared"],
  [
    'a wrong shape',
    changeNode(1, (node) => ({ outputs: [{ ...node.outputs[0], shape: ['B*T', 4] }] })),
    "Gemm 'Gemm_1': 'Gemm_1' is declared float32[B*T,4], its inputs make it float32[B*T,2]",
  ],
  [
    'a wrong dtype',
    changeNode(0, (node) => ({ outputs: [{ ...node.outputs[0], dtype: 'int64' }] })),
    "Reshape 'Reshape_0': 'Reshape_0' is declared int64[B*T,4]",
  ],
  [
    'a changed attribute',
    changeNode(1, (node) => ({ attributes: { ...node.attributes, transB: true } })),
    "Gemm 'Gemm_1': expected equal inner dimensions, found 4 and 2",
  ],
  ['a missing input', changeNode(1, () => ({ inputs: ['Reshape_0'] })), "Gemm 'Gemm_1': expected 2 to 3 inputs, found 1"],
  ['a needed input left out', changeNode(1, () => ({ inputs: ['Reshape_0', null] })), "Gemm 'Gemm_1': expected input 1, found none"],
  [
    'too many outputs',
    changeNode(2, (node) => ({ outputs: [...node.outputs, { ...node.outputs[0], name: 'more' }] })),
    "Reshape 'Reshape_2': expected 1 outputs, found 2",
  ],
  ['a name made twice', changeNode(1, (node) => ({ outputs: [{ ...node.outputs[0], name: 'x' }] })), "Gemm 'x': 'x' is already declared"],
  [
    'a constant that is not full',
    (graph) => ({ ...graph, constants: [{ ...graph.constants[0], data: new Float32Array(7) }] }),
    "constant 'w': 7 elements do not fill [4,2]",
  ],
  [
    'a size no input has',
    (graph) => ({ ...graph, inputs: [{ ...graph.inputs[0], shape: ['B*T', 1, 4] }] }),
    "Reshape 'Reshape_2': no input has a dimension 'B'",
  ],
  [
    'an output of nothing',
    (graph) => ({ ...graph, outputs: [{ name: 'z', value: 'nothing' }] }),
    "output 'z': value 'nothing' is not declared",
  ],
  ['two outputs of one name', (graph) => ({ ...graph, outputs: [...graph.outputs, ...graph.outputs] }), "output 'z' is named twice"],
  [
    'an output that takes an input’s name',
    (graph) => ({ ...graph, outputs: [{ name: 'x', value: 'Gemm_1' }] }),
    "output 'x': that is the name of another value",
  ],
]

test.each(broken)('%s is refused by name', (_, breakIt, message) => {
  expect(() => verify(breakIt(sound()))).toThrow(message)
})
