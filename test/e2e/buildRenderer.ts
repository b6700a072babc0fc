/** Builds the renderer before the browser tests, so that they never look at yesterday's page. Takes about a second. */
import { resolve } from 'node:path'
import { build } from 'vite'

export default async function buildRenderer(): Promise<void> {
  await build({ configFile: resolve('vite.renderer.config.ts'), logLevel: 'error' })
}
