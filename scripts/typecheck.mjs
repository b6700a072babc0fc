// Type-checks the whole repository: the main side with TypeScript, then everything again with what understands Svelte components.
import { spawnSync } from 'node:child_process'

const checks = [
  ['node_modules/typescript/bin/tsc', '--noEmit', '-p', 'tsconfig.node.json'],
  ['node_modules/svelte-check/bin/svelte-check', '--tsconfig', 'tsconfig.json', '--fail-on-warnings', '--output', 'human'],
]
for (const [program, ...args] of checks) {
  const { status } = spawnSync(process.execPath, [program, ...args], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
