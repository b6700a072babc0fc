/**
 * What belongs to the window and to no page: how it looks, whether the sidebar is there, what stands in front of it, and
 * the messages in its corner. Appearance and sidebar are remembered between starts.
 */
import { lab } from './client.svelte.ts'
import { isBoolean, keep, recall } from './kept.ts'
import { isCancelled, isOutage, problemOf } from './problem.ts'

export interface Message {
  readonly id: string
  readonly tone: 'info' | 'good' | 'warn' | 'bad'
  readonly title: string
  readonly text?: string
  readonly action?: string
  readonly act?: () => void
}

export const themes = ['system', 'light', 'dark'] as const
export const contrasts = ['system', 'normal', 'more'] as const
export const textSizes = [0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2] as const

interface Appearance {
  readonly theme: (typeof themes)[number]
  readonly contrast: (typeof contrasts)[number]
  readonly textSize: number
}

const plain: Appearance = { theme: 'system', contrast: 'system', textSize: 1 }

function isAppearance(value: unknown): value is Appearance {
  const { theme, contrast, textSize } = (value ?? {}) as Record<string, unknown>
  return (
    (themes as readonly unknown[]).includes(theme) &&
    (contrasts as readonly unknown[]).includes(contrast) &&
    typeof textSize === 'number' &&
    textSize >= 0.8 &&
    textSize <= 2
  )
}

/** Long enough to read; what went wrong stays until it is taken away. */
const SHOWN_MS = 7000

export class App {
  appearance: Appearance = $state.raw(recall('appearance', isAppearance, plain))
  sidebar = $state(recall('sidebar', isBoolean, true))
  /** Whether the system tells of runs that end or go wrong while the window is not in front. */
  notices = $state(recall('notices', isBoolean, true))
  /** What stands in front of the page, one thing at a time. */
  front: 'palette' | 'shortcuts' | 'workspace' | 'import' | 'follow' | 'export' | 'merge' | null = $state(null)
  messages: readonly Message[] = $state.raw([])
  #count = 0

  look(changes: Partial<Appearance>): void {
    this.appearance = { ...this.appearance, ...changes }
    keep('appearance', this.appearance)
  }

  /** One size up or down; 0 is the normal size. */
  zoom(direction: -1 | 0 | 1): void {
    const now = this.appearance.textSize
    const next = direction === 0 ? 1 : direction > 0 ? textSizes.find((size) => size > now) : textSizes.findLast((size) => size < now)
    if (next !== undefined) this.look({ textSize: next })
  }

  toggleSidebar(): void {
    this.sidebar = !this.sidebar
    keep('sidebar', this.sidebar)
  }

  toggleNotices(): void {
    this.notices = !this.notices
    keep('notices', this.notices)
  }

  /** Through the system, where the program can; the program says nothing while its window is in front. */
  notify(title: string, body: string, runId: number | null): void {
    if (this.notices && lab.info?.can.notify) lab.client.app.notify({ title, body, runId }).catch(() => {})
  }

  /** Says something in the corner of the window; returns its id. The same words twice stand there once. */
  say(message: Omit<Message, 'id'>): string {
    const id = `message-${++this.#count}`
    this.messages = [
      ...this.messages.filter(({ title, text }) => title !== message.title || text !== message.text),
      { ...message, id },
    ].slice(-4)
    if (message.tone !== 'bad') setTimeout(() => this.dismiss(id), SHOWN_MS)
    return id
  }

  dismiss(id: string): void {
    this.messages = this.messages.filter((message) => message.id !== id)
  }

  /** Does what a button asks of the lab; what goes wrong is said in the corner. Resolves to undefined then. */
  async attempt<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work()
    } catch (error) {
      if (isCancelled(error)) return undefined
      const { title, expected, found, next } = isOutage(error) ? problemOf(lab.outage ?? error) : problemOf(error)
      this.say({
        tone: 'bad',
        title,
        text: [expected && found ? `Expected ${expected}; found ${found}.` : found, next].filter(Boolean).join(' '),
      })
      return undefined
    }
  }
}

export const app = new App()
