// Checks that a graph is legal: every name is declared once and before its use, every type and shape is what
// the op table derives from the inputs, every constant fills its shape, and every dimension name has a size
// at run time. Each transformation runs it on its own output, so a wrong rewrite fails here, at the node that
// is wrong, and not as a wrong number later.

import { elementsOf, sameShape, showShape, symbolsOf } from './dims.ts'
import { nodeLabel } from './ir.ts'
import type { Graph, TensorType, Value } from './ir.ts'
import { inferTypes } from './ops.ts'
import type { OpAttributes, OpName } from './opAttributes.ts'

const showType = ({ dtype, shape }: TensorType): string => `${dtype}${showShape(shape)}`

/** Throws an Error that names the failing node, input, constant or output; returns nothing when all is well. */
export function verify(graph: Graph): void {
  const values = new Map<string, Value>()
  const declare = (value: Value, by: string): void => {
    if (values.has(value.name)) throw new Error(`${by}: '${value.name}' is already declared`)
    values.set(value.name, value)
  }
  for (const input of graph.inputs) declare(input, `input '${input.name}'`)
  for (const { value, data } of graph.constants) {
    declare(value, `constant '${value.name}'`)
    if (elementsOf(value.shape) !== data.length)
      throw new Error(`constant '${value.name}': ${data.length} elements do not fill ${showShape(value.shape)}`)
  }
  // A dimension is read off an input that has it, or worked out from names that are read off inputs.
  const given = new Set(graph.inputs.flatMap((input) => input.shape))

  for (const node of graph.nodes) {
    const label = nodeLabel(node.op, node.outputs[0]?.name)
    const inputs = node.inputs.map((name) => {
      const value = name === null ? null : values.get(name)
      if (value === undefined) throw new Error(`${label}: input '${name}' is not declared before this node`)
      return value
    })
    const types = inferTypes(label, node.op as OpName, inputs, node.attributes as OpAttributes[OpName])
    if (types.length !== node.outputs.length) throw new Error(`${label}: expected ${types.length} outputs, found ${node.outputs.length}`)
    node.outputs.forEach((output, i) => {
      declare(output, label)
      if (output.dtype !== types[i].dtype || !sameShape(output.shape, types[i].shape))
        throw new Error(`${label}: '${output.name}' is declared ${showType(output)}, its inputs make it ${showType(types[i])}`)
      const unsized = output.shape
        .filter((d) => !given.has(d))
        .flatMap(symbolsOf)
        .find((name) => !given.has(name))
      if (unsized !== undefined)
        throw new Error(`${label}: no input has a dimension '${unsized}', so ${showShape(output.shape)} has no size at run time`)
    })
  }

  const names = new Set<string>()
  for (const { name, value } of graph.outputs) {
    if (!values.has(value)) throw new Error(`output '${name}': value '${value}' is not declared`)
    if (names.has(name)) throw new Error(`output '${name}' is named twice`)
    if (values.has(name) && name !== value) throw new Error(`output '${name}': that is the name of another value`)
    names.add(name)
  }
}
