// Runs with a name on the home task as a backtracking search: warm starts that teach the starter to say where it goes back to, and the methods that are compared from such
// a start, which is named when they are begun (`--set start=checkpoint:ID`). The methods share everything else, as the presets of the home task do.
import type { RunSpecInput } from '../../../src-preload/contract.ts'
import type { Preset } from './presets.ts'

const task = (options: Record<string, string> = {}): Pick<RunSpecInput, 'task'> => ({
  task: { name: 'countdown-returns', options: { level: '3', ...options } },
})

const WARM = { steps: 60, optimizer: { lr: 3e-4 }, observeGroups: 2 } as const satisfies Partial<RunSpecInput>

export const returnsPresets: Readonly<Record<string, Preset>> = {
  'returns-warm': {
    title: 'Backtracking, warm start',
    about:
      'The starter learns to go back to the line where an attempt went wrong, from pairs of a failing and a right path with a shared prefix.',
    spec: { name: 'warm start', ...task(), ...WARM, algorithm: { name: 'sft' } },
  },
  'returns-warm-beginning': {
    title: 'Backtracking, warm start without shared prefixes',
    about: 'The same from pairs that share nothing and always go back to the first line: the baseline of that warm start.',
    spec: { name: 'warm start, from the beginning', ...task({ pairs: 'beginning' }), ...WARM, algorithm: { name: 'sft' } },
  },
  'returns-outcome': {
    title: 'Backtracking, outcome RL',
    about: 'Dr. GRPO on a search with returns; begin it from a warm start.',
    spec: { name: 'outcome RL', ...task(), algorithm: { name: 'dr-grpo' } },
  },
  'returns-mrt-exact': {
    title: 'Backtracking, MRT-exact',
    about: 'Every attempt and every return is also paid for its own progress; begin it from a warm start.',
    spec: { name: 'MRT-exact', ...task(), algorithm: { name: 'mrt-exact' } },
  },
  'returns-mrt-star': {
    title: 'Backtracking, MRT-STaR',
    about: 'The imitation variant on a search with returns; begin it from a warm start.',
    spec: { name: 'MRT-STaR', ...task(), algorithm: { name: 'mrt-star' } },
  },
  'returns-rise': {
    title: 'Backtracking, RISE',
    about:
      'Every attempt is imitated by its own success, whatever came before it: the baseline of self-correction; begin it from a warm start.',
    spec: { name: 'RISE', ...task(), algorithm: { name: 'rise' } },
  },
}
