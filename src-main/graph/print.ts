// A graph as text for people: one line per input, constant, node and output, in execution order.
// Made for reading, comparing and snapshots; onnx.ts writes the form that is executed.

import { showShape } from './dims.ts'
import type { Constant, Graph, Node, TensorType } from './ir.ts'

const showType = ({ dtype, shape }: TensorType): string => `${dtype}${showShape(shape)}`

const MOST_ELEMENTS = 8

function showData({ data }: Constant): string {
  const shown = Array.from(data.subarray(0, MOST_ELEMENTS), String).join(', ')
  return data.length > MOST_ELEMENTS ? `{${shown}, ... ${data.length} in all}` : `{${shown}}`
}

function showNode(node: Node): string {
  const made = node.outputs.map((output) => `${output.name} ${showType(output)}`).join(', ')
  const attributes = Object.entries(node.attributes).map(([name, value]) => `, ${name}=${Array.isArray(value) ? showShape(value) : value}`)
  return `${made} = ${node.op}(${node.inputs.map((name) => name ?? '-').join(', ')}${attributes.join('')})`.replace('(, ', '(')
}

/** The graph as readable text, ending in a newline. */
export function print(graph: Graph): string {
  const lines = [
    `graph ${graph.name}`,
    ...graph.inputs.map((input) => `  input ${input.name} ${showType(input)}`),
    ...graph.constants.map((constant) => `  constant ${constant.value.name} ${showType(constant.value)} ${showData(constant)}`),
    ...graph.nodes.map((node) => `  ${showNode(node)}`),
    ...graph.outputs.map((output) => `  output ${output.name} = ${output.value}`),
  ]
  return lines.join('\n') + '\n'
}
