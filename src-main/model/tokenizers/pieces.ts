// What each token of a vocabulary stands for, in bytes, and the ways of cutting a text into tokens. Byte-level vocabularies write bytes as
// characters of their own (GPT-2's table); others write a space as `\u2581` and single bytes as `<0x0A>`.
import type { TokenizerJson } from './json.ts'

export interface Pieces {
  bytes(id: number): Uint8Array
  /** Ways of writing a text, fewest tokens first, at most so many; marks of the vocabulary are not used. */
  ways(text: string, most: number): Int32Array[]
}

/** Characters by byte: printable bytes stand for themselves, the others for characters from U+0100 on. */
function byteCharacters(): string[] {
  const printable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  let next = 256
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++))
}

const BYTE_CHARACTERS = byteCharacters()
const BYTE_OF = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]))
/** Cuts looked at before a search for ways ends. */
const PATIENCE = 20_000

const isByteLevel = (json: TokenizerJson): boolean =>
  JSON.stringify([json.decoder ?? null, json.pre_tokenizer ?? null]).includes('"ByteLevel"')

export function openPieces(json: TokenizerJson): Pieces {
  const byteLevel = isByteLevel(json)
  const written = new Map<number, string>(Object.entries(json.model.vocab).map(([text, id]) => [id, text]))
  const marks = new Map((json.added_tokens ?? []).map(({ id, content }) => [id, content]))
  const plain = new Map([...written].filter(([id]) => !marks.has(id)).map(([id, text]) => [text, id]))
  const longest = [...plain.keys()].reduce((most, text) => Math.max(most, text.length), 1)
  const encoder = new TextEncoder()
  const inVocabulary = (text: string): string =>
    byteLevel ? Array.from(encoder.encode(text), (byte) => BYTE_CHARACTERS[byte]).join('') : text.replaceAll(' ', '\u2581')

  return {
    bytes(id) {
      const mark = marks.get(id)
      if (mark !== undefined) return encoder.encode(mark)
      const text = written.get(id)
      if (text === undefined) return new Uint8Array()
      if (byteLevel) return Uint8Array.from(Array.from(text).flatMap((character) => BYTE_OF.get(character) ?? []))
      const [, hex] = /^<0x([0-9A-F]{2})>$/.exec(text) ?? []
      return hex === undefined ? encoder.encode(text.replaceAll('\u2581', ' ')) : Uint8Array.of(Number.parseInt(hex, 16))
    },
    ways(text, most) {
      const target = inVocabulary(text)
      // Shorter lists first: a queue by length, longest pieces first among equals.
      let lists: { readonly at: number; readonly ids: readonly number[] }[] = [{ at: 0, ids: [] }]
      const found: Int32Array[] = []
      let cuts = 0
      while (lists.length > 0 && found.length < most && cuts < PATIENCE) {
        const next: typeof lists = []
        for (const { at, ids } of lists) {
          if (at === target.length) {
            if (found.length < most) found.push(Int32Array.from(ids))
            continue
          }
          for (let length = Math.min(longest, target.length - at); length > 0 && cuts < PATIENCE; length--) {
            const id = plain.get(target.slice(at, at + length))
            cuts++
            if (id !== undefined) next.push({ at: at + length, ids: [...ids, id] })
          }
        }
        lists = next
      }
      return found
    },
  }
}
