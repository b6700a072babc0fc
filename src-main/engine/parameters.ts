// The weights of a model as one native block. Every session, decoder and trainer made with a set reads (and the trainer
// writes) that very memory. Values go in and come out as copies: no JavaScript array ever aliases native memory.
import type { NativeAddon, ParametersHandle } from './addon.ts'
import { dimensions, fail, finiteNumber, float32Array, record, volume } from './check.ts'
import { native } from './errors.ts'
import { Life, type Owner } from './life.ts'

export interface ParameterSpec {
  readonly name: string
  readonly dims: readonly number[]
  /** Whether decoupled weight decay applies to it. */
  readonly decay: boolean
  /**
   * What it is held in; float32 unless given. What trains is float32; numbers go in and come out as that, rounded to the nearest on the way in.
   * int4 is for matrices whose rows are multiples of 32: each block of 32 numbers has a scale and an offset in float32, of 11 significant bits, and 4 bits for each number: 15 steps from its least to its largest.
   */
  readonly dtype?: 'float32' | 'float16' | 'bfloat16' | 'int4' | undefined
}

const HELD: readonly unknown[] = [undefined, 'float32', 'float16', 'bfloat16', 'int4']

/**
 * Throws disposed after dispose. While a model reads the set, changing it throws busy; while a training step may change
 * it, reading it does too.
 */
export class ParameterSet {
  readonly specs: readonly ParameterSpec[]
  /** Numbers in the set. */
  readonly elements: number
  readonly #addon: NativeAddon
  readonly #owner: Owner
  readonly #life: Life<ParametersHandle>
  readonly #sizes: ReadonlyMap<string, number>

  constructor(addon: NativeAddon, owner: Owner, specs: readonly ParameterSpec[], handle: ParametersHandle) {
    this.#addon = addon
    this.#owner = owner
    this.specs = specs
    this.#sizes = new Map(specs.map((spec) => [spec.name, volume(spec.dims)]))
    this.elements = specs.reduce((sum, spec) => sum + volume(spec.dims), 0)
    this.#life = new Life(owner, 'parameter set', handle, (gone) => addon.disposeParameters(gone))
  }

  /** The native object, for the engine's other parts. */
  get handle(): ParametersHandle {
    return this.#life.handle
  }

  /** Native bytes, alignment included. */
  get bytes(): number {
    return native(() => this.#addon.parametersBytes(this.handle))
  }

  /** Times that the values may have been changed: what was computed of them at another count may be out of date. */
  get changes(): number {
    return native(() => this.#addon.parametersChanges(this.handle))
  }

  /** Copies values in. Throws bad-argument (a number beyond what float16 holds, or int4 one that is not finite), unknown-name, wrong-dtype, wrong-shape, busy. */
  set(name: string, values: Float32Array): void {
    const handle = this.handle
    const checked = float32Array(`the values of ${name}`, values, this.#size(name))
    native(() => this.#addon.setParameter(handle, name, checked))
  }

  /** A copy of one tensor's values. Throws unknown-name, busy. */
  get(name: string): Float32Array {
    const handle = this.handle
    this.#size(name)
    return native(() => this.#addon.getParameter(handle, name))
  }

  /** All values in the order of `specs`, [elements]. */
  snapshot(): Float32Array {
    return native(() => this.#addon.snapshotParameters(this.handle))
  }

  /** Takes back what `snapshot` gave. Throws wrong-shape, busy. */
  load(snapshot: Float32Array): void {
    const handle = this.handle
    const checked = float32Array('the snapshot', snapshot, this.elements)
    native(() => this.#addon.loadParameters(handle, checked))
  }

  /** Takes over the values of a set with the same names and shapes. Throws wrong-shape, busy. */
  copyFrom(other: ParameterSet): void {
    native(() => this.#addon.copyParameters(this.handle, requireSet(other).handle))
  }

  /** this += t (other - this): with t = 1 - decay, one step of an exponential moving average. Throws wrong-shape, busy. */
  lerpFrom(other: ParameterSet, t: number): void {
    const amount = finiteNumber('t', t, 0, 1)
    native(() => this.#addon.lerpParameters(this.handle, requireSet(other).handle, amount))
  }

  /** A new set of the same specs and values, with memory of its own. */
  clone(): ParameterSet {
    return new ParameterSet(
      this.#addon,
      this.#owner,
      this.specs,
      native(() => this.#addon.cloneParameters(this.handle)),
    )
  }

  /** 16 hex digits: 64-bit FNV-1a over the 32-bit words of all values in order. */
  checksum(): string {
    return native(() => this.#addon.checksumParameters(this.handle))
  }

  dispose(): void {
    this.#life.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  #size(name: string): number {
    return this.#sizes.get(name) ?? fail('unknown-name', 'the name of a parameter', name, 'See `specs` for the names.')
  }
}

function requireSet(value: unknown): ParameterSet {
  return value instanceof ParameterSet ? value : fail('bad-argument', 'a ParameterSet', value)
}

/** Makes a set of zeros. Throws bad-argument (a name twice or empty), wrong-shape (also for int4 whose rows are not whole blocks). */
export function createParameters(addon: NativeAddon, owner: Owner, specs: readonly ParameterSpec[]): ParameterSet {
  if (!Array.isArray(specs)) fail('bad-argument', 'a list of parameter specs', specs)
  const checked = specs.map((spec, index): ParameterSpec => {
    const { name, dims, decay, dtype } = record(`parameter ${index}`, spec)
    if (typeof name !== 'string' || name === '') return fail('bad-argument', `parameter ${index} to have a name`, name)
    if (typeof decay !== 'boolean') return fail('bad-argument', `decay of ${name} to be true or false`, decay)
    if (!HELD.includes(dtype)) return fail('wrong-dtype', `${name} to be held in float32, float16, bfloat16 or int4`, dtype)
    return { name, dims: [...dimensions(`the dims of ${name}`, dims)], decay, ...(dtype !== undefined && { dtype: dtype as 'float16' }) }
  })
  return new ParameterSet(
    addon,
    owner,
    checked,
    native(() => addon.createParameters(checked)),
  )
}

/** Values of several parameters one after another, in the order given. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
