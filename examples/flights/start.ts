/**
 * `npm start`: delivers the files, runs the project with the CLI exactly as a person would type it, and says
 * where to look. Exits 0 when nothing failed but the dataflow that is there to fail; may be repeated.
 * `--home DIR` keeps lake, evidence and state elsewhere than in `.sluice`.
 */
import { spawn } from 'node:child_process'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { ExecutionResult } from '../../index.ts'
import { fillLanding, projectDirectory } from './landing.ts'
import { expectedFailure, surprises } from './verdict.ts'

const { values } = parseArgs({ options: { home: { type: 'string' } } })
const repository = fileURLToPath(new URL('../..', import.meta.url))
const project = relative(repository, projectDirectory)
const home = values.home === undefined ? [] : ['--home', values.home]
const places = ['--project', project, ...home]
const favourite =
  'SELECT state, flights, mean_delay_minutes, bar(mean_delay_minutes, 0, 12, 24) AS mean ' +
  'FROM gold.delay_by_state WHERE flights > 80000 ORDER BY mean_delay_minutes DESC LIMIT 6'

process.on('SIGINT', () => {}) // the CLI gets it, too, and says how the run ended

await main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
})

interface Run {
  readonly run_id: string
}

async function main(): Promise<void> {
  const landing = await fillLanding()
  say(`Real data from the npm package vega-datasets lies in ${relative(repository, landing)}/.`, '')
  const run = ['run', ...places]
  const code = await show(`npm run sluice -- ${run.join(' ')}`, 'cli/main.ts', run)
  if (code !== 0 && code !== 1) {
    process.exitCode = code
    return
  }
  const { runs } = await json<{ readonly runs: readonly Run[] }>(['status', '--limit=1'])
  const result = await json<ExecutionResult>(['status', runs[0]?.run_id ?? ''])
  const found = surprises(result)
  if (found.length > 0) {
    say('', 'This is not how the example should end:', ...found.map((surprise) => `  ${surprise}.`))
    process.exitCode = 1
    return
  }
  explain(result)
  const query = join(project, 'query.ts')
  const shown = ['npx node', query, ...home, `"${favourite}"`].join(' ')
  process.exitCode = await show(shown, query, [...home, favourite])
}

function explain(result: ExecutionResult): void {
  const strict = result.dataflows.find((flow) => flow.dataflow === expectedFailure.dataflow)
  const sluice = (text: string) => `npm run sluice -- ${text} ${places.join(' ')}`
  say(
    '',
    `One dataflow failed, as it is meant to: the strict contract of ${strict?.dataflow} found ${strict?.rows?.quarantined} airports`,
    'without a state. Its table was never made. Nothing depends on it, so nothing else stopped.',
    '',
    `Bad rows    ${sluice(`quarantine ${result.run_id} movies`)}`,
    `Evidence    ${sluice(`evidence ${result.run_id} ${strict?.dataflow}`)}`,
    'Again       npm start: appends find nothing new, overwrites come out the same',
    '',
    'No reader of the tables needs Sluice; this one is icebird and DuckDB:',
    '',
  )
}

/** Prints a command line and runs what it stands for, without npm's own lines. */
async function show(shown: string, script: string, args: readonly string[]): Promise<number> {
  say(`$ ${shown}`)
  return await ended(spawnNode(script, args, 'inherit'))
}

async function json<T>(args: readonly string[]): Promise<T> {
  const child = spawnNode('cli/main.ts', [...args, ...places, '--format', 'json'], 'pipe')
  const parts: Buffer[] = []
  child.stdout?.on('data', (part: Buffer) => parts.push(part))
  await ended(child)
  return JSON.parse(Buffer.concat(parts).toString()) as T
}

function spawnNode(script: string, args: readonly string[], stdout: 'inherit' | 'pipe') {
  return spawn(process.execPath, [script, ...args], {
    cwd: repository,
    stdio: ['inherit', stdout, 'inherit'],
  })
}

function ended(child: ReturnType<typeof spawnNode>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 130))
  })
}

function say(...lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}
