// The commands that measure rollouts that are on record, of a run, ours or imported, or of an evaluation: J at every boundary, votes there, and whether J told the truth.
import { Command, Option } from 'commander'
import { ballotRules, type BallotRule, type Figure, type ThinkingScope, type TypeCalibration } from '../../src-preload/contract.ts'
import { wholeNumber } from './options.ts'
import { DEFAULT_WORKSPACE, withLab } from './session.ts'
import { tableText, writeJson } from './table.ts'

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

/** What the measuring gives. */
interface Measured {
  readonly measured: number
  readonly known: number
  readonly unreadable: Readonly<Record<string, number>>
}

const scopeOf = ({ run, evaluation }: Pick<MeasureOptions, 'run' | 'evaluation'>): ThinkingScope => ({
  ...(run !== undefined && { runId: run }),
  ...(evaluation !== undefined && { evaluationId: evaluation }),
})

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
      withLab(options, async ({ client, folder, progress }) => {
        const { model, method, samples, limit, json } = options
        const { id } = await client.thinking.measure({ scope: scopeOf(options), start: model, method, samples, limit })
        const outcome = (await client.jobs.done({ jobId: id })) as unknown as Measured
        progress.close()
        const left = Object.entries(outcome.unreadable).map(([reason, count]) => `${count} ${reason}`)
        process.stdout.write(
          `J measured of ${outcome.measured} rollouts${outcome.known > 0 ? `; ${outcome.known} had it` : ''}${left.length > 0 ? `; left out: ${left.join(', ')}` : ''}\n`,
        )
        if (json) writeJson({ workspace: folder, ...outcome })
      }),
    )
}

interface VoteOptions extends Omit<MeasureOptions, 'method'> {
  readonly ballots: BallotRule
}

/** Draws answers at every boundary and tells what votes among them are worth; nothing is recorded. */
export function voteCommand(): Command {
  return new Command('vote')
    .description('draw answers at every boundary of rollouts on record, and tell what a vote there is worth beside thinking on')
    .option('--run <id>', 'rollouts of this run', wholeNumber(1))
    .option('--evaluation <id>', 'rollouts of this evaluation', wholeNumber(1))
    .option('--model <name>', 'the weights that answer: starter, checkpoint:ID or model:ID, one that is served too', 'starter')
    .option('--samples <n>', 'answers drawn at each boundary; regret over episodes needs 8', wholeNumber(2), 8)
    .option('--limit <n>', 'rollouts at most, evenly thinned', wholeNumber(1), 40)
    .addOption(
      new Option(
        '--ballots <rule>',
        'what a vote weighs: one answer one vote, or by likelihood as the paper describes it or as its notebook was released',
      )
        .choices(ballotRules)
        .default('plain'),
    )
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--threads <n>', 'threads of a running graph (default: all cores)', wholeNumber(1))
    .option('--json', 'print one JSON object as the last line')
    .action((options: VoteOptions) =>
      withLab(options, async ({ client, folder, progress }) => {
        const { model, samples, limit, ballots, json } = options
        const votes = await client.thinking.vote({ scope: scopeOf(options), start: model, samples, limit, ballots })
        progress.close()
        const text = [
          `${votes.samples} answers at each boundary of ${votes.rolloutCount} rollouts of ${votes.problemCount} problems, temperature ${votes.temperature}${votes.ballots === 'plain' ? '' : `, votes weighed as ${votes.ballots}`}; intervals are 95 %, over problems.`,
          '',
          tableText(
            [
              { title: 'boundary', cell: ({ boundary }) => String(boundary) },
              ...votes.sizes.map((size, at) => ({
                title: size === 1 ? 'one answer' : `vote of ${size}`,
                cell: (row: (typeof votes.boundaries)[number]) => figureText(row.votes[at]!.value),
              })),
            ],
            votes.boundaries,
          ),
          '',
          tableText(
            [
              { title: 'attempts that vote', cell: ({ attempts }) => String(attempts) },
              { title: 'tokens', cell: ({ tokens }) => tokens.toFixed(0) },
              { title: 'one thought going on', cell: ({ value }) => figureText(value) },
            ],
            votes.successive,
          ),
          '',
          tableText(
            [
              { title: 'thoughts that vote', cell: ({ thoughts }) => String(thoughts) },
              { title: 'tokens', cell: ({ tokens }) => tokens.toFixed(0) },
              { title: 'whole thoughts', cell: ({ value }) => figureText(value) },
            ],
            votes.parallel,
          ),
          '',
          votes.episodeRegret.length === 0
            ? 'Regret over episodes: not told below 8 answers at each boundary, nor where no rollout has an episode.'
            : tableText(
                [
                  { title: 'budget in episodes', cell: ({ episodes }) => String(episodes) },
                  { title: 'regret over episodes', cell: ({ value }) => (value === null ? '' : figureText(value)) },
                ],
                votes.episodeRegret,
              ),
        ]
        process.stdout.write(`${text.join('\n')}\n`)
        if (json) writeJson({ workspace: folder, ...votes })
      }),
    )
}

interface CalibrationOptions extends Omit<MeasureOptions, 'method' | 'samples' | 'model'> {
  readonly by: string
  readonly bins: number
}

/** Tells what J foretold at the end of thoughts beside what was graded, by type of problem. */
export function calibrationCommand(): Command {
  return new Command('calibration')
    .description('compare J at the end of thoughts on record with how their answers were graded, by type of problem')
    .option('--run <id>', 'rollouts of this run', wholeNumber(1))
    .option('--evaluation <id>', 'rollouts of this evaluation', wholeNumber(1))
    .option('--by <type>', 'how problems are told apart: level (difficulty), or column:NAME', 'level')
    .option('--bins <n>', 'bins of J, all of the same width', wholeNumber(1), 10)
    .option('--limit <n>', 'rollouts at most, evenly thinned', wholeNumber(1), 20000)
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')
    .action((options: CalibrationOptions) =>
      withLab(options, async ({ client, folder, progress }) => {
        const { by, bins, limit, json } = options
        const found = await client.thinking.calibrationByType({ scope: scopeOf(options), by, bins, limit })
        progress.close()
        const text = [
          tableText<TypeCalibration>(
            [
              { title: found.title, align: 'left', cell: ({ type }) => type },
              { title: 'problems', cell: ({ problems }) => String(problems) },
              { title: 'rollouts', cell: ({ forecasts }) => String(forecasts) },
              { title: 'J foretold', cell: ({ foretold }) => figureText(foretold) },
              { title: 'right', cell: ({ realised }) => figureText(realised) },
              { title: 'foretold less right', cell: ({ gap }) => signedText(gap) },
              { title: 'Brier', cell: ({ brier }) => brier.toFixed(3) },
              { title: 'ECE', cell: ({ error }) => error.toFixed(3) },
            ],
            [...found.types, found.all],
          ),
          '',
          'Intervals are 95 %, over problems and their clusters. ECE: the calibration error over the bins, above 0 by chance where rollouts are few.',
          '',
          tableText(
            [
              { title: 'J', align: 'left', cell: ({ low, high }) => `${low.toFixed(2)} to ${high.toFixed(2)}` },
              { title: 'rollouts', cell: ({ count }) => String(count) },
              { title: 'foretold', cell: ({ predicted }) => predicted?.toFixed(3) ?? '' },
              { title: 'right', cell: ({ observed }) => observed?.toFixed(3) ?? '' },
            ],
            found.bins,
          ),
        ]
        process.stdout.write(`${text.join('\n')}\n`)
        if (json) writeJson({ workspace: folder, ...found })
      }),
    )
}

const signedText = ({ value, low, high }: Figure): string =>
  low === null || high === null ? signed(value) : `${signed(value)} (${signed(low)} to ${signed(high)})`
const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(3)}`

/** A share with its interval, which does not reach beyond 0 and 1. */
const figureText = ({ value, low, high }: Figure): string =>
  low === null || high === null
    ? value.toFixed(3)
    : `${value.toFixed(3)} (${Math.max(0, low).toFixed(3)} to ${Math.min(1, high).toFixed(3)})`
