// A graph with its gradients, cut in two at the edge between forward and backward: one graph that computes what the gradient of its output
// needs, and one that takes it from there. Which values cross is the cheapest set, a minimum cut through the forward graph: a value crosses
// where it is smaller than what it can be computed from again, and work that is dear is never done twice. As in "min-cut
// rematerialization" (Chen et al. 2016 for the idea; He and Yu, functorch, for the cut).
import { GraphBuilder } from '../graph/builder.ts'
import { evaluateDim } from '../graph/dims.ts'
import { valuesOf } from '../graph/ir.ts'
import type { Graph, Node, Value } from '../graph/ir.ts'
import type { OpName } from '../graph/opAttributes.ts'

export interface Split {
  /** The outputs that do not depend on the seed, and one more per kept value, under the value's own name. */
  readonly forward: Graph
  /** The outputs that depend on the seed; its inputs are those of the whole that it needs, and the kept values. */
  readonly backward: Graph
  readonly kept: readonly Value[]
}

/** Bytes of a value for given sizes of the dimension names. */
export function bytesOf(value: Value, sizes: Readonly<Record<string, number>>): number {
  const elements = value.shape.reduce<number>((product, d) => product * evaluateDim(d, sizes), 1)
  return elements * { float32: 4, float16: 2, bfloat16: 2, int32: 4, int64: 8, bool: 1, uint8: 1, uint4: 0.5 }[value.dtype]
}

/**
 * @param seed the input through which the gradient enters: what depends on it is the backward part
 * @param dear operators that are not computed twice
 * @param sizes of the dimension names, for which the cut is the smallest
 */
export function splitAtGradient(graph: Graph, seed: string, dear: ReadonlySet<OpName>, sizes: Readonly<Record<string, number>>): Split {
  const values = valuesOf(graph)
  const late = new Set([seed])
  for (const node of graph.nodes)
    if (node.inputs.some((name) => name !== null && late.has(name))) for (const output of node.outputs) late.add(output.name)
  const early = graph.nodes.filter((node) => !late.has(node.outputs[0].name))
  const wanted = graph.outputs.filter(({ value }) => late.has(value))
  const used = new Set(
    needed(
      graph,
      wanted.map(({ value }) => value),
    )
      .filter((node) => late.has(node.outputs[0].name))
      .flatMap((node) => node.inputs),
  )
  const kept = [...minimumCut(early, used, dear, (name) => bytesOf(values.get(name)!, sizes))].map((name) => values.get(name)!)

  const forward = {
    ...graph,
    name: `${graph.name}_keeping`,
    outputs: [...graph.outputs.filter(({ value }) => !late.has(value)), ...kept.map(({ name }) => ({ name, value: name }))],
  }
  const crossing = new Set(kept.map(({ name }) => name))
  const backward = {
    ...graph,
    name: `${graph.name}_kept`,
    inputs: [...graph.inputs, ...kept],
    nodes: graph.nodes.filter((node) => !node.outputs.some(({ name }) => crossing.has(name))),
    outputs: wanted,
  }
  return { forward: trimmed(forward), backward: trimmed(backward), kept }
}

/** The graph without what its outputs do not need: nodes, constants and inputs, but for inputs that some dimension is read off. */
export function trimmed(graph: Graph): Graph {
  const built = GraphBuilder.from(graph).build()
  const read = new Set([...built.nodes.flatMap((node) => node.inputs), ...built.outputs.map(({ value }) => value)])
  return { ...built, inputs: built.inputs.filter(({ name, dtype }) => read.has(name) || dtype === 'int64') }
}

/** The nodes that some values depend on. */
function needed(graph: Graph, names: readonly string[]): readonly Node[] {
  const wanted = new Set(names)
  return graph.nodes.toReversed().filter((node) => {
    if (!node.outputs.some(({ name }) => wanted.has(name))) return false
    for (const input of node.inputs) if (input !== null) wanted.add(input)
    return true
  })
}

/**
 * Names of the values to keep. A flow network: through each value as much as its size; from the source into what dear operators make; on
 * from a value to what is computed from it; out of the values that are used later. What is computed from inputs alone costs nothing to have.
 */
function minimumCut(
  nodes: readonly Node[],
  used: ReadonlySet<string | null>,
  dear: ReadonlySet<OpName>,
  size: (name: string) => number,
): Set<string> {
  const network = new Network()
  const made = new Set(nodes.flatMap((node) => node.outputs.map(({ name }) => name)))
  for (const node of nodes) {
    for (const { name } of node.outputs) {
      network.edge(`into ${name}`, `out of ${name}`, size(name))
      if (dear.has(node.op)) network.edge('source', `into ${name}`, Infinity)
      if (used.has(name)) network.edge(`out of ${name}`, 'sink', Infinity)
      for (const input of node.inputs) if (input !== null && made.has(input)) network.edge(`out of ${input}`, `into ${name}`, Infinity)
    }
  }
  const near = network.cut()
  return new Set([...made].filter((name) => near.has(`into ${name}`) && !near.has(`out of ${name}`)))
}

/** Maximum flow by shortest augmenting paths (Edmonds and Karp 1972). */
class Network {
  readonly #room = new Map<string, Map<string, number>>()

  edge(from: string, to: string, capacity: number): void {
    for (const [a, b, room] of [
      [from, to, capacity],
      [to, from, 0],
    ] as const) {
      if (!this.#room.has(a)) this.#room.set(a, new Map())
      this.#room.get(a)!.set(b, (this.#room.get(a)!.get(b) ?? 0) + room)
    }
  }

  /** The vertices on the source's side of a minimum cut. */
  cut(): Set<string> {
    for (;;) {
      const from = this.#reach()
      if (!from.has('sink')) return new Set(from.keys())
      const path: string[] = ['sink']
      while (path.at(-1) !== 'source') path.push(from.get(path.at(-1)!)!)
      path.reverse()
      const flow = Math.min(...path.slice(1).map((to, i) => this.#room.get(path[i]!)!.get(to)!))
      if (flow === Infinity) throw new Error('a value that must be kept and cannot be: its size has no bound')
      path.slice(1).forEach((to, i) => {
        const [there, back] = [this.#room.get(path[i]!)!, this.#room.get(to)!]
        there.set(to, there.get(to)! - flow)
        back.set(path[i]!, back.get(path[i]!)! + flow)
      })
    }
  }

  /** What the source reaches where there is room, each with where it was reached from. */
  #reach(): Map<string, string> {
    const from = new Map([['source', '']])
    for (const vertex of from.keys())
      for (const [to, room] of this.#room.get(vertex) ?? []) if (room > 0 && !from.has(to)) from.set(to, vertex)
    return from
  }
}
