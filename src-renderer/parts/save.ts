/** Hands a finished text or picture to the person: as a file through the browser's own download, or on the clipboard. */

/** Offers `content` under `name`; where it goes is the browser's (or Electron's) question to ask. */
export function saveFile(name: string, content: Blob | string, type = 'text/plain;charset=utf-8'): void {
  const blob = typeof content === 'string' ? new Blob([content], { type }) : content
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  // The download has taken its own reference once the click has been handled.
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

const deaf = new Set<(error: unknown) => void>()

/** Hears of every copy that failed, so that none fails in silence; returns how to stop. */
export function onCopyFailed(listener: (error: unknown) => void): () => void {
  deaf.add(listener)
  return () => void deaf.delete(listener)
}

/** Puts text on the clipboard, by the page's own selection where the browser refuses the other way. Rejects when neither works; listeners hear of it. */
export async function copyText(text: string): Promise<void> {
  try {
    // A page that is not served safely has no clipboard at all.
    await navigator.clipboard.writeText(text)
  } catch (error) {
    if (copiedBySelection(text)) return
    for (const listener of deaf) listener(error)
    throw error
  }
}

function copiedBySelection(text: string): boolean {
  const before = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'visually-hidden'
  // Inside an open dialog nothing outside of it can be selected.
  ;(document.querySelector('dialog[open]') ?? document.body).append(field)
  field.select()
  const done = document.execCommand('copy')
  field.remove()
  if (before instanceof HTMLElement) before.focus()
  return done
}
