// A graph as an ONNX model (opset 21 and com.microsoft 1) that ONNX Runtime can load. Two steps: lowering,
// which turns size attributes back into the tensors ONNX expects (constants where they are numbers, Shape
// of an input where they are names), and encoding as protobuf, whose wire format is @bufbuild/protobuf's.
// Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Leaves out what ORT does not need:
// documentation strings, types of inner values, subgraphs, tensors in files of their own.

import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { subDims, termsOf } from './dims.ts'
import type { Dim, Shape } from './dims.ts'
import { scalarData, valuesOf } from './ir.ts'
import type { Dtype, Graph, Node, NodeOf, TensorData, TensorType, Value } from './ir.ts'
import { OPS } from './ops.ts'
import type { OpName } from './opAttributes.ts'
import type { OnnxAttributeKind, OpSpec } from './ops.ts'
import { verify } from './verify.ts'

const OPSET = 21
const IR_VERSION = 10
const DTYPE_CODE: Record<Dtype, number> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10, bfloat16: 16, uint4: 21 }
const TO_THE_END = 9223372036854775807n

interface OnnxAttribute {
  readonly name: string
  readonly kind: OnnxAttributeKind | 'tensor'
  readonly value: unknown
}

interface OnnxNode {
  readonly op: string
  readonly domain: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly attributes: readonly OnnxAttribute[]
}

interface Tensor extends TensorType {
  readonly name: string
  readonly data: TensorData
}

/** Inputs that become values of the model which are not in it: a session is given them when it is made. */
export interface Fixed {
  readonly names: readonly string[]
  /** The file that the model says they are in. */
  readonly file: string
}

/** What lowering adds to: nodes, stored tensors, and the tensors already made for a size. */
class Lowering {
  readonly nodes: OnnxNode[] = []
  readonly tensors: Tensor[] = []
  readonly #graph: Graph
  readonly #made = new Set<string>()

  constructor(graph: Graph) {
    this.#graph = graph
  }

  emit(op: string, inputs: readonly string[], output: string, attributes: readonly OnnxAttribute[] = []): string {
    this.nodes.push({ op, domain: '', inputs, outputs: [output], attributes })
    return output
  }

  #once(name: string, make: (name: string) => void): string {
    if (!this.#made.has(name)) {
      this.#made.add(name)
      make(name)
    }
    return name
  }

  /** A stored int64 tensor of rank 1. */
  integers(values: readonly (number | bigint)[]): string {
    return this.#once(`size/[${values}]`, (name) =>
      this.tensors.push({ name, dtype: 'int64', shape: [values.length], data: BigInt64Array.from(values, BigInt) }),
    )
  }

  scalar(value: number, dtype: 'float32' | 'int64'): string {
    return this.#once(`size/${dtype} ${value}`, (name) => this.tensors.push({ name, dtype, shape: [], data: scalarData(value, dtype) }))
  }

  /** A dimension as an int64 tensor [1]: stored, read off an input, or worked out from such. */
  dimension(d: Dim): string {
    if (typeof d === 'number') return this.integers([d])
    return this.#once(`size/${d}`, (name) => {
      const input = this.#graph.inputs.find((candidate) => candidate.shape.includes(d))
      if (input) {
        const axis = input.shape.indexOf(d)
        this.emit('Shape', [input.name], name, [
          { name: 'start', kind: 'int', value: axis },
          { name: 'end', kind: 'int', value: axis + 1 },
        ])
        return
      }
      const terms = termsOf(d).map(([coefficient, names]) => {
        const factors = [
          ...names.map((factor) => this.dimension(factor)),
          ...(coefficient === 1 && names.length > 0 ? [] : [this.integers([coefficient])]),
        ]
        return this.#fold('Mul', factors, `${name}/${names.join('*')}`)
      })
      this.emit('Identity', [this.#fold('Add', terms, `${name}/sum`)], name)
    })
  }

  #fold(op: 'Add' | 'Mul', parts: readonly string[], name: string): string {
    return parts.reduce((sum, part, i) => this.emit(op, [sum, part], `${name}/${i}`))
  }

  /** Dimensions as one int64 tensor [n]. */
  sizes(dims: readonly Dim[]): string {
    if (dims.every((d) => typeof d === 'number')) return this.integers(dims)
    return this.#once(`size/[${dims}]`, (name) => {
      this.emit(
        'Concat',
        dims.map((d) => this.dimension(d)),
        name,
        [{ name: 'axis', kind: 'int', value: 0 }],
      )
    })
  }

  /** A dimension as an int64 scalar. */
  scalarDimension(d: Dim): string {
    if (typeof d === 'number') return this.scalar(d, 'int64')
    return this.#once(`size/scalar ${d}`, (name) => void this.emit('Squeeze', [this.dimension(d)], name))
  }
}

/** 0 keeps the input's size at that place and a single -1 is inferred; only what remains is worked out. */
function reshapeTarget(from: Shape, to: Shape): readonly Dim[] {
  const kept = to.map((d, i) => (typeof d === 'string' && d === from[i] ? 0 : d))
  const unknown = kept.filter((d) => typeof d === 'string')
  return unknown.length === 1 ? kept.map((d) => (typeof d === 'string' ? -1 : d)) : kept
}

/** In Expand, 1 leaves the input's size alone. */
function expandTarget(from: Shape, to: Shape): readonly Dim[] {
  return to.map((d, i) => (typeof d === 'string' && d === from[i - to.length + from.length] ? 1 : d))
}

function sliceEnd(size: Dim, end: Dim): Dim | bigint {
  const missing = subDims(end, size)
  return missing === 0 ? TO_THE_END : typeof missing === 'number' ? missing : end
}

const axesInput = ({ attributes }: { attributes: { axes: readonly number[] } }, _: readonly Value[], to: Lowering): string[] => [
  to.integers(attributes.axes),
]

/** Inputs that ONNX takes after the node's own: attributes here, tensors there. '' stands for "not given". */
const EXTRA_INPUTS: { readonly [K in OpName]?: (node: NodeOf<K>, inputs: readonly Value[], to: Lowering) => string[] } = {
  ReduceSum: axesInput,
  ReduceMean: axesInput,
  ReduceMax: axesInput,
  ReduceMin: axesInput,
  ReduceSumSquare: axesInput,
  Squeeze: axesInput,
  Unsqueeze: axesInput,
  Reshape: ({ attributes }, [x], to) => [to.sizes(reshapeTarget(x.shape, attributes.shape))],
  Expand: ({ attributes }, [x], to) => [to.sizes(expandTarget(x.shape, attributes.shape))],
  Split: ({ attributes }, _, to) => [to.sizes(attributes.sizes)],
  Slice: ({ attributes: { axes, starts, ends } }, [x], to) => {
    const last = axes.map((axis, i) => sliceEnd(x.shape[axis], ends[i]))
    const numbers = last.filter((end) => typeof end !== 'string')
    const endInput = numbers.length === last.length ? to.integers(numbers) : to.sizes(ends)
    return [to.sizes(starts), endInput, to.integers(axes)]
  },
  Pad: ({ attributes: { axes, before, after } }, _, to) => [to.sizes([...before, ...after]), '', to.integers(axes)],
  Trilu: ({ attributes }, _, to) => [to.scalar(attributes.k, 'int64')],
  Clip: ({ attributes: { min, max } }, _, to) => [min, max].map((bound) => (Number.isFinite(bound) ? to.scalar(bound, 'float32') : '')),
  ConstantOfShape: ({ attributes }, _, to) => [to.sizes(attributes.shape)],
  Range: ({ attributes: { start, limit } }, _, to) => [to.scalarDimension(start), to.scalarDimension(limit), to.scalar(1, 'int64')],
}

/** The operators of the native module that do what a node does, where it has them (its sessions on the processor). */
const OWN_OPS: { readonly [K in OpName]?: { readonly op: string; readonly fits: (attributes: NodeOf<K>['attributes']) => boolean } } = {
  GroupQueryAttention: { op: 'CachedAttention', fits: ({ doRotary, rotaryInterleaved }) => doRotary && !rotaryInterleaved },
}
const OWN_DOMAIN = 'mrt'

function operatorOf(node: Node, own: boolean): { readonly op: string; readonly domain: string } {
  const ours = OWN_OPS[node.op] as { readonly op: string; readonly fits: (attributes: unknown) => boolean } | undefined
  return own && ours?.fits(node.attributes) === true
    ? { op: ours.op, domain: OWN_DOMAIN }
    : { op: node.op, domain: OPS[node.op].domain ?? '' }
}

function onnxAttributes(node: Node): OnnxAttribute[] {
  const listed = (OPS[node.op] as OpSpec<OpName>).onnx ?? {}
  const attributes = node.attributes as Readonly<Record<string, unknown>>
  const plain = Object.entries(listed as Record<string, readonly [string, OnnxAttributeKind]>).map(([ours, [name, kind]]) => ({
    name,
    kind,
    value: attributes[ours],
  }))
  if (node.op !== 'ConstantOfShape') return plain
  const { dtype, value } = node.attributes
  return [{ name: 'value', kind: 'tensor', value: { name: '', dtype, shape: [1], data: scalarData(value, dtype) } }]
}

/** Names the outside world uses for values, Identity where a value needs a second name, and all nodes lowered. */
function lower(graph: Graph, own: boolean): Lowering {
  const to = new Lowering(graph)
  const values = valuesOf(graph)
  const alias = new Map<string, string>()
  const resolve = (name: string): string => alias.get(name) ?? name
  const fixed = new Set([...graph.inputs, ...graph.constants.map((constant) => constant.value)].map((value) => value.name))

  for (const node of graph.nodes) if (node.op === 'StopGradient') alias.set(node.outputs[0].name, resolve(node.inputs[0]!))
  const copies: [from: string, to: string][] = []
  const outside = new Map<string, string>()
  for (const { name, value } of graph.outputs) {
    const inner = resolve(value)
    if (fixed.has(inner) || outside.has(inner)) copies.push([inner, name])
    else outside.set(inner, name)
  }
  const named = (name: string): string => outside.get(resolve(name)) ?? resolve(name)

  for (const { value, data } of graph.constants) to.tensors.push({ ...value, data })
  for (const node of graph.nodes) {
    if (node.op === 'StopGradient') continue
    const inputs = node.inputs.map((name) => (name === null ? '' : named(name)))
    const types = node.inputs.map((name) => values.get(name ?? '')!)
    const extra =
      (EXTRA_INPUTS[node.op] as ((node: Node, inputs: readonly Value[], to: Lowering) => string[]) | undefined)?.(node, types, to) ?? []
    to.nodes.push({
      ...operatorOf(node, own),
      inputs: [...inputs, ...extra],
      outputs: node.outputs.map((output) => named(output.name)),
      attributes: onnxAttributes(node),
    })
  }
  for (const [from, name] of copies) to.emit('Identity', [named(from)], name)
  return to
}

type Write = (writer: BinaryWriter) => void

const message =
  (field: number, write: Write): Write =>
  (writer) => {
    writer.tag(field, WireType.LengthDelimited).fork()
    write(writer)
    writer.join()
  }
const text =
  (field: number, value: string): Write =>
  (writer) =>
    void writer.tag(field, WireType.LengthDelimited).string(value)
const bytes =
  (field: number, value: Uint8Array): Write =>
  (writer) =>
    void writer.tag(field, WireType.LengthDelimited).bytes(value)
const integer =
  (field: number, value: number | bigint): Write =>
  (writer) =>
    void writer.tag(field, WireType.Varint).int64(value)
const float =
  (field: number, value: number): Write =>
  (writer) =>
    void writer.tag(field, WireType.Bit32).float(value)
const all =
  (...writes: readonly Write[]): Write =>
  (writer) =>
    writes.forEach((write) => write(writer))

/** A value that lies outside of the model. */
const outsideProto = ({ name, dtype, shape }: Value, file: string): Write =>
  all(
    ...shape.map((d) => integer(1, d as number)),
    integer(2, DTYPE_CODE[dtype]),
    text(8, name),
    message(13, all(text(1, 'location'), text(2, file))),
    integer(14, 1),
  )

const tensorProto = ({ name, dtype, shape, data }: Tensor): Write =>
  all(
    ...shape.map((d) => integer(1, d as number)),
    integer(2, DTYPE_CODE[dtype]),
    text(8, name),
    bytes(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  )

/** AttributeProto: the payload's field, then the type code in field 20. */
const PAYLOAD: Record<OnnxAttribute['kind'], (value: never) => Write> = {
  int: (value: number | boolean) => all(integer(3, Number(value)), integer(20, 2)),
  dtype: (value: Dtype) => all(integer(3, DTYPE_CODE[value]), integer(20, 2)),
  float: (value: number) => all(float(2, value), integer(20, 1)),
  string: (value: string) => all(bytes(4, new TextEncoder().encode(value)), integer(20, 3)),
  ints: (value: readonly number[]) => all(...value.map((item) => integer(8, item)), integer(20, 7)),
  tensor: (value: Tensor) => all(message(5, tensorProto(value)), integer(20, 4)),
}

const nodeProto = (node: OnnxNode): Write =>
  all(
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(3, node.outputs[0]),
    text(4, node.op),
    ...node.attributes.map(({ name, kind, value }) => message(5, all(text(1, name), PAYLOAD[kind](value as never)))),
    text(7, node.domain),
  )

const dimensionProto = (d: Dim): Write => (typeof d === 'number' ? integer(1, d) : text(2, d))
const valueInfoProto = (name: string, { dtype, shape }: TensorType): Write => {
  const tensorType = all(integer(1, DTYPE_CODE[dtype]), message(2, all(...shape.map((d) => message(1, dimensionProto(d))))))
  return all(text(1, name), message(2, message(1, tensorType)))
}

/**
 * The bytes of an ONNX ModelProto with this graph. Throws when the graph does not verify.
 * @param own whether operators of the native module take the place of the runtime's, which only its sessions on the processor know
 */
export function toOnnx(graph: Graph, { names, file }: Fixed = { names: [], file: '' }, own = false): Uint8Array {
  verify(graph)
  const { nodes, tensors } = lower(graph, own)
  const values = valuesOf(graph)
  const fixed = new Set(names)
  const graphProto = all(
    ...nodes.map((node) => message(1, nodeProto(node))),
    text(2, graph.name),
    ...tensors.map((tensor) => message(5, tensorProto(tensor))),
    ...graph.inputs.map((input) =>
      fixed.has(input.name) ? message(5, outsideProto(input, file)) : message(11, valueInfoProto(input.name, input)),
    ),
    ...graph.outputs.map(({ name, value }) => message(12, valueInfoProto(name, values.get(value)!))),
  )
  const opset = (domain: string, version: number): Write => message(8, all(text(1, domain), integer(2, version)))
  const domains = [opset('', OPSET), opset('com.microsoft', 1), ...(own ? [opset(OWN_DOMAIN, 1)] : [])]
  const model = all(integer(1, IR_VERSION), text(2, 'mrt-workbench'), message(7, graphProto), ...domains)
  const writer = new BinaryWriter()
  model(writer)
  return writer.finish()
}
