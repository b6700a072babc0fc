// Tests in a real Chromium, on the built renderer. The browser comes from the system: CHROMIUM, or the first one on the PATH.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { defineConfig } from '@playwright/test'

function chromium(): string | undefined {
  if (process.env.CHROMIUM && existsSync(process.env.CHROMIUM)) return process.env.CHROMIUM
  try {
    return execFileSync('sh', ['-c', 'command -v chromium || command -v chromium-browser || command -v google-chrome'], {
      encoding: 'utf8',
    }).trim()
  } catch {
    return undefined
  }
}

export default defineConfig({
  testDir: 'test/e2e',
  testMatch: '*.spec.ts',
  // What records attempts to reach other machines is a library for Linux.
  testIgnore: process.platform === 'linux' ? [] : ['offline.spec.ts'],
  outputDir: 'test-results/e2e',
  globalSetup: './test/e2e/buildRenderer.ts',
  // A file a core, two at most: every file has a lab of its own, and what is drawn is held to times that a busy machine keeps.
  workers: Math.min(2, availableParallelism()),
  timeout: 240_000,
  expect: { timeout: 15_000 },
  reporter: [['list'], ['json', { outputFile: 'test-results/playwright.json' }]],
  use: {
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
    launchOptions: {
      executablePath: chromium(),
      chromiumSandbox: false,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
})
