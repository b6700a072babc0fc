// The commands for a workspace that a disk has damaged: look at it, and take what can be read into a new one.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { LabError } from '../../src-preload/contract.ts'
import { referencePage } from '../lab/files/referencePage.ts'
import { complaintAbout, salvage } from '../lab/files/salvageWorkspace.ts'
import { openProgress } from './progress.ts'
import { DEFAULT_WORKSPACE } from './session.ts'
import { tableText, writeJson } from './table.ts'

export function checkCommand(): Command {
  return new Command('check')
    .description('read the whole database of a workspace and compare every index with its table; changes nothing')
    .argument('[folder]', 'the workspace', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')
    .action((folder: string, options: { json?: boolean }) => {
      const file = join(resolve(folder), 'workspace.db')
      if (!existsSync(file))
        throw new LabError('workspace.missing', {
          expected: `a workspace (workspace.db) in ${resolve(folder)}`,
          found: 'none',
          next: 'Name the folder that holds workspace.db.',
        })
      const complaint = complaintAbout(file)
      if (complaint !== null)
        throw new LabError('workspace.corrupt', {
          expected: `an intact database at ${file}`,
          found: `a damaged one (${complaint})`,
          next: 'Open it with a command that writes: indexes alone are made again. Where that is refused, save what can be read: mrt salvage FOLDER --into NEW.',
        })
      process.stdout.write(`${file} is whole.\n`)
      if (options.json) writeJson({ workspace: resolve(folder), whole: true })
    })
}

export function salvageCommand(): Command {
  return new Command('salvage')
    .description('take what can still be read of a damaged workspace into a new one, and count it; the damaged one is only read')
    .argument('<folder>', 'the damaged workspace')
    .requiredOption('--into <folder>', 'the new workspace; an empty folder, or one that is not there')
    .option('--json', 'print one JSON object as the last line')
    .action(async (folder: string, options: { into: string; json?: boolean }) => {
      const controller = new AbortController()
      const cancel = (): void => controller.abort()
      process.once('SIGINT', cancel)
      const progress = openProgress()
      try {
        const saved = await salvage(folder, options.into, {
          signal: controller.signal,
          told: (done, total) =>
            progress.show({
              job: 'salvage',
              label: 'saving what can be read',
              done,
              total,
              unit: 'tables',
              etaMs: null,
              tokensPerSecond: null,
              memoryBytes: process.memoryUsage.rss(),
              atMs: Date.now(),
            }),
        })
        progress.close()
        process.stdout.write(
          `${tableText<(typeof saved)['tables'][number]>(
            [
              { title: 'table', align: 'left', cell: ({ table }) => table },
              { title: 'kept', cell: ({ kept }) => String(kept) },
              { title: 'lost at most', cell: ({ lost }) => String(lost) },
              { title: 'without what it belongs to', cell: ({ orphaned }) => String(orphaned) },
            ],
            saved.tables,
          )}\n`,
        )
        if (saved.incompleteRollouts > 0)
          process.stdout.write(`${saved.incompleteRollouts} rollouts had lost their text or episodes and were left out\n`)
        if (saved.missingCheckpoints > 0)
          process.stdout.write(`${saved.missingCheckpoints} checkpoints had lost their files and were left out\n`)
        process.stdout.write(`What could be read is in ${saved.folder}\n`)
        if (options.json) writeJson(saved)
      } finally {
        process.removeListener('SIGINT', cancel)
        progress.close()
      }
    })
}

export function referenceCommand(): Command {
  return new Command('reference')
    .description('every setting, algorithm, metric and word, as Markdown')
    .action(() => void process.stdout.write(referencePage()))
}
