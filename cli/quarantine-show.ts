import { reasonTable } from './evidence-blocks.ts'
import { exitCodes } from './fail.ts'
import { withRecords } from './home.ts'
import type { Io } from './io.ts'
import {
  findQuarantine,
  type OpenQuarantine,
  type Quarantine,
  type RejectedRow,
  rowPages,
  withRejectedRows,
} from './quarantine-files.ts'
import { type Block, emit } from './report.ts'
import { plural } from './words.ts'

const defaultLimit = 20

export interface ShowOptions {
  readonly limit?: number
  /** Only rows that nobody has acknowledged. */
  readonly pending?: boolean
}

/** Shows the rejected rows of one dataflow with their reasons. */
export async function showQuarantine(
  io: Io,
  runId: string,
  dataflow: string,
  { limit, pending }: ShowOptions,
): Promise<number> {
  return await withRecords(io, runId, async (records) => {
    const found = await findQuarantine(records, runId, dataflow)
    const where = pending === true ? 'NOT acknowledged' : 'true'
    await withRejectedRows(records, found, async (open) => {
      if (io.format === 'json') await asJson(io, found, rowPages(open, where, limit))
      else await asBlocks(io, found, open, where, limit ?? defaultLimit)
    })
    return exitCodes.success
  })
}

/** One document, a row a line, a page in memory. Nothing is written before the first page was read. */
async function asJson(
  io: Io,
  { ref, index }: Quarantine,
  found: AsyncIterable<readonly RejectedRow[]>,
): Promise<void> {
  const { run_id, dataflow } = index
  const head = { schema: 'sluice.quarantine_rows.v1', run_id, dataflow, file: ref, index }
  const opening = `${JSON.stringify(head).slice(0, -1)},"rows":[`
  let before = opening
  for await (const rows of found) {
    io.out(`${before}\n${rows.map((row) => JSON.stringify(row, plainNumbers)).join(',\n')}`)
    before = ','
  }
  io.out(before === opening ? `${opening}]}` : ']}')
}

async function asBlocks(
  io: Io,
  { index }: Quarantine,
  open: OpenQuarantine,
  where: string,
  limit: number,
): Promise<void> {
  const rows: RejectedRow[] = []
  for await (const page of rowPages(open, where, limit)) rows.push(...page)
  const { run_id, dataflow, reasons } = index
  const rest = index.rows - rows.length
  const more: Block = {
    kind: 'code',
    title: `${plural(rest, 'more row')}`,
    lines: [io.command(`quarantine show ${run_id} ${dataflow} --format json`)],
  }
  emit(io, {}, [
    { kind: 'title', text: `Quarantine of ${dataflow} in run ${run_id}: ${plural(index.rows, 'row')}` },
    reasonTable(reasons.map(({ code, ...reason }) => ({ rule: code, ...reason }))),
    rowTable(rows),
    ...(rest <= 0 ? [] : [more]),
  ])
}

function rowTable(rows: readonly RejectedRow[]): Block {
  // A query's rows have no place in any file.
  const hasPlaces = rows.some((row) => row.source_row !== null || row.source_line !== null)
  const isSaid = rows.some(({ acknowledged }) => acknowledged)
  return {
    kind: 'table',
    columns: [
      { title: 'source' },
      ...(hasPlaces ? [{ title: 'place' }] : []),
      { title: 'why' },
      { title: 'row id' },
      ...(isSaid ? [{ title: 'acknowledged' }] : []),
      { title: 'row' },
    ],
    rows: rows.map((row) => [
      row.source_file,
      ...(hasPlaces ? [placeOf(row)] : []),
      row.reasons.map(({ column, rule, message }) => `${column ?? 'row'} ${rule}: ${message}`).join('; '),
      row.row_id,
      ...(isSaid ? [row.acknowledged ? 'yes' : ''] : []),
      row.raw ?? '(not kept: pii_policy reference_only)',
    ]),
  }
}

function placeOf({ source_row, source_line }: RejectedRow): string {
  if (source_row !== null) return `row ${source_row}`
  return source_line === null ? '' : `line ${source_line}`
}

function plainNumbers(_key: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
}
