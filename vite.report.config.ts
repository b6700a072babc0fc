// The page of reports as one file: script and styles are written into it, with a content policy that names exactly those two and allows
// nothing else, so that it opens from a disk and asks nobody for anything. The lab writes a comparison into its one empty element.
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'

const at = (path: string) => resolve(import.meta.dirname, path)
const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

/** One HTML file out of the script and the style sheet of the build. */
function oneFile(path: string): Plugin {
  return {
    name: 'one-file',
    enforce: 'post',
    generateBundle(_options, bundle) {
      const pieces = Object.values(bundle)
      const script = pieces
        .flatMap((piece) => (piece.type === 'chunk' ? [piece.code] : []))
        .join('\n')
        .replaceAll('</script', '<\\/script')
      const style = pieces
        .flatMap((piece) => (piece.type === 'asset' && piece.fileName.endsWith('.css') ? [String(piece.source)] : []))
        .join('\n')
      const others = pieces.filter((piece) => piece.type === 'asset' && !piece.fileName.endsWith('.css'))
      if (others.length > 0) this.error(`a report is one file, but the build made ${others.map(({ fileName }) => fileName).join(', ')}`)
      const policy = [
        "default-src 'none'",
        `script-src ${hashOf(script)}`,
        `style-src ${hashOf(style)}`,
        'img-src blob: data:',
        'font-src data:',
        "base-uri 'none'",
        "form-action 'none'",
        "require-trusted-types-for 'script'",
      ].join('; ')
      const page = [
        '<!doctype html>',
        '<html lang="en">',
        '<head>',
        '<meta charset="utf-8" />',
        `<meta http-equiv="content-security-policy" content="${policy}" />`,
        '<meta name="viewport" content="width=device-width, initial-scale=1" />',
        '<link rel="icon" href="data:," />',
        '<title>MRT Workbench: report</title>',
        `<style>${style}</style>`,
        '</head>',
        '<body>',
        '<div id="report"></div>',
        '<script type="application/json" id="recording">null</script>',
        `<script type="module">${script}</script>`,
        '</body>',
        '</html>',
        '',
      ].join('\n')
      for (const name of Object.keys(bundle)) delete bundle[name]
      mkdirSync(resolve(path, '..'), { recursive: true })
      writeFileSync(path, page)
    },
  }
}

export default defineConfig({
  root: at('src-renderer'),
  plugins: [svelte({ configFile: false, compilerOptions: { runes: true } }), oneFile(at('out/report/report.html'))],
  build: {
    outDir: at('out/report'),
    emptyOutDir: false,
    target: 'es2022',
    cssTarget: 'chrome130',
    cssCodeSplit: false,
    // The fonts are written into the one file.
    assetsInlineLimit: Number.MAX_SAFE_INTEGER,
    minify: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { input: at('src-renderer/report.ts'), output: { codeSplitting: false } },
  },
})
