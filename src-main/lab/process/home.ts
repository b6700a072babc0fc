// Folders of the program itself, for the faces that start a lab process: this file loads nothing.

import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Where the program keeps its own small files, and workspaces that were not put anywhere else: a folder people can see. */
export const homeFolder = (): string => process.env.MRT_HOME ?? join(homedir(), 'MRT Workbench')

/** The sample workspace under the folder of the program; null without one. Inside a packed application it lies beside the archive. */
export function sampleFolder(root: string): string | null {
  const folder = join(root, 'resources', 'sample').replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked')
  return existsSync(join(folder, 'workspace.db')) ? folder : null
}
