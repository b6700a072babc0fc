// `mrt`: the laboratory from a terminal. Every command opens the workspace, makes ordinary lab calls, shows progress on stderr and prints
// its result on stdout; with --json the last thing on stdout is one JSON object.
import { Command, CommanderError } from 'commander'
import { describeFailure, EXIT_MISTAKE } from './cli/failure.ts'
import { compareCommand, evaluateCommand, quickstartCommand, resumeCommand, runCommand, runsCommand } from './cli/experiments.ts'
import { dataCommands } from './cli/data.ts'
import { exportCommand, handOverCommand, mergeCommand, reportCommand } from './cli/exports.ts'
import { followCommand } from './cli/follow.ts'
import { devicesCommand, serveCommand, starterCommand, workerCommand } from './cli/machine.ts'
import { calibrationCommand, measureCommand, voteCommand } from './cli/measure.ts'
import { generateCommand, modelsCommand } from './cli/models.ts'
import { checkCommand, referenceCommand, salvageCommand } from './cli/repair.ts'
import { sampleCommand } from './cli/sample.ts'
import { studyCommand } from './cli/study.ts'
import { taskCommands } from './cli/tasks.ts'

const program = new Command('mrt')
  .description('MRT Workbench: train small language models with meta reinforcement fine-tuning, and see how they spend test-time compute')
  .showHelpAfterError('(add --help for the options)')
  .exitOverride()
for (const command of [
  quickstartCommand(),
  runCommand(),
  resumeCommand(),
  evaluateCommand(),
  measureCommand(),
  voteCommand(),
  calibrationCommand(),
  studyCommand(),
  runsCommand(),
  compareCommand(),
  serveCommand(),
  devicesCommand(),
  workerCommand(),
  starterCommand(),
  sampleCommand(),
  ...dataCommands(),
  ...taskCommands(),
  followCommand(),
  modelsCommand(),
  generateCommand(),
  exportCommand(),
  handOverCommand(),
  reportCommand(),
  mergeCommand(),
  checkCommand(),
  salvageCommand(),
  referenceCommand(),
])
  program.addCommand(command)

let cancelled = false
process.once('SIGINT', () => {
  cancelled = true
})
try {
  await program.parseAsync()
} catch (error) {
  // By its class: other errors have a code too, and an aborted one has a number there.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_MISTAKE
  else {
    const failure = describeFailure(error, cancelled)
    process.stderr.write(`${failure.text}\n`)
    process.exitCode = failure.exitCode
  }
}
