/**
 * An estimate of how wide a text will be, without a canvas: margins and label placement stay pure and the same on
 * every machine. Built from average widths of the interface faces (Inter, SF, Segoe UI); errs on the wide side.
 */

const classes: readonly (readonly [RegExp, number])[] = [
  [/[ijl.,:;'|!·\u202f ]/, 0.3],
  [/[ftr()[\]/\\-]/, 0.4],
  [/[mwMW@%]/, 0.9],
  [/[A-Z+−±–=<>~→]/, 0.68],
  [/[0-9]/, 0.63],
]

/** `text` cut with an ellipsis so that it fits `room` pixels. */
export function fit(text: string, room: number, size: number, bold = false): string {
  if (textWidth(text, size, bold) <= room) return text
  let cut = text
  while (cut.length > 1 && textWidth(`${cut}…`, size, bold) > room) cut = cut.slice(0, -1)
  return `${cut.trimEnd()}…`
}

/** Width in pixels of `text` set at `size` pixels. */
export function textWidth(text: string, size: number, bold = false): number {
  let ems = 0
  for (const letter of text) ems += classes.find(([pattern]) => pattern.test(letter))?.[1] ?? 0.58
  return ems * size * (bold ? 1.04 : 1)
}
