// The commands about this machine: devices and their self-test, the starter model, and the workbench in a browser or window.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { LabError } from '../../src-preload/contract.ts'
import { describeDevices, devices } from '../lab/process/describeDevices.ts'
import { setUpDevice } from '../lab/process/deviceSetup.ts'
import { openDeviceTests } from '../lab/process/deviceTests.ts'
import { openComputing } from '../lab/process/openComputing.ts'
import { selfTest } from '../lab/process/selfTest.ts'
import { computeForHead } from '../lab/training/overRay.ts'
import { makeStarter, STARTER_RECIPE } from '../lab/training/starter.ts'
import { wholeNumber } from './options.ts'
import { openProgress } from './progress.ts'
import { DEFAULT_WORKSPACE } from './session.ts'
import { tableText, writeJson } from './table.ts'

export function workerCommand(): Command {
  return new Command('worker')
    .description('compute for a run over Ray: started by its driver, which speaks with it over standard input and output')
    .action(() => computeForHead(process.stdin, process.stdout))
}

export function devicesCommand(): Command {
  return new Command('devices')
    .description('what can compute here, and whether its numbers are right')
    .option('--self-test', "compare a micro-model's log-probs, loss and gradients on each device with the CPU")
    .option('--device <name>', `test only this device (${devices.join(', ')})`)
    .option('--setup <device>', 'link the libraries of a device (cuda) beside ONNX Runtime, from the folder named with --from')
    .option('--from <folder>', 'folder that holds them, such as unpacked wheels')
    .option('--json', 'print one JSON object as the last line')
    .action(async (options: { selfTest?: boolean; device?: string; setup?: string; from?: string; json?: boolean }) => {
      if (options.setup !== undefined) await setUp(options.setup, options.from)
      const engine = openComputing()
      try {
        process.stdout.write(`ONNX Runtime ${engine.version}, ${engine.threads} threads, providers: ${engine.providers.join(', ')}\n`)
        const tests = openDeviceTests()
        const usable = new Set<string>(describeDevices(engine.providers, tests).flatMap((each) => (each.usable ? [each.name] : [])))
        const tested = devices.filter((name) => (options.device === undefined ? usable.has(name) : name === options.device))
        if (tested.length === 0)
          throw new LabError('device.unknown', {
            expected: `one of ${devices.join(', ')}`,
            found: options.device!,
            next: 'Choose one of these.',
          })
        const found = await engine.devices()
        const reports = []
        for (const device of options.selfTest ? tested : []) {
          const report = await selfTest(engine, device, Date.now)
          tests.keep(report, Date.now())
          reports.push(report)
        }
        const rows = describeDevices(engine.providers, tests).map((each) => ({
          ...each,
          report: found.find(({ device }) => device === each.name),
        }))
        process.stdout.write(
          `\n${tableText<(typeof rows)[number]>(
            [
              { title: 'device', align: 'left', cell: ({ name }) => name },
              { title: '', align: 'left', cell: ({ title }) => title },
              { title: 'here', align: 'left', cell: ({ report }) => (report === undefined ? 'not used' : report.usable ? 'runs' : 'no') },
              {
                title: 'self-test',
                align: 'left',
                cell: ({ test }) =>
                  test === null ? 'not run' : `${test.ok ? 'passed' : 'FAILED'}, ${new Date(test.atMs).toISOString().slice(0, 10)}`,
              },
              { title: 'runs may name it', align: 'left', cell: ({ refused }) => refused || 'yes' },
              { title: 'about', align: 'left', cell: ({ reason, report }) => report?.problem?.message ?? reason },
            ],
            rows,
          )}\n`,
        )
        for (const { device, ok, checks } of reports) {
          process.stdout.write(
            `\n${device}: ${ok ? 'agrees' : 'DISAGREES: not used for training'}\n${tableText<(typeof checks)[number]>(
              [
                { title: 'check', align: 'left', cell: (row) => row.name },
                { title: 'found', cell: (row) => row.found.toExponential(1) },
                { title: 'limit', cell: (row) => row.limit.toExponential(1) },
                { title: 'unit', align: 'left', cell: (row) => row.unit },
                { title: '', align: 'left', cell: (row) => (row.ok ? 'ok' : 'FAILS') },
              ],
              checks,
            )}\n`,
          )
        }
        if (options.json)
          writeJson({ version: engine.version, threads: engine.threads, providers: engine.providers, devices: found, reports })
      } finally {
        engine.dispose()
      }
    })
}

/** Links the libraries of a device and says what was found. */
async function setUp(device: string, from: string | undefined): Promise<void> {
  const folder = await setUpDevice(device, from, (libraries) =>
    process.stdout.write(
      `${tableText<(typeof libraries)[number]>(
        [
          { title: 'library', align: 'left', cell: ({ name }) => name },
          { title: '', align: 'left', cell: ({ problem }) => problem || 'found' },
          { title: 'of the package', align: 'left', cell: (row) => row.package },
        ],
        libraries,
      )}\n`,
    ),
  )
  process.stdout.write(`Linked into ${folder}. Test it with: mrt devices --self-test --device ${device}\n\n`)
}

export function starterCommand(): Command {
  return new Command('starter')
    .description('make the starter model again: imitation of the wasteful teacher, from its recipe')
    .option('--out <folder>', 'folder that receives the checkpoint', join('resources', 'starter'))
    .option('--seed <n>', 'seed of the weights and the demonstrations', wholeNumber(0), STARTER_RECIPE.seed)
    .option('--json', 'print one JSON object as the last line')
    .action(async (options: { out: string; seed: number; json?: boolean }) => {
      const engine = openComputing()
      const progress = openProgress()
      const controller = new AbortController()
      process.once('SIGINT', () => controller.abort())
      try {
        const id = await makeStarter(engine, {
          recipe: { ...STARTER_RECIPE, seed: options.seed },
          folder: resolve(options.out),
          now: Date.now,
          signal: controller.signal,
          onProgress: (report) => progress.show(report),
          onPoint: (point) =>
            progress.say(
              `step ${point.step}: loss ${point.loss.toFixed(3)}, accuracy ${(point.accuracy * 100).toFixed(1)} % at ${point.meanTokens.toFixed(1)} tokens, J without thinking ${point.jStart.toFixed(3)}, after it ${point.jEnd.toFixed(3)}`,
            ),
        })
        progress.close()
        process.stdout.write(`Starter model ${id} in ${resolve(options.out)}\n`)
        if (options.json) writeJson({ id, folder: resolve(options.out) })
      } finally {
        progress.close()
        engine.dispose()
      }
    })
}

/** Opens the workbench on a workspace, as `npm start` does. Resolves when it is closed. */
export async function openWorkbench(workspace: string): Promise<void> {
  const child = spawn(process.execPath, ['scripts/start.mjs', '--workspace', workspace], { stdio: 'inherit' })
  await new Promise<void>((done) => child.once('exit', () => done()))
}

/** In a checkout the pages are built where they are not there or not current; anywhere else they came built. */
function buildPages(): void {
  const script = resolve(import.meta.dirname, '..', '..', 'scripts', 'build.mjs')
  if (!existsSync(script)) return
  const { status } = spawnSync(process.execPath, [script, 'renderer'], { stdio: ['ignore', 'ignore', 'inherit'] })
  if (status !== 0)
    throw new LabError('serve.noPages', {
      expected: 'the pages to be built',
      found: `a build that ended with ${status ?? 'a signal'}`,
      next: 'Read the lines above, and run `npm run build`.',
    })
}

export function serveCommand(): Command {
  return new Command('serve')
    .description('serve the workbench to a browser on this machine')
    .option('--workspace <folder>', 'where runs are kept', DEFAULT_WORKSPACE)
    .option('--port <n>', 'port on 127.0.0.1; 0 takes a free one', wholeNumber(0, 65_535), 0)
    .action(async (options: { workspace: string; port: number }) => {
      buildPages()
      const { serve } = await import('../serve.ts')
      await serve({ workspace: resolve(options.workspace), port: options.port })
    })
}
