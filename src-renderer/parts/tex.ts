/**
 * TeX mathematics as MathML, for what models write in answers: fractions, roots, powers and indices, brackets that grow, Greek
 * letters, operators, accents, aligned lines and matrices, \text and \boxed. A tree of plain data; the page makes elements of it, so no
 * markup is ever read from a model's words. A command without an entry is shown as it was written. MathML Core, W3C (2025).
 */

export interface MathNode {
  readonly tag: string
  readonly attributes?: Readonly<Record<string, string>>
  readonly children?: readonly MathNode[]
  readonly text?: string
}

const greek =
  'alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ upsilon υ phi φ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω ell ℓ infty ∞ hbar ℏ partial ∂ nabla ∇ emptyset ∅ varnothing ∅ angle ∠ circ ∘ degree ° prime ′ dots … ldots … cdots ⋯ vdots ⋮'
const signs =
  'times × cdot · div ÷ pm ± mp ∓ le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ approx ≈ equiv ≡ sim ∼ cong ≅ propto ∝ to → rightarrow → Rightarrow ⇒ implies ⇒ leftarrow ← Leftarrow ⇐ iff ⇔ leftrightarrow ↔ Leftrightarrow ⇔ mapsto ↦ in ∈ notin ∉ subset ⊂ subseteq ⊆ supset ⊃ cup ∪ cap ∩ setminus ∖ forall ∀ exists ∃ neg ¬ land ∧ wedge ∧ lor ∨ vee ∨ mid ∣ parallel ∥ perp ⟂ star ⋆ ast ∗ oplus ⊕ otimes ⊗ therefore ∴ because ∵ lvert | rvert | vert | lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ langle ⟨ rangle ⟩ colon : triangle △ square □'
const large = 'sum ∑ prod ∏ int ∫ iint ∬ oint ∮ bigcup ⋃ bigcap ⋂ lim lim max max min min sup sup inf inf'
const functions = new Set(
  'sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp det dim gcd lcm mod Pr arg deg ker'.split(' '),
)
const accents: Readonly<Record<string, string>> = {
  hat: '^',
  bar: '¯',
  overline: '¯',
  vec: '→',
  tilde: '~',
  dot: '˙',
  ddot: '¨',
  widehat: '^',
}
const spaces: Readonly<Record<string, string>> = {
  ',': '0.17em',
  ':': '0.22em',
  ';': '0.28em',
  ' ': '0.28em',
  quad: '1em',
  qquad: '2em',
  '!': '-0.17em',
}
const styles: Readonly<Record<string, string>> = {
  mathbb: 'double-struck',
  mathbf: 'bold',
  mathcal: 'script',
  mathrm: 'normal',
  mathit: 'italic',
  mathsf: 'sans-serif',
  boldsymbol: 'bold',
  operatorname: 'normal',
}

const pairs = (list: string): ReadonlyMap<string, string> => {
  const words = list.split(' ')
  return new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1]] as const] : [])))
}
const [letters, operators, big] = [pairs(greek), pairs(signs), pairs(large)]
const limits = new Set(['sum', 'prod', 'lim', 'max', 'min', 'sup', 'inf', 'bigcup', 'bigcap'])
const doubleStruck: Readonly<Record<string, string>> = { R: 'ℝ', N: 'ℕ', Z: 'ℤ', Q: 'ℚ', C: 'ℂ', P: 'ℙ', E: '𝔼' }

const leaf = (tag: string, text: string, attributes?: Readonly<Record<string, string>>): MathNode => ({
  tag,
  text,
  ...(attributes && { attributes }),
})
const row = (children: readonly MathNode[]): MathNode => (children.length === 1 ? children[0] : { tag: 'mrow', children })

/** Commands, braces, numbers and single signs. */
const tokensOf = (source: string): string[] => source.match(/\\[A-Za-z]+\*?|\\[^A-Za-z]|\d+(?:[.,]\d+)*|\u00a0|[^\s]/gu) ?? []

class Reader {
  readonly #tokens: string[]
  #at = 0
  constructor(source: string) {
    this.#tokens = tokensOf(source)
  }

  all(): MathNode {
    const nodes: MathNode[] = []
    while (this.#at < this.#tokens.length) {
      const before = this.#at
      nodes.push(...this.#until(() => false))
      if (this.#at === before) nodes.push(leaf('mo', this.#tokens[this.#at++]))
    }
    return row(nodes)
  }

  #until(ends: (token: string) => boolean): MathNode[] {
    const nodes: MathNode[] = []
    while (this.#at < this.#tokens.length && !ends(this.#tokens[this.#at]) && this.#tokens[this.#at] !== '}') {
      const node = this.#scripted()
      if (node !== null) nodes.push(node)
    }
    return nodes
  }

  /** One atom with what stands above and below it. */
  #scripted(): MathNode | null {
    const token = this.#tokens[this.#at]
    const base = this.#atom() ?? { tag: 'mrow', children: [] }
    let [sub, sup]: (MathNode | null)[] = [null, null]
    for (let sign = this.#tokens[this.#at]; sign === '_' || sign === '^' || sign === "'"; sign = this.#tokens[this.#at]) {
      this.#at += 1
      if (sign === "'") sup = row([...(sup ? [sup] : []), leaf('mo', '′')])
      else if (sign === '_') sub = this.#argument()
      else sup = row([...(sup ? [sup] : []), this.#argument()])
    }
    if (sub === null && sup === null) return base.tag === 'mrow' && base.children?.length === 0 ? null : base
    const under = limits.has(token.slice(1))
    const tag =
      sub !== null && sup !== null
        ? under
          ? 'munderover'
          : 'msubsup'
        : sub !== null
          ? under
            ? 'munder'
            : 'msub'
          : under
            ? 'mover'
            : 'msup'
    return { tag, children: [base, ...(sub ? [sub] : []), ...(sup ? [sup] : [])] }
  }

  /** What a command is given: a group in braces, or the next atom. */
  #argument(): MathNode {
    const token = this.#tokens[this.#at]
    if (token === undefined) return { tag: 'mrow', children: [] }
    // Without braces a command takes one digit: \frac12 is a half.
    if (/^\d{2}/.test(token)) {
      this.#tokens[this.#at] = token.slice(1)
      return leaf('mn', token[0])
    }
    if (token !== '{') return this.#atom() ?? { tag: 'mrow', children: [] }
    this.#at += 1
    const nodes = this.#until(() => false)
    if (this.#tokens[this.#at] === '}') this.#at += 1
    return row(nodes)
  }

  /** The words of a group, spaces lost with the tokens put back between words. */
  #words(): string {
    if (this.#tokens[this.#at] !== '{') return this.#tokens[this.#at++] ?? ''
    const words: string[] = []
    let depth = 0
    for (; this.#at < this.#tokens.length; this.#at++) {
      const token = this.#tokens[this.#at]
      if (token === '{') depth += 1
      else if (token === '}' && --depth === 0) break
      else words.push(token)
    }
    this.#at += 1
    return words.join('')
  }

  #delimiter(): MathNode {
    const token = this.#tokens[this.#at++] ?? '.'
    const sign = token === '.' ? '' : (operators.get(token.slice(1)) ?? token.replace(/^\\/, ''))
    return leaf('mo', sign, { stretchy: 'true' })
  }

  #table(name: string): MathNode {
    const rows: MathNode[] = []
    const ended = (): boolean => this.#tokens[this.#at] === '\\end' || this.#at >= this.#tokens.length
    if (name.startsWith('array') && this.#tokens[this.#at] === '{') this.#words()
    while (!ended()) {
      const cells: MathNode[] = []
      for (;;) {
        cells.push({ tag: 'mtd', children: this.#until((token) => token === '&' || token === '\\\\' || token === '\\end') })
        if (this.#tokens[this.#at] !== '&') break
        this.#at += 1
      }
      rows.push({ tag: 'mtr', children: cells })
      if (this.#tokens[this.#at] === '\\\\') this.#at += 1
      else if (!ended()) this.#at += 1
    }
    this.#at += 1
    this.#words()
    const table: MathNode = { tag: 'mtable', children: rows }
    const fences: Readonly<Record<string, readonly [string, string]>> = {
      pmatrix: ['(', ')'],
      bmatrix: ['[', ']'],
      vmatrix: ['|', '|'],
      cases: ['{', ''],
    }
    const fence = fences[name]
    return fence ? row([leaf('mo', fence[0], { stretchy: 'true' }), table, leaf('mo', fence[1], { stretchy: 'true' })]) : table
  }

  #atom(): MathNode | null {
    const token = this.#tokens[this.#at++]
    if (token === '{') {
      this.#at -= 1
      return this.#argument()
    }
    if (/^\d/.test(token)) return leaf('mn', token)
    if (/^\p{L}$/u.test(token)) return leaf('mi', token)
    if (!token.startsWith('\\')) return token === '&' ? null : leaf('mo', token === '-' ? '−' : token === '*' ? '∗' : token)
    const name = token.slice(1)
    const letter = letters.get(name)
    if (letter !== undefined) return leaf('mi', letter)
    const sign = operators.get(name)
    if (sign !== undefined) return leaf('mo', sign)
    const wide = big.get(name)
    if (wide !== undefined) return leaf('mo', wide, limits.has(name) ? { movablelimits: 'false' } : undefined)
    if (functions.has(name)) return leaf('mi', name)
    if (name in spaces) return { tag: 'mspace', attributes: { width: spaces[name] } }
    if (name in accents) return { tag: 'mover', attributes: { accent: 'true' }, children: [this.#argument(), leaf('mo', accents[name])] }
    if (name in styles) {
      const word = this.#words()
      return name === 'mathbb' && doubleStruck[word] ? leaf('mi', doubleStruck[word]) : leaf('mi', word, { mathvariant: styles[name] })
    }
    switch (name) {
      case 'frac':
      case 'dfrac':
      case 'tfrac':
      case 'cfrac':
        return { tag: 'mfrac', children: [this.#argument(), this.#argument()] }
      case 'binom':
        return row([
          leaf('mo', '('),
          { tag: 'mfrac', attributes: { linethickness: '0' }, children: [this.#argument(), this.#argument()] },
          leaf('mo', ')'),
        ])
      case 'sqrt': {
        if (this.#tokens[this.#at] !== '[') return { tag: 'msqrt', children: [this.#argument()] }
        this.#at += 1
        const index = row(this.#until((each) => each === ']'))
        this.#at += 1
        return { tag: 'mroot', children: [this.#argument(), index] }
      }
      case 'boxed':
      case 'fbox':
        return { tag: 'mrow', attributes: { class: 'boxed' }, children: [this.#argument()] }
      case 'text':
      case 'textbf':
      case 'textit':
      case 'mbox':
      case 'textrm':
        return leaf('mtext', this.#words())
      case 'left':
      case 'right':
      case 'bigl':
      case 'bigr':
      case 'Bigl':
      case 'Bigr':
      case 'big':
      case 'Big':
        return this.#delimiter()
      case 'begin':
        return this.#table(this.#words().replace(/\*$/, ''))
      case 'displaystyle':
      case 'textstyle':
      case 'limits':
      case 'nolimits':
      case '\\':
      case 'hline':
        return null
      default:
        return leaf('mtext', /^[A-Za-z]/.test(name) ? token : name)
    }
  }
}

/** The mathematics of a formula, without its delimiters. Never throws: what cannot be read is shown as it was written. */
export const mathOf = (source: string): MathNode =>
  new Reader(source.replace(/\\text\{([^{}]*)\}/g, (_, words: string) => `\\text{${words.replaceAll(' ', '\u00a0')}}`)).all()
