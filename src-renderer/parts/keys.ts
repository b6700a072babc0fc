/**
 * Shortcuts as text ("Mod+Shift+F", "g g") and as key events. One spelling for menus, hints, the sheet and the handler.
 */

const marks: Readonly<Record<string, readonly [mac: string, other: string]>> = {
  Mod: ['⌘', 'Ctrl'],
  Ctrl: ['⌃', 'Ctrl'],
  Alt: ['⌥', 'Alt'],
  Shift: ['⇧', 'Shift'],
  Enter: ['↩', 'Enter'],
  Escape: ['esc', 'Esc'],
  ArrowUp: ['↑', '↑'],
  ArrowDown: ['↓', '↓'],
  ArrowLeft: ['←', '←'],
  ArrowRight: ['→', '→'],
  Space: ['space', 'Space'],
}

/** The caps to draw, in order. */
export function keyParts(keys: string, mac: boolean): readonly string[] {
  return keys
    .split(' ')
    .flatMap((chord) =>
      chord
        .split(/\+(?=.)/)
        .map((part) => marks[part]?.[mac ? 0 : 1] ?? (part.length === 1 && chord.length > 1 ? part.toUpperCase() : part)),
    )
}

export interface Pressed {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly shiftKey: boolean
}

/** Whether an event is this one chord. A bare letter is case-sensitive ("n" is not "N"), as reading keys need. */
export function isChord(event: Pressed, chord: string, mac: boolean): boolean {
  const parts = chord.split(/\+(?=.)/)
  const key = parts[parts.length - 1]
  const wants = new Set(parts.slice(0, -1))
  const mod = mac ? event.metaKey : event.ctrlKey
  const otherMod = mac ? event.ctrlKey : event.metaKey
  if (mod !== (wants.has('Mod') || (!mac && wants.has('Ctrl')))) return false
  if (otherMod !== (mac && wants.has('Ctrl')) || event.altKey !== wants.has('Alt')) return false
  const letter = key === 'Space' ? ' ' : key
  if (wants.size === 0) return event.key === letter
  return event.shiftKey === wants.has('Shift') && event.key.toLowerCase() === letter.toLowerCase()
}

/** Single keys stay out of the way while the person types. */
export function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
