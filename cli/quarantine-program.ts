import { type Command, Option } from 'commander'
import { exitCodes } from './fail.ts'
import type { Io } from './io.ts'

type Work = (io: Io, ...args: never[]) => Promise<number>
type Action = (...given: unknown[]) => Promise<void>
/** Ties a command to its module, as `program.ts` does. */
type Does = (otherwise: number, load: () => Promise<Work>) => Action

const list = (value: string, before: readonly string[] = []) => [...before, ...value.split(',')]

/**
 * `sluice quarantine list | show | export | replay | ack | prune`. `quarantine [run_id] [dataflow]` is short for list
 * and show; a run that is called like one of the words needs the long form.
 */
export function addQuarantine(program: Command, does: Does, wholeNumber: (value: string) => number): void {
  const { failed } = exitCodes
  const limitHelp = 'how many rows (default: 20, and all with --format json)'
  const quarantine = program
    .command('quarantine')
    .description('the rows that a contract rejected: why, and what becomes of them')
    .argument('[run_id]')
    .argument('[dataflow]')
    .option('--limit <n>', limitHelp, wholeNumber)
    .option('--pending', 'only rows that nobody has acknowledged')
    .action(does(failed, async () => (await import('./quarantine.ts')).quarantine))
  // Options that the parent has, too, are the parent's wherever they stand.
  const inherited =
    (action: Action): Action =>
    async (...given) => {
      const command = given.at(-1) as Command
      await action(...given.slice(0, -2), command.optsWithGlobals(), command)
    }
  quarantine
    .command('list')
    .description(
      'what a run set aside, why, how much of it is pending and until when it is kept; without a run, what is pending of all runs',
    )
    .argument('[run_id]')
    .option(
      '--limit <n>',
      'without a run: how many dataflows (default: 20, and all with --format json)',
      wholeNumber,
    )
    .action(inherited(does(failed, async () => (await import('./quarantine.ts')).listQuarantine)))
  quarantine
    .command('show')
    .description('the rejected rows of one dataflow with their reasons')
    .argument('<run_id>')
    .argument('<dataflow>')
    .option('--limit <n>', limitHelp, wholeNumber)
    .option('--pending', 'only rows that nobody has acknowledged')
    .action(inherited(does(failed, async () => (await import('./quarantine-show.ts')).showQuarantine)))
  quarantine
    .command('export')
    .description('write the rejected rows to a file of this machine, by the end of its name')
    .argument('<run_id>')
    .argument('<dataflow>')
    .requiredOption('--to <file>', '.parquet, .ndjson or .csv; a file that is there is not replaced')
    .option('--raw', 'only the rows themselves, to be corrected and replayed (pii_policy: preserve)')
    .option('--pending', 'only rows that nobody has acknowledged')
    .action(inherited(does(failed, async () => (await import('./quarantine-export.ts')).exportQuarantine)))
  quarantine
    .command('replay')
    .description('plan to bring corrected rows through all gates into the table, and with --yes do it')
    .argument('<run_id>')
    .argument('<dataflow>')
    .option('--from <file>', 'one corrected row for each rejected one: .csv, .ndjson, .json or .parquet')
    .addOption(onlyRows())
    .addOption(onlyCodes())
    .option('--yes', 'carry the plan out')
    .option('--plan <digest>', 'carry it out if it is this plan')
    .action(does(failed, async () => (await import('./quarantine-replay.ts')).replayQuarantine))
  quarantine
    .command('ack')
    .description('record that rejected rows may stay out, and why')
    .argument('<run_id>')
    .argument('<dataflow>')
    .requiredOption('--reason <text>', 'why')
    .addOption(onlyRows())
    .addOption(onlyCodes())
    .option('--by <name>', 'who says so (default: the user of this machine)')
    .action(does(failed, async () => (await import('./quarantine-ack.ts')).ackQuarantine))
  quarantine
    .command('prune')
    .description(
      'show which rejected rows are beyond their time and acknowledged, replaced or in no index, and with --yes remove them',
    )
    .option('--yes', 'remove them')
    .action(does(failed, async () => (await import('./quarantine-prune.ts')).pruneQuarantine))
}

function onlyRows(): Option {
  return new Option('--row <ids>', 'only these rows, with commas').argParser(list)
}

function onlyCodes(): Option {
  return new Option('--code <codes>', 'only rows with one of these reasons, with commas').argParser(list)
}
