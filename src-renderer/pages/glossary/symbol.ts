/**
 * Symbols as the lab writes them in plain text (`J_r(mu | z_{0:j})`), cut into what stands on the line and what stands below
 * it, with Greek names as letters. Knows subscripts only: the paper's symbols need nothing else.
 */

export interface SymbolPart {
  readonly text: string
  readonly below: boolean
}

const greek: Readonly<Record<string, string>> = { alpha: 'α', mu: 'μ', Delta: 'Δ', lambda: 'λ', pi: 'π' }
const lettered = (text: string): string => text.replace(/[A-Za-z]+/g, (word) => greek[word] ?? word)

/** `z_{0:j}` is `z` with `0:j` below it; `z_j` likewise with `j`. */
export const symbolParts = (written: string): readonly SymbolPart[] =>
  [...written.matchAll(/_(?:\{([^}]*)\}|([A-Za-z0-9]+))|([^_]+)/g)].map(([, braced, bare, line]) =>
    line === undefined ? { text: lettered(braced ?? bare), below: true } : { text: lettered(line), below: false },
  )
