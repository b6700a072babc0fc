/**
 * Applies the person's choice of theme, contrast and text size to the document.
 * Colours themselves live in tokens.css; this file only sets the attributes they listen to. "system" removes the
 * override, and contrast then follows the operating system, also when it changes while the window is open.
 */

export interface Appearance {
  readonly theme: 'system' | 'light' | 'dark'
  readonly contrast: 'system' | 'normal' | 'more'
  /** Factor on every text and spacing size, 0.8 to 2. */
  readonly textSize: number
}

export const defaultAppearance: Appearance = { theme: 'system', contrast: 'system', textSize: 1 }

/** Writes the appearance onto `root`; the returned function stops following the system. */
export function applyAppearance(appearance: Appearance, root: HTMLElement = document.documentElement): () => void {
  const { theme, contrast, textSize } = appearance
  if (theme === 'system') root.removeAttribute('data-theme')
  else root.setAttribute('data-theme', theme)
  root.style.setProperty('--text-size', String(Math.min(2, Math.max(0.8, textSize))))

  const wantsMore = window.matchMedia('(prefers-contrast: more)')
  const setContrast = () => {
    const more = contrast === 'more' || (contrast === 'system' && wantsMore.matches)
    if (more) root.setAttribute('data-contrast', 'more')
    else root.removeAttribute('data-contrast')
  }
  setContrast()
  wantsMore.addEventListener('change', setContrast)
  return () => wantsMore.removeEventListener('change', setContrast)
}
