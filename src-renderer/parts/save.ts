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

export const copyText = (text: string): Promise<void> => navigator.clipboard.writeText(text)
