/**
 * What went wrong as a screen says it: a title in the person's words over the coded error. Titles are chosen by the code's
 * longest known beginning; what has no title of its own says so without blaming anybody.
 */
import { LabError } from '../../src-preload/contract.ts'

export interface Problem {
  readonly code: string
  readonly title: string
  readonly expected?: string
  readonly found?: string
  readonly next?: string
  /** Where our own code stopped, folded away on screen. */
  readonly details?: string
}

const titles: Readonly<Record<string, string>> = {
  'call.badInput': 'One of the values was not understood',
  'call.unknown': 'This window and the lab are of different versions',
  connection: 'The connection to the lab is lost',
  'job.cancelled': 'It was cancelled',
  playground: 'This cannot be asked of this model',
  'lab.bug': 'The program made a mistake',
  'measure.nothing': 'There is nothing left to measure',
  measure: 'J cannot be measured here',
  'segment.rule': 'This rule cannot cut text',
  'lab.gone': 'The lab process has ended',
  'run.busy': 'The run is at work',
  'run.failed': 'The run stopped',
  'run.spec': 'This run cannot be started as it is',
  'run.algorithm': 'The method does not accept this',
  rl: 'The method does not accept this',
  run: 'Not possible for this run now',
  runSpec: 'This run cannot be started as it is',
  'workspace.readOnly': 'This workspace is open for reading only',
  'workspace.busyJobs': 'Work is still going on',
  workspace: 'The workspace could not be used',
}

const titleOf = (code: string): string => {
  const parts = code.split('.')
  for (let length = parts.length; length > 0; length--) {
    const title = titles[parts.slice(0, length).join('.')]
    if (title !== undefined) return title
  }
  return 'The lab could not do it'
}

/** Anything thrown, as it is shown. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof LabError) return { title: titleOf(thrown.code), ...thrown.toJSON() }
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  return {
    code: 'window.bug',
    title: 'This part of the window stopped',
    found: `${error.name}: ${error.message}`,
    next: 'Try again; what is recorded is safe.',
    details: error.stack,
  }
}

/** Refusals that the banner over the page already explains. */
export const isOutage = (thrown: unknown): boolean =>
  thrown instanceof LabError && (thrown.code === 'connection.lost' || thrown.code === 'lab.gone')
export const isCancelled = (thrown: unknown): boolean => thrown instanceof LabError && thrown.code === 'call.cancelled'
