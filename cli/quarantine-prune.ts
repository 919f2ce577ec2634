import { ManifestError } from '../core/errors.ts'
import {
  acknowledgedRows,
  type QuarantineItem,
  readQuarantineItem,
  writeQuarantineItem,
} from '../core/runs/acknowledgements.ts'
import { type QuarantineIndex, readQuarantineIndex } from '../core/runs/quarantine.ts'
import { readFlows } from '../core/runs/runs.ts'
import { exitCodes } from './fail.ts'
import { openWritableRecords, type Records, type WritableRecords } from './home.ts'
import type { Io } from './io.ts'
import { type Block, emit } from './report.ts'
import { whoAsks } from './who.ts'
import { instant, number, plural } from './words.ts'

/** Runs that one call looks at, the newest first. */
const runLimit = 10_000

interface Due {
  readonly item: QuarantineItem
  readonly index: QuarantineIndex
}

/**
 * Removes the files of rejected rows whose time is over and that somebody has acknowledged, all of them; without
 * `--yes` it only says which. Indexes and evidence stay. What is to be removed is recorded before anything is, so that
 * a repetition ends what was interrupted and `evidence --verify` knows of it.
 */
export async function pruneQuarantine(io: Io, { yes }: { readonly yes?: boolean }): Promise<number> {
  const records = await openWritableRecords(io)
  if (records === undefined) {
    throw new ManifestError({
      code: 'RUN_UNKNOWN',
      fact: 'nothing has ever run here',
      next: 'Name the project with --project',
    })
  }
  try {
    const due = await findDue(records, new Date())
    if (yes === true) for (const each of due) await remove(records, each)
    const data = {
      schema: 'sluice.quarantine_prune.v1',
      removed: yes === true,
      quarantines: due.map(({ index: { run_id, dataflow, rows, bytes, expires_at, files } }) => ({
        run_id,
        dataflow,
        rows,
        bytes,
        expires_at,
        files: files.map(({ key }) => key),
      })),
    }
    emit(io, data, blocksOf(io, due, yes === true))
    return exitCodes.success
  } finally {
    records.close()
  }
}

async function findDue(records: Records, now: Date): Promise<Due[]> {
  const due: Due[] = []
  for (const run of await records.state.listRuns(runLimit)) {
    const runId = run.run_id as string
    for (const flow of await readFlows(records, runId)) {
      if (flow.quarantine === undefined) continue
      const item = await readQuarantineItem(records, runId, flow.dataflow)
      if (item === undefined || item.expires_at > now.toISOString() || acknowledgedRows(item) < item.rows)
        continue
      const index = await readQuarantineIndex(records.evidence, item.index)
      if (item.removed !== undefined && !(await isAnyLeft(records, index))) continue
      due.push({ item, index })
    }
  }
  return due
}

/** A removal that was interrupted between its record and its end. */
async function isAnyLeft({ evidence }: Records, { files }: QuarantineIndex): Promise<boolean> {
  for (const { key } of files) if ((await evidence.head(key)) !== undefined) return true
  return false
}

async function remove(records: WritableRecords, { item, index }: Due): Promise<void> {
  if (item.removed === undefined) {
    const removed = { by: whoAsks(), at: new Date().toISOString() }
    const next: QuarantineItem = { ...item, version: item.version + 1, removed }
    await writeQuarantineItem(records, { kind: 'put', item: next, expect: { version: item.version } })
  }
  const inputs: string[] = []
  // What a replay that was given up has left.
  const prefix = `quarantine/${index.run_id}/${index.dataflow}/replay-`
  for await (const { key } of records.evidence.list(prefix)) inputs.push(key)
  await records.evidence.delete([...index.files.map(({ key }) => key), ...inputs])
}

function blocksOf(io: Io, due: readonly Due[], isDone: boolean): Block[] {
  if (due.length === 0)
    return [
      { kind: 'text', text: 'Nothing to remove: no quarantine is both acknowledged and beyond its time' },
    ]
  const rows = due.reduce((sum, { index }) => sum + index.rows, 0)
  return [
    { kind: 'title', text: `${plural(rows, 'rejected row')} ${isDone ? 'removed' : 'to be removed'}` },
    {
      kind: 'table',
      columns: [
        { title: 'run' },
        { title: 'dataflow' },
        { title: 'rows', align: 'right' },
        { title: 'kept until' },
      ],
      rows: due.map(({ index }) => [
        index.run_id,
        index.dataflow,
        number(index.rows),
        instant(index.expires_at),
      ]),
    },
    ...(isDone
      ? []
      : [{ kind: 'code', title: 'To remove them', lines: [io.command('quarantine prune --yes')] } as const]),
  ]
}
