// Reverse-mode differentiation of a graph into a graph: one walk from the loss back to the targets, applying
// the rule of each node on the way (rules.ts) and adding up what reaches each value. Forward and backward
// come out as one graph of ordinary ops. Leaves out gradients of gradients and losses that are not scalars.
// The shape of the walk follows M. Johnson's Autodidact and tinygrad's gradient.py.
//
// Between nodes a gradient may be held in any shape that broadcasts to the shape of its value, so that the
// gradient of a sum is not copied into every element. Elementwise rules work on that directly; before any
// other rule, and for the targets, it is expanded.

import { GraphBuilder } from '../graph/builder.ts'
import { showShape } from '../graph/dims.ts'
import type { Dim } from '../graph/dims.ts'
import { nodeLabel } from '../graph/ir.ts'
import type { Graph, Node, Value } from '../graph/ir.ts'
import { OPS } from '../graph/ops.ts'
import { RULES, WITHOUT_GRADIENT, elementCount } from './rules.ts'
import type { Rule } from './rules.ts'

/** The name of the output that holds the gradient of a value. */
export function gradientName(target: string): string {
  return `grad/${target}`
}

/**
 * The graph with one more output `grad/<target>` per target: d loss / d target, in the target's shape.
 * `loss` names a float32 output of rank 0; targets name float32 values, inputs or inner ones. Throws when the
 * loss does not depend on a target, or depends on it through an op that is forward only.
 */
export function gradients(graph: Graph, loss: string, targets: readonly string[]): Graph {
  const to = GraphBuilder.from(graph)
  const lossValue = lossOf(graph, loss, to)
  const active = dependsOn(
    graph,
    targets.map((name) => floatValue(to, name)),
  )
  const grads = new Map<string, Value>([[lossValue.name, to.scalar(1)]])

  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => active.has(output.name) && grads.has(output.name))) continue
    const inputs = node.inputs.map((name) => (name === null ? null : to.value(name)))
    const given = inputs as readonly Value[]
    const own = node.outputs.map((output) => fitting(to, node, grads.get(output.name) ?? null, output))
    ruleOf(node)(own[0]!, { to, inputs: given, outputs: node.outputs, attributes: node.attributes as never, grads: own }).forEach(
      (grad, i) => {
        const input = inputs[i]
        if (!grad || !input || !active.has(input.name)) return
        const part = sumTo(to, grad, input, OPS[node.op].elementwise ? node.outputs[0] : grad)
        const sum = grads.get(input.name)
        grads.set(input.name, sum ? to.add(sum, part) : part)
      },
    )
  }

  for (const name of targets) {
    const grad = grads.get(name)
    if (!grad) throw new Error(`gradients: '${loss}' does not depend on '${name}'`)
    to.output(gradientName(name), to.expand(grad, to.value(name).shape))
  }
  return to.build()
}

function floatValue(to: GraphBuilder, name: string): Value {
  const value = to.value(name)
  if (value.dtype !== 'float32') throw new Error(`gradients: only float32 values have gradients, '${name}' is ${value.dtype}`)
  return value
}

function lossOf(graph: Graph, loss: string, to: GraphBuilder): Value {
  const output = graph.outputs.find(({ name }) => name === loss)
  if (!output) throw new Error(`gradients: the graph has no output '${loss}'; it has ${graph.outputs.map(({ name }) => name).join(', ')}`)
  const value = floatValue(to, output.value)
  if (value.shape.length > 0) throw new Error(`gradients: the loss must be a scalar, '${loss}' is ${showShape(value.shape)}`)
  return value
}

const gradientless = (node: Node): { readonly kind: 'none' | 'forward'; readonly reason: string } | undefined =>
  (WITHOUT_GRADIENT as Readonly<Record<string, { readonly kind: 'none' | 'forward'; readonly reason: string }>>)[node.op]

/** Names of the values through which a gradient can reach one of the targets, the targets included. */
function dependsOn(graph: Graph, targets: readonly Value[]): ReadonlySet<string> {
  const active = new Set(targets.map((target) => target.name))
  for (const node of graph.nodes) {
    if (gradientless(node)?.kind === 'none' || !node.inputs.some((name) => name !== null && active.has(name))) continue
    for (const output of node.outputs) if (output.dtype === 'float32') active.add(output.name)
  }
  return active
}

function ruleOf(node: Node): Rule<never> {
  const without = gradientless(node)
  if (without) throw new Error(`${nodeLabel(node.op, node.outputs[0].name)} has no gradient: ${without.reason}`)
  return RULES[node.op as keyof typeof RULES] as Rule<never>
}

/** An output's gradient in the form the node's rule takes: as held for elementwise ops, else in full. */
function fitting(to: GraphBuilder, node: Node, grad: Value | null, output: Value): Value | null {
  return grad === null || OPS[node.op].elementwise ? grad : to.expand(grad, output.shape)
}

/**
 * Un-broadcasting: the gradient of an input that was broadcast to the shape of `produced` is the sum over its
 * copies. Where the gradient is held once for many equal copies, that sum is a multiplication.
 */
function sumTo(to: GraphBuilder, grad: Value, input: Value, produced: Value): Value {
  const rank = Math.max(produced.shape.length, input.shape.length)
  const sizeAt = (x: Value, axis: number): Dim => x.shape[axis - rank + x.shape.length] ?? 1
  const copied = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => sizeAt(input, axis) === 1 && sizeAt(produced, axis) !== 1)
  const summed = copied.filter((axis) => sizeAt(grad, axis) !== 1)
  const equal = copied.filter((axis) => sizeAt(grad, axis) === 1)
  const scaled =
    equal.length === 0
      ? grad
      : to.mul(
          grad,
          elementCount(
            to,
            produced,
            equal.map((axis) => axis - rank + produced.shape.length),
          ),
        )
  const leading = summed.every((axis) => axis < rank - input.shape.length)
  const sum =
    summed.length === 0
      ? scaled
      : to.reduceSum(
          scaled,
          summed.map((axis) => axis - rank + grad.shape.length),
          !leading,
        )
  return to.reshape(sum, sum.shape.slice(Math.max(0, sum.shape.length - input.shape.length)))
}
