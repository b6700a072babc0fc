// The desktop build: main process and lab process as ES modules for Node 24, the preload as one CommonJS file (a sandboxed
// window can load nothing else), and the renderer from its own configuration.
import { cpSync } from 'node:fs'
import { resolve } from 'node:path'
import { defineConfig } from 'electron-vite'
import { licences } from './scripts/licences.ts'
import renderer from './vite.renderer.config.ts'

const at = (path: string) => resolve(import.meta.dirname, path)

export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      target: 'node24',
      minify: false,
      rolldownOptions: {
        input: {
          index: at('src-main/index.ts'),
          lab: at('src-main/lab/process/process.ts'),
          algebraWorker: at('src-main/tasks/graders/algebraWorker.ts'),
          cutWorker: at('src-main/lab/thinking/cutWorker.ts'),
        },
        // All in one folder: what a module finds beside itself (its worker, the store's migrations) stays beside it.
        output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
      },
    },
    plugins: [
      licences,
      { name: 'migrations', closeBundle: () => cpSync(at('src-main/store/migrations'), at('out/main/migrations'), { recursive: true }) },
    ],
  },
  preload: {
    build: {
      outDir: 'out/preload',
      target: 'node24',
      minify: false,
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: at('src-preload/index.ts') },
        external: ['electron'],
        output: { format: 'cjs', entryFileNames: '[name].cjs', codeSplitting: false },
      },
    },
  },
  renderer,
})
