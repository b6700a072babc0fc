// The problem sets as a page for people: every task with its levels and a problem of each, from the registry.
import { createRng, deriveSeed } from '../../numeric/rng.ts'
import { tasks, type TaskKind } from '../../tasks/registry.ts'

/** Seed of the problems that are shown. */
const EXAMPLE_SEED = 1
/** Accepted answers that are shown; a problem may have hundreds. */
const ANSWERS_SHOWN = 4

export interface TaskExample {
  readonly question: string
  /** What an answer has to look like, as a model is told. */
  readonly answerForm: string
  /** Every accepted answer; null where they cannot be listed. */
  readonly answers: readonly string[] | null
  /** What the teacher writes before the answer; null where none speaks. */
  readonly thinking: string | null
}

/** A problem of a level of a task with its answers. */
export function exampleOf(name: string, level: string): TaskExample {
  const task = tasks[name]!.create(
    { level },
    {
      dataset: () => {
        throw new RangeError('a task with a dial, found one of a dataset')
      },
    },
  )
  const [problem] = task.problems('train', 1, EXAMPLE_SEED)
  return {
    question: task.question(problem!),
    answerForm: task.answerForm,
    answers: task.answers(problem!),
    thinking: task.teacher(problem!, createRng(deriveSeed(EXAMPLE_SEED, 'teacher')))?.thinking ?? null,
  }
}

/** The first accepted answers, and how many more there are. */
export function answersText(answers: readonly string[] | null, show = (answer: string): string => answer): string {
  if (answers === null) return 'whatever the grader finds right'
  const more = answers.length - ANSWERS_SHOWN
  return `${answers.slice(0, ANSWERS_SHOWN).map(show).join(' or ')}${more > 0 ? ` or one of ${more} more` : ''}`
}

const code = (text: string): string => `\`\`\`\n${text}\n\`\`\``

function section(name: string, kind: TaskKind): string {
  const { title, about, levels, options } = kind
  const chosen = String(options.level!.default)
  const { question, answerForm, answers, thinking } = exampleOf(name, chosen)
  const rows = levels.map(({ id, label, problems }) => {
    const example = exampleOf(name, id)
    return `| \`${id}\`${id === chosen ? ' (default)' : ''} | ${label} | ${problems === undefined ? '' : problems.toLocaleString('en')} | ${example.question.replaceAll('\n', '<br>').replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('_', '\\_')} | ${answersText(example.answers?.slice(0, 1) ?? null).replaceAll('*', '\\*')} |`
  })
  return [
    `## ${title} (\`${name}\`)`,
    about,
    `| level | what it asks | problems | for example | answer |\n| --- | --- | ---: | --- | --- |\n${rows.join('\n')}`,
    `At the default level a model is asked`,
    code(question),
    `and told that the answer is ${answerForm}. Accepted: ${answersText(answers, (answer) => `\`${answer}\``)}.${thinking === null ? '' : ' The teacher thinks'}`,
    ...(thinking === null ? [] : [code(thinking)]),
  ].join('\n\n')
}

/** docs/tasks.md, as `mrt tasks --markdown` prints it. */
export function tasksPage(): string {
  const drawn = Object.entries(tasks).filter(([, { levels }]) => levels.length > 0)
  return `# Tasks

What a run can be trained on. \`mrt tasks\` lists the same, \`mrt tasks NAME\` with a problem of each level; a run names its task and level as \`task.name\` and \`task.options.level\`:

\`\`\`
mrt run --preset gsm-lora --set task.name=products --set task.options.level=2x1
\`\`\`

\`mrt tasks NAME --try model:1\` lets a model that is here try every level before anything is trained: choose one at which it is right now and then. Answers of several words need more room than a number, \`--set budget.answerTokens=48\` for a Sudoku of 6 x 6.

Tasks are named as reasoning-gym names the same puzzle, with hyphens. Problems are drawn from a seed, so there is no file to fetch. What holds of every one of them, and is tested at every level:

- A problem belongs to one split (imitation, train, validation, held-out), decided by a hash of what it asks; the same puzzle with its people, towns or digits renamed belongs to the same one.
- The first problems of a longer request are the shorter request, and the same seed draws the same problems.
- Accepted answers are listed as a model would write them, so that J after a forced stop can be exact: the sum of their probabilities. Solvers that try everything find the same answers (for Countdown: that there is one). The grader takes the same answer in more signs than are listed, such as another arrow in a route; what a model writes in those, exact J leaves out.
- A problem names its cluster: what it shares with others that are solved alike. Intervals resample whole clusters.
- A level has at least 1,000 problems to train on, or the table says how many it has in all splits together.

An imported dataset is a task as well: \`task.name=dataset\` and its id as \`task.options.dataset\`, see \`mrt datasets\`.

${drawn.map(([name, kind]) => section(name, kind)).join('\n\n')}
`
}
