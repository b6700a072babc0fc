// The vocabulary of written mathematics as plain tables: which LaTeX commands mean the same,
// which are only appearance, which Unicode signs stand for what, which words are functions.
// Data only; tokens.ts and parse.ts walk these tables.

/** A table looked up with words from answers: nothing inherited, so that "constructor" is just a word. */
export const table = <T>(entries: Readonly<Record<string, T>>): Readonly<Record<string, T>> => Object.assign(Object.create(null) as object, entries) as Record<string, T>

/** Commands that change only the look; they vanish. */
export const APPEARANCE: ReadonlySet<string> = new Set([
  'left', 'right', 'middle', 'big', 'Big', 'bigg', 'Bigg', 'bigl', 'bigr', 'Bigl', 'Bigr', 'biggl', 'biggr', 'Biggl', 'Biggr',
  'displaystyle', 'textstyle', 'scriptstyle', 'limits', 'nolimits', 'boxed', 'fbox', 'rm', 'bf', 'it', 'Large', 'large', 'normalsize',
  'quad', 'qquad', 'enspace', 'thinspace', 'medspace', 'thickspace', 'negthinspace', 'ensuremath', 'mathstrut', 'hline', 'centering',
])

/** Commands that vanish together with their one braced argument. */
export const SKIPPED_WITH_ARGUMENT: ReadonlySet<string> = new Set(['phantom', 'hspace', 'vspace', 'color', 'textcolor', 'tag', 'label', 'hphantom'])

/** Commands whose braced argument is running text (or upright letters, which people use for text and units alike). */
export const TEXT_COMMANDS: ReadonlySet<string> = new Set([
  'text', 'textbf', 'textit', 'textrm', 'textsf', 'texttt', 'textnormal', 'emph', 'mbox', 'hbox', 'mathrm', 'mathsf', 'mathit', 'operatorname',
])

/** One spelling for commands that mean the same. A value of one character is a mark, a longer one a command. */
export const SAME_COMMAND = table<string>({
  dfrac: 'frac', tfrac: 'frac', cfrac: 'frac', dbinom: 'binom', tbinom: 'binom',
  leq: 'le', leqslant: 'le', leqq: 'le', geq: 'ge', geqslant: 'ge', geqq: 'ge', neq: 'ne', lt: '<', gt: '>',
  cdot: '*', times: '*', ast: '*', div: '/', vert: '|', lvert: '|', rvert: '|', mid: '|', colon: ':',
  lbrace: '{{', rbrace: '}}', lbrack: '[', rbrack: ']', lparen: '(', rparen: ')',
  land: 'and', wedge: 'and', lor: 'or', vee: 'or',
  varnothing: 'emptyset', infin: 'infty', degree: 'circ', textdegree: 'circ', bigcup: 'cup', smallsetminus: 'setminus', backslash: 'setminus',
  arcsinh: 'arsinh', arctg: 'arctan', tg: 'tan', ctg: 'cot', cotg: 'cot', approxeq: 'approx', simeq: 'approx', doteq: 'approx',
  varphi: 'phi', varepsilon: 'epsilon', vartheta: 'theta', dots: 'ldots', cdots: 'ldots', dotsc: 'ldots', mathbf: 'bold', boldsymbol: 'bold', bm: 'bold',
  Reals: 'mathbb R', N: 'mathbb N', Z: 'mathbb Z', R: 'mathbb R', Q: 'mathbb Q', overrightarrow: 'vec', widehat: 'hat', bar: 'overline',
  textdollar: '$', pounds: '£', euro: '€', percent: '%', And: 'and',
})

/** Unicode signs rewritten as LaTeX before anything else reads them. */
export const UNICODE = table<string>({
  '−': '-', '–': '-', '—': '-', '‐': '-', '‑': '-', '×': '*', '·': '*', '⋅': '*', '∙': '*', '∗': '*', '÷': '/', '∕': '/', '⁄': '/',
  '≤': '\\le ', '⩽': '\\le ', '≥': '\\ge ', '⩾': '\\ge ', '≠': '\\ne ', '≈': '\\approx ', '±': '\\pm ', '∓': '\\mp ', '∞': '\\infty ',
  '∪': '\\cup ', '∩': '\\cap ', '∈': '\\in ', '∅': '\\emptyset ', '∖': '\\setminus ', 'ℝ': '\\mathbb{R}', 'ℤ': '\\mathbb{Z}', 'ℕ': '\\mathbb{N}',
  'π': '\\pi ', 'θ': '\\theta ', 'α': '\\alpha ', 'β': '\\beta ', 'γ': '\\gamma ', 'λ': '\\lambda ', 'μ': '\\mu ', 'φ': '\\phi ', 'ω': '\\omega ', 'σ': '\\sigma ',
  '√': '\\sqrt ', '∛': '\\sqrt[3]', '°': '^\\circ ', '∠': '\\angle ', '△': '\\triangle ', '∧': '\\land ', '∨': '\\lor ',
  '²': '^{2}', '³': '^{3}', '¹': '^{1}', '⁰': '^{0}', '⁴': '^{4}', '⁵': '^{5}', '⁶': '^{6}', '⁷': '^{7}', '⁸': '^{8}', '⁹': '^{9}', '⁻': '^-', 'ⁿ': '^n',
  '₀': '_{0}', '₁': '_{1}', '₂': '_{2}', '₃': '_{3}', '₄': '_{4}', '₅': '_{5}', '₆': '_{6}', '₇': '_{7}', '₈': '_{8}', '₉': '_{9}',
  '½': '\\frac{1}{2}', '⅓': '\\frac{1}{3}', '⅔': '\\frac{2}{3}', '¼': '\\frac{1}{4}', '¾': '\\frac{3}{4}', '⅕': '\\frac{1}{5}', '⅛': '\\frac{1}{8}',
  '⌊': '\\lfloor ', '⌋': '\\rfloor ', '⌈': '\\lceil ', '⌉': '\\rceil ', '⟨': '\\langle ', '⟩': '\\rangle ', '〈': '\\langle ', '〉': '\\rangle ',
  '，': ', ', '；': '; ', '：': ':', '（': '(', '）': ')', '［': '[', '］': ']', '＝': '=', '＋': '+', '％': '%', '。': '.', '、': ', ', '⋯': '\\ldots ', '…': '\\ldots ',
  '“': '"', '”': '"', '‘': "'", '’': "'", '′': "'", '\u00a0': ' ', '\u2009': ' ', '\u202f': ' ', '\u200b': '', '\u2061': '', '\u2062': '', '\ufeff': '',
})

/** Functions of one argument, under every name people give them. */
export const FUNCTIONS = table<string>({
  sin: 'sin', cos: 'cos', tan: 'tan', cot: 'cot', sec: 'sec', csc: 'csc',
  arcsin: 'arcsin', arccos: 'arccos', arctan: 'arctan', asin: 'arcsin', acos: 'arccos', atan: 'arctan',
  sinh: 'sinh', cosh: 'cosh', tanh: 'tanh', ln: 'ln', log: 'log', lg: 'lg', exp: 'exp', abs: 'abs', floor: 'floor', ceil: 'ceil',
})

/** What f^{-1} means for a trigonometric f. */
export const INVERSE = table<string>({ sin: 'arcsin', cos: 'arccos', tan: 'arctan' })

/** Greek letters that are ordinary symbols (pi is a constant). */
export const GREEK: ReadonlySet<string> = new Set([
  'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota', 'kappa', 'lambda', 'mu', 'nu', 'xi', 'rho', 'sigma', 'tau',
  'upsilon', 'phi', 'chi', 'psi', 'omega', 'Gamma', 'Delta', 'Theta', 'Lambda', 'Xi', 'Pi', 'Sigma', 'Phi', 'Psi', 'Omega', 'ell', 'hbar',
])

/** Decorations that make one symbol out of what they cover. */
export const DECORATIONS: ReadonlySet<string> = new Set(['bold', 'vec', 'hat', 'tilde', 'overline', 'mathcal', 'mathbb', 'mathfrak', 'underline', 'dot', 'mathscr'])

/** Signs in front of what they name: the angle ABC, the triangle ABC. */
export const FIGURES: ReadonlySet<string> = new Set(['angle', 'triangle', 'measuredangle', 'odot', 'square'])

/** Infinity and pi spelled out. */
export const WORD_CONSTANTS = table<'pi' | 'infinity'>({ pi: 'pi', infinity: 'infinity', infty: 'infinity', inf: 'infinity', oo: 'infinity' })

/** Functions of several whole numbers. */
export const AGGREGATES: ReadonlySet<string> = new Set(['gcd', 'lcm', 'max', 'min'])

/** True for spelled-out names that belong to mathematics and not to a sentence. */
export const isMathWord = (word: string): boolean => word in FUNCTIONS || word in WORD_CONSTANTS || word === 'sqrt' || AGGREGATES.has(word)

export const MATRICES: ReadonlySet<string> = new Set(['matrix', 'pmatrix', 'bmatrix', 'Bmatrix', 'smallmatrix', 'array', 'vmatrix', 'Vmatrix', 'cases', 'aligned', 'gathered'])

/** Sentences that name a set; keys are lower case. */
export const PHRASES = table<'empty' | 'reals'>({
  'no solution': 'empty', 'no solutions': 'empty', 'no real solution': 'empty', 'no real solutions': 'empty', 'no such solution': 'empty',
  'empty set': 'empty', 'the empty set': 'empty', 'no real roots': 'empty', 'there are no solutions': 'empty', 'no real solutions exist': 'empty', 'no solution exists': 'empty',
  'all real numbers': 'reals', 'all reals': 'reals', 'all real': 'reals', 'any real number': 'reals', 'the set of all real numbers': 'reals', 'all real values': 'reals',
})
