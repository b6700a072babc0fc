// Formats every TypeScript file and script, or with --check only says which are not as they should be.
import { spawnSync } from 'node:child_process'

const files = [
  'src-main/**/*.ts',
  'src-preload/**/*.ts',
  'src-renderer/**/*.ts',
  'test/**/*.ts',
  'bench/**/*.ts',
  'scripts/**/*.mjs',
  '*.ts',
  '*.js',
]
const how = process.argv.includes('--check') ? ['--check', '--log-level', 'warn'] : ['--write', '--log-level', 'warn']
process.exit(spawnSync(process.execPath, ['node_modules/prettier/bin/prettier.cjs', ...how, ...files], { stdio: 'inherit' }).status ?? 1)
