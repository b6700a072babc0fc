// The 416 tokens of Countdown: special tokens, operators, and one token for each whole number 1..400.
// One token per number keeps answers short and leaves no tokenisation seam between a prefix and a forced stop.

const WORDS = ['<pad>', '<bos>', '<eos>', '<think>', '</think>', 'Wait', 'yes', 'no', '+', '-', '*', '/', '=', ',', '->'] as const
export const BOS = 1
export const EOS = 2
export const THINK = 3
export const END_THINK = 4
export const WAIT = 5
export const YES = 6
export const NO = 7
export const PLUS = 8
export const MINUS = 9
export const TIMES = 10
export const DIVIDE = 11
export const EQUALS = 12
export const COMMA = 13
export const ARROW = 14

/** Largest number with a token, hence the largest intermediate result. */
export const MAX_NUMBER = 400
const FIRST_NUMBER = WORDS.length
/** 15 words, 400 numbers, and id 415 kept free. */
export const VOCABULARY_SIZE = FIRST_NUMBER + MAX_NUMBER + 1

/** Token of a whole number 1..400. */
export function numberToken(value: number): number {
  return FIRST_NUMBER - 1 + value
}

/** Value of a number token, or 0 when the token is not a number. */
export function numberOf(token: number): number {
  const value = token - FIRST_NUMBER + 1
  return value >= 1 && value <= MAX_NUMBER ? value : 0
}

/** Tokens as text, separated by single spaces; an id outside the vocabulary shows as `<id>`. */
export function tokensToText(tokens: ArrayLike<number>): string {
  const parts: string[] = []
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]
    parts.push(WORDS[token] ?? (numberOf(token) > 0 ? String(numberOf(token)) : `<${token}>`))
  }
  return parts.join(' ')
}

const TOKEN_OF_WORD: ReadonlyMap<string, number> = new Map(WORDS.map((word, id) => [word, id]))

/** The inverse of `tokensToText`; null where a word is not of this vocabulary. */
export function textToTokens(text: string): number[] | null {
  const tokens: number[] = []
  for (const word of text.split(/\s+/)) {
    if (word === '') continue
    const special = TOKEN_OF_WORD.get(word)
    const value = /^[1-9]\d{0,2}$/.test(word) ? Number(word) : 0
    if (special === undefined && (value < 1 || value > MAX_NUMBER)) return null
    tokens.push(special ?? numberToken(value))
  }
  return tokens
}
