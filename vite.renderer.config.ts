// The window's side of the build: Svelte pages as plain files that a strict content policy accepts (no inline script or
// style). Used alone for the served mode and the tests (`vite build -c vite.renderer.config.ts`) and, through
// electron.vite.config.ts, for the desktop application.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { build, defineConfig, type Plugin } from 'vite'
import { licences } from './scripts/licences.ts'

const root = resolve(import.meta.dirname, 'src-renderer')

/** Whoever builds the pages builds the page of reports too. */
const report: Plugin = {
  name: 'report',
  apply: 'build',
  closeBundle: async () => void (await build({ configFile: resolve(import.meta.dirname, 'vite.report.config.ts'), logLevel: 'error' })),
}

export default defineConfig({
  root,
  base: './',
  plugins: [svelte({ configFile: false, compilerOptions: { runes: true } }), report, licences],
  build: {
    outDir: resolve(import.meta.dirname, 'out/renderer'),
    emptyOutDir: true,
    target: 'es2022',
    cssTarget: 'chrome130',
    minify: true,
    // Fonts and images become files: data: URLs would need a wider policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Pages come from this machine: one large file costs nothing.
    chunkSizeWarningLimit: 3000,
    rolldownOptions: {
      // By name: a list would be joined to the empty default that electron-vite puts before it.
      input: Object.fromEntries(
        ['index', 'gallery'].map((page) => [page, resolve(root, `${page}.html`)] as const).filter(([, page]) => existsSync(page)),
      ),
    },
  },
})
