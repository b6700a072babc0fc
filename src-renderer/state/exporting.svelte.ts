/**
 * Files made by the lab: written into the workspace's `exports` folder, then handed over: shown in the system's file manager
 * from a desktop window, fetched by a page (which may only fetch what it has the key for).
 */
import type { Exported, ExportRequest } from '../../src-preload/contract.ts'
import { app } from './app.svelte.ts'
import { lab } from './client.svelte.ts'

/** @param save hands a finished file to the person */
export async function exportFile(asked: ExportRequest, save: (name: string, content: Blob) => void): Promise<void> {
  const written = await app.attempt(() => lab.client.exports.write(asked))
  if (written === undefined) return
  if (lab.info?.face === 'served') await app.attempt(() => fetched(written, save))
  else {
    const { reveal = false } = lab.info?.can ?? {}
    app.say({ tone: 'good', title: `${written.fileName} is written`, text: written.path, ...(reveal && { action: 'Show it', act: () => void app.attempt(() => lab.client.app.reveal({ path: written.path })) }) })
  }
}

async function fetched({ fileName, href }: Exported, save: (name: string, content: Blob) => void): Promise<void> {
  const response = await fetch(href, { headers: { authorization: `Bearer ${lab.token}` } })
  if (!response.ok) throw new Error(`${fileName} was written into the workspace, but the server answered ${response.status} when it was fetched`)
  save(fileName, await response.blob())
}
