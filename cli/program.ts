import { readFileSync } from 'node:fs'
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import pc from 'picocolors'
import { ManifestError } from '../core/errors.ts'
import { exitCodes, reportFailure } from './fail.ts'
import { createIo, type Io, type SharedOptions } from './io.ts'
import { addQuarantine } from './quarantine-program.ts'

/** Commands that know what `--stack` is about; for all others it would be ignored, so they refuse it. */
const onStack: readonly string[] = ['deploy', 'run', 'status', 'evidence', 'quarantine', 'schema', 'cancel']

/** Of the design, and not built yet. */
const later = ['replay', 'maintain']

/**
 * Runs one command line and returns its exit code. Commands are loaded when they are called, so that `--help`,
 * `--version` and `status` load neither zod (100 ms) nor DuckDB (60 MB).
 */
export async function runCli(args: readonly string[]): Promise<number> {
  tolerateClosedPipes()
  let exitCode: number = exitCodes.success
  const program = createProgram((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync([...args], { from: 'user' })
    return exitCode
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      return reportFailure(
        error,
        exitCodes.failed,
        (text) => process.stderr.write(`${text}\n`),
        pc.createColors(false),
      )
    }
    const shown = error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
    return shown ? exitCodes.success : exitCodes.refused
  }
}

type Work = (io: Io, ...args: never[]) => Promise<number>

function createProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('sluice')
    .description('Serverless dataflows that fail closed: YAML in, Apache Iceberg out, eleven gates between.')
    .version(packageVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .option('--project <path>', 'project directory, or its manifest', '.')
    .addOption(
      new Option(
        '--home <dir>',
        'where lake, evidence and state are kept (default: .sluice in the project)',
      ).conflicts('stack'),
    )
    .option(
      '--stack <name>',
      'a deployed stack: of deploy, run, status, evidence, quarantine, schema and cancel',
    )
    .addOption(
      new Option('--format <format>', 'of what goes to standard output')
        .choices(['text', 'json', 'md'])
        .default('text'),
    )
    .option('--no-color', 'no colours; so does the environment variable NO_COLOR')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      outputError: (text, write) => write(text.replace(/^error: /, 'error [USAGE]: ')),
    })
    .showHelpAfterError('Nothing was done. For help: sluice --help')
    .exitOverride()

  /** Ties a command to its module. `otherwise`: the exit code of an error that is not the request's own. */
  const does = (otherwise: number, load: () => Promise<Work>) => {
    return async (...given: unknown[]): Promise<void> => {
      const command = given.pop() as Command
      const io = createIo(command.optsWithGlobals() as SharedOptions)
      try {
        const name = topLevelName(command)
        if (io.stack !== undefined && !onStack.includes(name)) throw notOnStack(name)
        const work = await load()
        setExitCode(await work(io, ...(given as never[])))
      } catch (error) {
        setExitCode(reportFailure(error, otherwise, io.err, io.colors.err))
      }
    }
  }
  const { failed, refused } = exitCodes

  program
    .command('init')
    .description('begin a project: a manifest, a small CSV to load, and what git should ignore')
    .argument('[dir]', 'directory of the new project (default: the one of --project)')
    .action(does(refused, async () => (await import('./init.ts')).init))
  program
    .command('validate')
    .description('check the manifest and show every problem with its place')
    .action(does(refused, async () => (await import('./validate.ts')).validate))
  program
    .command('render')
    .description('print the manifest as it is in effect, every default written out')
    .option('--why <path>', 'where a value comes from: dataflows.orders.contract.enforcement')
    .action(does(refused, async () => (await import('./render.ts')).render))
  withRunOptions(program.command('plan'))
    .description('show what a run would do, and why; reads no source and writes nothing')
    .option('--cost', 'what it would cost on AWS, by what earlier runs recorded')
    .option('--input-mb <n>', 'with --cost: input of a dataflow that never ran (default: 10)', anyNumber)
    .action(does(refused, async () => (await import('./plan.ts')).plan))
  withRunOptions(program.command('run'))
    .description('run the project, every active dataflow or those that are selected')
    .option('--dry-run', 'only print the plan')
    .option('--run-id <id>', 'the name of the run (default: a new one that sorts by time)')
    .option('--project-name <name>', 'with --stack: the deployed project to run, where there are several')
    .option('--detach', 'with --stack: start the run and do not wait for it')
    .addOption(
      new Option('--resume <run_id>', 'go on with a run that failed or was interrupted').conflicts([
        ...['stage', 'dataflow', 'tag', 'maxWorkers', 'stopOnError', 'retryCount', 'retryDelaySeconds'],
        ...['dryRun', 'runId', 'projectName'],
      ]),
    )
    .action(does(refused, async () => (await import('./run.ts')).run))
  program
    .command('status')
    .description('show the last runs, or the dataflows of one')
    .argument('[run_id]')
    .option('--limit <n>', 'how many runs (default: 10)', wholeNumber)
    .action(does(failed, async () => (await import('./status.ts')).status))
  const evidence = program
    .command('evidence')
    .description('show what was read, judged and written, and prove that it is still there')
    .argument('<run_id>')
    .argument('[dataflow]')
    .option('--verify', 'the same as evidence verify')
    .action(does(failed, async () => (await import('./evidence.ts')).evidence))
  evidence
    .command('verify')
    .description('read every file that the evidence names and compare its SHA-256; 1 where one is another')
    .argument('<run_id>')
    .argument('[dataflow]')
    .action(does(failed, async () => (await import('./evidence.ts')).verifyEvidence))
  addQuarantine(program, does, wholeNumber)
  const schema = program.command('schema').description('what would become of the tables’ definitions')
  schema
    .command('plan')
    .description('show the schema before and after, each decision and why; 1 where a run would be refused')
    .argument('[dataflow]')
    .action(does(failed, async () => (await import('./schema.ts')).schemaPlan))
  schema
    .command('approve')
    .description('let the next commit carry out the plan of this digest, once')
    .argument('<dataflow>')
    .requiredOption('--plan <digest>', 'as schema plan, and the error of the run, name it')
    .option('--by <name>', 'who approves (default: the user of this machine)')
    .action(does(failed, async () => (await import('./schema.ts')).schemaApprove))
  const contract = program.command('contract').description('contracts that are written elsewhere')
  contract
    .command('import')
    .description('print a file of the Open Data Contract Standard 3.1 as a contract of a manifest')
    .argument('<file>')
    .option('--schema <name>', 'which schema of the file (default: its only one)')
    .option('--table <schema=table>', 'where the table of another schema is, for relationships', tableOf)
    .action(does(refused, async () => (await import('./contract.ts')).contractImport))
  program
    .command('deploy')
    .description('make the project what a stack runs, with its schedules')
    .action(does(refused, async () => (await import('./deploy.ts')).deploy))
  program
    .command('cancel')
    .description('ask a run to stop: no further dataflow begins, those at work end')
    .argument('<run_id>')
    .option('--now', 'cut off what is at work, settle and seal; also for a run whose execution has died')
    .action(does(failed, async () => (await import('./cancel.ts')).cancel))
  program
    .command('doctor')
    .description('check this machine, the workspace and the sources of the project')
    .action(does(failed, async () => (await import('./doctor.ts')).doctor))
  for (const name of later) {
    program
      .command(name, { hidden: true })
      .helpOption(false)
      .argument('[args...]')
      .allowUnknownOption()
      .action(() => program.error(`error: ${name} is not available in this version`))
  }
  return program
}

/** `evidence` of `evidence verify`: what a stack is good for is a matter of the command, not of its parts. */
function topLevelName(command: Command): string {
  const { parent } = command
  return parent === null || parent.parent === null ? command.name() : topLevelName(parent)
}

function notOnStack(command: string): ManifestError {
  return new ManifestError({
    code: 'USAGE',
    fact: `${command} does not work on a stack`,
    consequence: 'Nothing was done',
    next: `Leave --stack out; it goes with ${onStack.join(', ')}`,
  })
}

function withRunOptions(command: Command): Command {
  const list = (value: string, before: readonly string[] = []) => [...before, ...value.split(',')]
  return command
    .option('--stage <names>', 'only dataflows of these stages, with commas', list)
    .option('--dataflow <names>', 'only these dataflows, with commas', list)
    .option('--tag <names>', 'only dataflows with one of these tags, with commas', list)
    .option('--max-workers <n>', 'dataflows at work at the same time (default: 8)', anyNumber)
    .option('--stop-on-error', 'after a failure no further dataflow begins')
    .option('--retry-count <n>', 'attempts after the first (default: 0)', anyNumber)
    .option(
      '--retry-delay-seconds <s>',
      'before the first retry, then doubled up to 60 (default: 5)',
      anyNumber,
    )
}

function tableOf(value: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, schema, table] = /^([^=]+)=([^=]+)$/.exec(value) ?? []
  if (schema === undefined || table === undefined) {
    throw new InvalidArgumentError('It must be schema=namespace.name.')
  }
  return { ...before, [schema]: table }
}

function anyNumber(value: string): number {
  if (/^-?\d+(\.\d+)?$/.test(value)) return Number(value)
  throw new InvalidArgumentError('It must be a number.')
}

function wholeNumber(value: string): number {
  const parsed = Number(value)
  if (/^\d+$/.test(value) && parsed >= 1 && Number.isSafeInteger(parsed)) return parsed
  throw new InvalidArgumentError('It must be a whole number from 1.')
}

/** package.json lies one level up from the sources, two from what is published. */
function packageVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'))
      if (name === 'sluice') return version
    } catch {
      // Not this level.
    }
  }
  return 'unknown'
}

/** `sluice status | head -1`: the reader has seen enough, and that is no error. */
function tolerateClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}
