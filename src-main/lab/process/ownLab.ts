// The laboratory within the process of a command: the same answers as a window gets, and those that only a command may have, asked without a channel between. It ends with the command.
import type { LabEvent, OwnClient } from '../../../src-preload/contract.ts'
import { askDirectly } from '../answers/answer.ts'
import { createLab } from './createLab.ts'
import { experiments } from './experiments.ts'
import { homeFolder } from './home.ts'
import { programVersion } from './resources.ts'

export interface OwnLabOptions {
  readonly folder: string
  readonly create: boolean
  /** Threads of a running graph; all cores unless given. */
  readonly threads?: number | undefined
  readonly tell: (event: LabEvent) => void
  /** Aborted when the command is cancelled: calls under way reject. */
  readonly ended: AbortSignal
}

export interface OwnLab {
  readonly client: OwnClient
  /** The folder of the workspace, whole. */
  readonly folder: string
  /** Cancels what is at work, waits until it has let go, and gives everything back. */
  close(): Promise<void>
}

/** Opens a workspace in a lab of its own. Throws what opening a workspace throws. */
export async function openOwnLab({ folder, create, threads, tell, ended }: OwnLabOptions): Promise<OwnLab> {
  const lab = createLab({
    home: homeFolder(),
    sample: null,
    version: programVersion(),
    tell,
    brief: true,
    program: 'mrt',
    experiments: {
      ...experiments,
      openEngine: async () => (await import('../../engine/engine.ts')).openEngine(threads === undefined ? {} : { threads }),
    },
  })
  const client = askDirectly(lab.answers, lab.own, ended)
  try {
    const opened = await client.workspace.open({ folder, create })
    return { client, folder: opened.folder, close: () => lab.close() }
  } catch (error) {
    await lab.close()
    throw error
  }
}
