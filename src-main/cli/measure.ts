// The command that measures J of rollouts that are on record: of a run, ours or imported, or of an evaluation.
import { Command, Option } from 'commander'
import { measureJ } from '../lab/thinking/measureJ.ts'
import { wholeNumber } from './options.ts'
import { DEFAULT_WORKSPACE, withSession } from './session.ts'
import { writeJson } from './table.ts'

interface MeasureOptions {
  readonly workspace: string
  readonly json?: boolean
  readonly threads?: number
  readonly run?: number
  readonly evaluation?: number
  readonly model: string
  readonly method: 'exact' | 'sampled'
  readonly samples: number
  readonly limit: number
}

export function measureCommand(): Command {
  return new Command('measure')
    .description('measure J at every boundary of rollouts that lack it, imported ones too, and record it')
    .option('--run <id>', 'rollouts of this run', wholeNumber(1))
    .option('--evaluation <id>', 'rollouts of this evaluation', wholeNumber(1))
    .option('--model <name>', 'the weights that answer: starter, checkpoint:ID or model:ID, one that is served too', 'starter')
    .addOption(new Option('--method <name>', 'how J is had').choices(['exact', 'sampled']).default('exact'))
    .option('--samples <n>', 'answers drawn at each boundary where J is sampled', wholeNumber(1), 16)
    .option('--limit <n>', 'rollouts at most, evenly thinned', wholeNumber(1), 4000)
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--threads <n>', 'threads of a running graph (default: all cores)', wholeNumber(1))
    .option('--json', 'print one JSON object as the last line')
    .action((options: MeasureOptions) =>
      withSession(options, async (session) => {
        const { run, evaluation, model, method, samples, limit, json } = options
        const scope = { ...(run !== undefined && { runId: run }), ...(evaluation !== undefined && { evaluationId: evaluation }) }
        const outcome = await measureJ(session, { scope, start: model, method, samples, limit }, session)
        session.progress.close()
        const left = Object.entries(outcome.unreadable).map(([reason, count]) => `${count} ${reason}`)
        process.stdout.write(
          `J measured of ${outcome.measured} rollouts${outcome.known > 0 ? `; ${outcome.known} had it` : ''}${left.length > 0 ? `; left out: ${left.join(', ')}` : ''}\n`,
        )
        if (json) writeJson({ workspace: session.store.folder, ...outcome })
      }),
    )
}
