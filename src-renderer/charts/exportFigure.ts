/**
 * Turns a chart on screen into a file: a self-contained SVG on light paper with its title and sentence, or a PNG of
 * that SVG. Colours are resolved through the browser, so the file needs no style sheet. Interactive layers (marked
 * data-live) stay behind.
 */
import { textWidth } from './textWidth.ts'

const NS = 'http://www.w3.org/2000/svg'

const PROPERTIES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'opacity',
  'font-size',
  'font-weight',
  'text-anchor',
  'paint-order',
  'letter-spacing',
] as const
const COLOURS: ReadonlySet<string> = new Set(['fill', 'stroke'])
const DEFAULTS: Readonly<Record<string, string>> = {
  'fill-opacity': '1',
  'stroke-opacity': '1',
  'stroke-dasharray': 'none',
  'stroke-linecap': 'butt',
  'stroke-linejoin': 'miter',
  opacity: '1',
  'text-anchor': 'start',
  'paint-order': 'normal',
  'letter-spacing': 'normal',
  stroke: 'none',
  'stroke-width': '1px',
}
const TEXT_ONLY: ReadonlySet<string> = new Set(['font-size', 'font-weight', 'text-anchor', 'letter-spacing'])
const SANS = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
const MARGIN = 12

export interface FigureText {
  readonly title: string
  readonly sentence?: string
  readonly notes?: readonly string[]
}

/** `#rrggbb` (and its opacity) of any CSS colour, as the browser paints it. */
function plainColour(colour: string, context: CanvasRenderingContext2D): readonly [hex: string, alpha: number] {
  if (colour === 'none' || colour === 'transparent') return ['none', 1]
  context.clearRect(0, 0, 1, 1)
  context.fillStyle = colour
  context.fillRect(0, 0, 1, 1)
  const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data
  if (a === 0) return ['none', 1]
  return [`#${[r, g, b].map((part) => part.toString(16).padStart(2, '0')).join('')}`, Math.round((a / 255) * 1000) / 1000]
}

/** The SVG text of `source` as a figure of its own. Width and height are those on screen plus the title block. */
export function figureSvg(source: SVGSVGElement, text: FigureText): string {
  const host = document.createElement('div')
  host.setAttribute('data-theme', 'light')
  host.className = 'visually-hidden'
  const copy = source.cloneNode(true) as SVGSVGElement
  host.append(copy)
  ;(source.parentElement ?? document.body).append(host)
  try {
    for (const live of copy.querySelectorAll('[data-live]')) live.remove()
    const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true }) as CanvasRenderingContext2D
    const paper = plainColour(getComputedStyle(host).getPropertyValue('background-color'), context)[0]
    // All styles are read before any is removed: a child's colour may be its parent's variable.
    const settled = [...copy.querySelectorAll<SVGElement>('*')].map((element) => [element, paintOf(element, context)] as const)
    for (const [element, paint] of settled) settle(element, paint)
    return dress(copy, text, paper === 'none' ? '#ffffff' : paper)
  } finally {
    host.remove()
  }
}

/** The presentation attributes that draw an element as the style sheet does. */
function paintOf(element: SVGElement, context: CanvasRenderingContext2D): readonly (readonly [string, string])[] {
  if (element.closest('clipPath')) return []
  const style = getComputedStyle(element)
  const isText = element instanceof SVGTextElement || element instanceof SVGTSpanElement
  const shape = element instanceof SVGGeometryElement || isText
  const found: (readonly [string, string])[] = []
  for (const property of PROPERTIES) {
    if (TEXT_ONLY.has(property) && !isText) continue
    if (!shape && property !== 'opacity') continue
    if (property === 'fill' && element instanceof SVGLineElement) continue
    const value = style.getPropertyValue(property)
    if (value === '' || DEFAULTS[property] === value) continue
    if (value.startsWith('url(')) found.push([property, value.replaceAll('"', '')])
    else if (COLOURS.has(property)) {
      const [hex, alpha] = plainColour(value, context)
      found.push([property, hex])
      if (alpha < 1) found.push([`${property}-opacity`, String(alpha)])
    } else if (!(property === 'stroke-width' && style.stroke === 'none')) found.push([property, value.replaceAll('px', '')])
  }
  return found
}

/** Writes the paint into attributes, rounds what layout left unrounded, and drops what only the page needs. */
function settle(element: SVGElement, paint: readonly (readonly [string, string])[]): void {
  for (const { name, value } of [...element.attributes]) {
    if (/^(class|style|data-|aria-|role|tabindex|on)/.test(name)) element.removeAttribute(name)
    else if (/^-?\d+\.\d{3,}$/.test(value)) element.setAttribute(name, String(Math.round(Number(value) * 100) / 100))
  }
  for (const [name, value] of paint) element.setAttribute(name, value)
}

function dress(copy: SVGSVGElement, text: FigureText, paper: string): string {
  const width = Number(copy.getAttribute('width'))
  const height = Number(copy.getAttribute('height'))
  const lines = [text.sentence, ...(text.notes ?? [])].flatMap((line) => (line ? wrap(line, width, 11) : []))
  const head = 24 + lines.length * 14
  const figure = document.createElementNS(NS, 'svg')
  figure.setAttribute('xmlns', NS)
  figure.setAttribute('width', String(width + 2 * MARGIN))
  figure.setAttribute('height', String(height + head + 2 * MARGIN))
  figure.setAttribute('viewBox', `0 0 ${width + 2 * MARGIN} ${height + head + 2 * MARGIN}`)
  figure.setAttribute('font-family', SANS)
  const add = (name: string, attributes: Readonly<Record<string, string | number>>, content?: string) => {
    const element = document.createElementNS(NS, name)
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
    if (content !== undefined) element.textContent = content
    figure.append(element)
    return element
  }
  add('title', {}, text.title)
  add('rect', { width: width + 2 * MARGIN, height: height + head + 2 * MARGIN, fill: paper })
  add('text', { x: MARGIN, y: MARGIN + 12, 'font-size': 13, 'font-weight': 600, fill: '#1b1d21' }, text.title)
  lines.forEach((line, i) => add('text', { x: MARGIN, y: MARGIN + 28 + 14 * i, 'font-size': 11, fill: '#4d525a' }, line))
  const body = add('g', { transform: `translate(${MARGIN},${MARGIN + head})` })
  body.append(...copy.childNodes)
  for (const comment of [...commentsIn(figure)]) comment.remove()
  return new XMLSerializer().serializeToString(figure)
}

/** Breaks a sentence into lines that fit `width` pixels. */
function wrap(sentence: string, width: number, size: number): readonly string[] {
  return sentence.split(' ').reduce<string[]>((lines, word) => {
    const longer = lines.length === 0 ? word : `${lines[lines.length - 1]} ${word}`
    return lines.length > 0 && textWidth(longer, size) <= width ? [...lines.slice(0, -1), longer] : [...lines, word]
  }, [])
}

function* commentsIn(root: Node): Generator<ChildNode> {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_COMMENT)
  while (walker.nextNode()) yield walker.currentNode as ChildNode
}

/** Paints an SVG text at `scale` times its size. Rejects when the browser cannot read the image. */
export async function svgToPng(svg: string, scale = 3): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }))
  try {
    const image = new Image()
    image.src = url
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = Math.ceil(image.naturalWidth * scale)
    canvas.height = Math.ceil(image.naturalHeight * scale)
    const context = canvas.getContext('2d') as CanvasRenderingContext2D
    context.scale(scale, scale)
    context.drawImage(image, 0, 0)
    return await new Promise((resolve, reject) => {
      canvas.toBlob(
        (blob) => (blob ? resolve(blob) : reject(new Error(`a canvas of ${canvas.width} x ${canvas.height} could not be written`))),
        'image/png',
      )
    })
  } finally {
    URL.revokeObjectURL(url)
  }
}
