import type { StudyCell } from '../../../src-preload/contract.ts'
import { duration } from '../../charts/format.ts'
import type { IconName } from '../../parts/Icon.svelte'
import type { StudyState } from '../../state/studies.svelte.ts'

export const stateWords: Readonly<Record<StudyState, string>> = {
  finished: 'finished',
  running: 'running',
  waiting: 'waiting',
  paused: 'paused',
  failed: 'with failed cells',
}

/** What has become of a cell, by a sign and a word. A cell that was begun and has no job rests. */
export function cellState(
  { status, step, steps, wallMs }: StudyCell,
  working: boolean,
): { readonly word: string; readonly icon: IconName | null; readonly tone: 'good' | 'accent' | 'warn' | 'bad' | 'quiet' } {
  if (status === 'finished') return { word: wallMs > 0 ? duration(wallMs / 1000) : 'finished', icon: 'check', tone: 'good' }
  if (status === 'failed') return { word: 'failed', icon: 'error', tone: 'bad' }
  if (status === 'waiting') return { word: 'waiting', icon: null, tone: 'quiet' }
  const word = step < steps ? `step ${step} of ${steps}` : 'evaluating'
  return working ? { word, icon: 'play', tone: 'accent' } : { word, icon: 'pause', tone: 'warn' }
}
