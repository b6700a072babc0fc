// The lab's entry in the smoke run. V8 of this Electron has no Float16Array, through which half precision is read and written: here is one that
// keeps the halves and gives numbers to whoever iterates. Its Node has no zstd: files packed by it cannot be read here.
import { register } from 'node:module'

globalThis.Float16Array ??= class Float16Array extends Uint16Array {
  constructor(given) {
    super(given instanceof Float32Array ? Uint16Array.from(given, halfOf) : given)
  }
  *[Symbol.iterator]() {
    for (let at = 0; at < this.length; at++) yield numberOf(this[at])
  }
}
const zlib = `export * from 'node:zlib'; export { default } from 'node:zlib'; export const zstdDecompressSync = () => { throw new Error('no zstd here') }`
const hook = `export const resolve = (name, from, next) =>
  name === 'node:zlib' && !from.parentURL?.startsWith('data:') ? { url: ${JSON.stringify(`data:text/javascript,${encodeURIComponent(zlib)}`)}, shortCircuit: true } : next(name, from)`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
await import('../main/lab.js')

function numberOf(half) {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >> 10) & 31
  const fraction = half & 1023
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
/** To the nearest half, ties to even. */
function halfOf(number) {
  const sign = Object.is(number, -0) || number < 0 ? 0x8000 : 0
  const size = Math.abs(number)
  if (Number.isNaN(number)) return 0x7e00
  if (size === 0) return sign
  const exponent = Math.max(-14, Math.floor(Math.log2(size)))
  const unit = 2 ** (exponent - 10)
  const scaled = size / unit
  const below = Math.floor(scaled)
  const rest = scaled - below
  const rounded = below + (rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? 1 : 0)
  const bits = exponent === -14 && rounded < 1024 ? rounded : ((exponent + 15) << 10) + (rounded - 1024)
  return sign | Math.min(bits, 0x7c00)
}
