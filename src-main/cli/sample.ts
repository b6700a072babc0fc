// The command that makes the sample workspace out of a real one.
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { wholeNumber } from './options.ts'
import { DEFAULT_WORKSPACE, withLab } from './session.ts'

export function sampleCommand(): Command {
  return new Command('sample')
    .description('make the sample workspace that ships with the program out of finished runs')
    .argument('<runs...>', 'ids of the runs')
    .option('--workspace <folder>', 'where the runs are', DEFAULT_WORKSPACE)
    .option('--out <folder>', 'folder of the sample', join('resources', 'sample'))
    .option('--every <n>', 'keep the rollouts of every so many steps', wholeNumber(1), 10)
    .option('--groups <n>', 'prompt groups kept of each such step', wholeNumber(1), 6)
    .option('--problems <n>', 'problems whose rollouts are kept of each evaluation', wholeNumber(1), 60)
    .action((runs: string[], options: { workspace: string; out: string; every: number; groups: number; problems: number }) =>
      withLab(options, async ({ client }) => {
        await client.workspaces.sample({
          folder: resolve(options.out),
          runIds: runs.map(wholeNumber(1)),
          everySteps: options.every,
          groups: options.groups,
          evaluationProblems: options.problems,
        })
        process.stdout.write(`Sample workspace in ${resolve(options.out)}\n`)
      }),
    )
}
