// What a command holds while it works: a client of the laboratory in its own process, a way to be cancelled by Ctrl-C, and the progress line.
// Closing it gives everything back, whatever happened.
import { resolve } from 'node:path'
import type { LabEvent, OwnClient } from '../../src-preload/contract.ts'
import { openOwnLab } from '../lab/process/ownLab.ts'
import { openProgress } from './progress.ts'
import type { ProgressLine } from './progress.ts'

export const DEFAULT_WORKSPACE = 'workspace'

interface LabOptions {
  readonly workspace?: string
  readonly create?: boolean
  readonly threads?: number
  /** What a command that is cancelled has come to is told as ever: Ctrl-C ends the jobs at work, and calls go on. */
  readonly tellsItsEnd?: boolean
  /** How the label of progress is told. */
  readonly label?: (label: string) => string
  /** Hears of everything that the laboratory tells; progress and warnings are shown in any case. */
  readonly onEvent?: (event: LabEvent, progress: ProgressLine) => void
}

export interface Asking {
  readonly client: OwnClient
  /** The folder of the workspace, whole. */
  readonly folder: string
  readonly progress: ProgressLine
  /** Aborted by Ctrl-C; calls under way reject then, unless the command tells its end. */
  readonly signal: AbortSignal
}

/** Opens the workspace in a laboratory of its own, runs `work` with a client of it and closes everything. Ctrl-C aborts the signal once; a second Ctrl-C ends the process. */
export async function withLab<Result>(
  { workspace = DEFAULT_WORKSPACE, create = false, threads, tellsItsEnd = false, label = (told) => told, onEvent }: LabOptions,
  work: (asking: Asking) => Promise<Result>,
): Promise<Result> {
  const controller = new AbortController()
  const cancel = (): void => controller.abort()
  process.once('SIGINT', cancel)
  const progress = openProgress()
  const { signal } = controller
  const tell = (event: LabEvent): void => {
    if (event.kind === 'progress') progress.show({ ...event.report, label: label(event.report.label) })
    if (event.kind === 'event' && event.event.level !== 'info') progress.say(`! ${event.event.message}`)
    onEvent?.(event, progress)
  }
  try {
    const ended = tellsItsEnd ? new AbortController().signal : signal
    const lab = await openOwnLab({ folder: resolve(workspace), create, threads, tell, ended })
    if (tellsItsEnd) signal.addEventListener('abort', () => void endJobs(lab.client))
    try {
      return await work({ client: lab.client, folder: lab.folder, progress, signal })
    } finally {
      await lab.close()
    }
  } finally {
    process.removeListener('SIGINT', cancel)
    progress.close()
  }
}

async function endJobs({ jobs }: OwnClient): Promise<void> {
  for (const { id } of await jobs.list()) await jobs.cancel({ jobId: id }).catch(() => {})
}
