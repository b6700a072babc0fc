/** Answers as they were meant: blocks, inlines, and mathematics as a tree. */
import { describe, expect, it } from 'vitest'
import { blocksOf, inlinesOf, unwrapped } from '../../src-renderer/parts/richText.ts'
import { mathOf, type MathNode } from '../../src-renderer/parts/tex.ts'

/** A tree as text: tag(children) or the leaf's own words. */
const shape = ({ tag, text, children }: MathNode): string =>
  text !== undefined ? text : tag === 'mrow' ? (children ?? []).map(shape).join(' ') : `${tag}(${(children ?? []).map(shape).join(', ')})`
const math = (source: string) => shape(mathOf(source))

describe('what a model wrote', () => {
  it('is paragraphs, headings, lists and code', () => {
    expect(blocksOf('# Plan\nfirst\n\n- a\n- b\n\n```py\nx = 1\n\ny\n```').map(({ kind }) => kind)).toEqual([
      'heading',
      'paragraph',
      'list',
      'code',
    ])
    expect(blocksOf('1. a\n2. b')[0]).toMatchObject({ kind: 'list', ordered: true })
  })

  it('has tables, and a line with bars that is none stays a line', () => {
    expect(blocksOf('| arm | seeds |\n|---|--:|\n| **MRT** | 5 |\n| start |  |')).toEqual([
      {
        kind: 'table',
        head: [[{ kind: 'text', text: 'arm' }], [{ kind: 'text', text: 'seeds' }]],
        rows: [
          [[{ kind: 'strong', text: 'MRT' }], [{ kind: 'text', text: '5' }]],
          [[{ kind: 'text', text: 'start' }], []],
        ],
      },
    ])
    expect(blocksOf('| a | b |\n| - | - |\n| `P(x \\| y)` | 1 |')).toMatchObject([
      { rows: [[[{ kind: 'code', text: 'P(x | y)' }], [{ text: '1' }]]] },
    ])
    expect(blocksOf('P(a | b)\nis | not\na | table').map(({ kind }) => kind)).toEqual(['paragraph'])
  })

  it('flows where its lines were only of a fixed width, and keeps what opens a line', () => {
    expect(unwrapped('# A\none\n  two\nthree\n\nnext\n- a\n  b\n- c\n\n| x |\n|---|\n| y |\nend\n```sh\na\nb\n```\nlast\nline')).toBe(
      '# A\none two three\n\nnext\n- a b\n- c\n\n| x |\n|---|\n| y |\nend\n```sh\na\nb\n```\nlast line',
    )
  })

  it('has emphasis where a word is emphasised, and products stay products', () => {
    expect(inlinesOf('a **bold** and *soft* `x`').map(({ kind }) => kind)).toEqual(['text', 'strong', 'text', 'emphasis', 'text', 'code'])
    expect(inlinesOf('5 * 15 * 3 = 225 and 2*3*4')).toEqual([{ kind: 'text', text: '5 * 15 * 3 = 225 and 2*3*4' }])
  })

  it('has mathematics in all four delimiters and in a box, and prices are none', () => {
    expect(inlinesOf('$x$ \\(y\\) \\[z\\] $$w$$').filter(({ kind }) => kind === 'math')).toHaveLength(4)
    expect(inlinesOf('so \\boxed{\\frac{1}{2}}').at(-1)).toMatchObject({ kind: 'math', text: '\\boxed{\\frac{1}{2}}' })
    expect(inlinesOf('it costs $5 and $6')).toHaveLength(1)
    expect(blocksOf('so\n\\[\na\n\nb\n\\]\nthen').map(({ kind }) => kind)).toEqual(['paragraph', 'paragraph', 'paragraph'])
  })
})

describe('mathematics', () => {
  it('reads fractions, roots, powers, indices and brackets', () => {
    expect(math('\\frac{a+1}{2}')).toBe('mfrac(a + 1, 2)')
    expect(math('\\sqrt[3]{x^2}')).toBe('mroot(msup(x, 2), 3)')
    expect(math('x_i^{2n}')).toBe('msubsup(x, i, 2 n)')
    expect(math('\\left(\\dfrac12\\right)')).toBe('( mfrac(1, 2) )')
    expect(math("f'(x) \\le \\pi \\cdot 10.5")).toBe('msup(f, ′) ( x ) ≤ π · 10.5')
    expect(math('\\sum_{i=1}^n i')).toBe('munderover(∑, i = 1, n) i')
  })

  it('reads matrices, cases, text and boxes', () => {
    expect(math('\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}')).toBe('( mtable(mtr(mtd(1), mtd(2)), mtr(mtd(3), mtd(4))) )')
    expect(math('\\boxed{42}\\text{ apples}')).toBe('42 \u00a0apples')
  })

  it('shows what it does not know as it was written, and never fails', () => {
    expect(math('\\unknowncommand x')).toBe('\\unknowncommand x')
    for (const broken of ['\\frac{1', '}', '^2', '\\begin{pmatrix} 1', 'x_', '\\left', '{{{', '\\sqrt[', '&&'])
      expect(() => mathOf(broken)).not.toThrow()
  })
})
