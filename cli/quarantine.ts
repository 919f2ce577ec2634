import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../core/engine/engine.ts'
import { quoteLiteral } from '../core/engine/sql.ts'
import { IntegrityError } from '../core/errors.ts'
import { quarantineFiles } from '../core/runs/quarantine.ts'
import { readRun } from '../core/runs/runs.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import { reasonTable } from './evidence-blocks.ts'
import { exitCodes } from './fail.ts'
import { type FlowEvidence, readFlowEvidence, reasonsOf, selectFlows } from './flow-evidence.ts'
import { type Records, withRecords } from './home.ts'
import type { Io } from './io.ts'
import { type Block, emit } from './report.ts'
import { digestObject } from './verify-files.ts'
import { number, plural } from './words.ts'

const defaultLimit = 20
/** Rows in memory at a time. */
const page = 5000

/** Lists what a run set aside and why; for one dataflow shows the rows themselves. */
export async function quarantine(
  io: Io,
  runId: string,
  dataflow: string | undefined,
  options: { readonly limit?: number },
): Promise<number> {
  return await withRecords(io, runId, async (records) => {
    const run = await readRun(records, runId)
    const flows: FlowEvidence[] = []
    for (const flow of await selectFlows(records, runId, dataflow)) {
      if (flow.quarantine !== undefined || dataflow !== undefined) {
        flows.push(await readFlowEvidence(records, run, flow))
      }
    }
    const only = flows[0]
    const file = only?.flow.quarantine
    if (dataflow === undefined || only === undefined || file === undefined)
      listFiles(io, records, runId, flows)
    else await showRows(io, records, runId, only, file, options.limit)
    return exitCodes.success
  })
}

function listFiles(io: Io, records: Records, runId: string, flows: readonly FlowEvidence[]): void {
  const held = flows.filter(({ flow }) => flow.quarantine !== undefined)
  const entries = held.map(({ flow, log }) => ({
    dataflow: flow.dataflow,
    status: flow.status,
    rows: flow.rows?.quarantined ?? null,
    by_reason: reasonsOf(log),
    file: flow.quarantine,
  }))
  const data = {
    schema: 'sluice.quarantine.v1',
    run_id: runId,
    directory: records.evidence.uri,
    dataflows: entries,
  }
  if (entries.length === 0) {
    emit(io, data, [{ kind: 'text', text: `Run ${runId} has nothing in quarantine` }])
    return
  }
  const blocks: Block[] = [
    { kind: 'title', text: `Quarantine of run ${runId}` },
    {
      kind: 'table',
      columns: [
        { title: 'dataflow' },
        { title: 'status' },
        { title: 'rows', align: 'right' },
        { title: 'rejected for' },
        { title: 'file' },
      ],
      rows: entries.map(({ dataflow, status, rows, by_reason, file }) => [
        dataflow,
        status,
        rows === null ? '' : number(rows),
        by_reason
          .map(({ column, rule, name, count }) => `${column ?? 'row'} ${name ?? rule} ${number(count)}`)
          .join(', '),
        file?.key ?? '',
      ]),
    },
    {
      kind: 'code',
      title: 'The rows themselves',
      lines: entries.slice(0, 3).map(({ dataflow }) => io.command(`quarantine ${runId} ${dataflow}`)),
    },
  ]
  emit(io, data, blocks)
}

/** As core/contract writes them. */
interface RejectedRow extends Record<string, unknown> {
  readonly row_id: string
  readonly source_file: string
  readonly source_version: string | null
  readonly source_row: bigint | null
  readonly source_line: bigint | null
  readonly reasons: readonly {
    readonly code: string
    readonly column: string | null
    readonly rule: string
    readonly name: string | null
    readonly message: string
  }[]
  readonly contract_sha256: string
  /** ISO 8601, UTC. */
  readonly first_seen: string
  readonly last_seen: string
  /** The row as JSON text; `null` under `pii_policy: reference_only`. */
  readonly raw: string | null
}

async function showRows(
  io: Io,
  records: Records,
  runId: string,
  { flow, log }: FlowEvidence,
  file: ObjectRef,
  limit: number | undefined,
): Promise<void> {
  await withQuarantineFile(records, file, async (read) => {
    if (io.format === 'json') {
      const head = { schema: 'sluice.quarantine_rows.v1', run_id: runId, dataflow: flow.dataflow, file }
      await writeRowsAsJson(io, head, pages(read, limit ?? Number.POSITIVE_INFINITY))
      return
    }
    const rows = await read(0, limit ?? defaultLimit)
    emit(io, {}, rowBlocks(io, runId, flow.dataflow, rows, flow.rows?.quarantined, reasonsOf(log)))
  })
}

/** One document, a row a line, a page in memory. Nothing is written before the first page was read. */
async function writeRowsAsJson(
  io: Io,
  head: object,
  found: AsyncIterable<readonly RejectedRow[]>,
): Promise<void> {
  const opening = `${JSON.stringify(head).slice(0, -1)},"rows":[`
  let before = opening
  for await (const rows of found) {
    io.out(`${before}\n${rows.map((row) => JSON.stringify(row, plainNumbers)).join(',\n')}`)
    before = ','
  }
  io.out(before === opening ? `${opening}]}` : ']}')
}

type Read = (from: number, count: number) => Promise<RejectedRow[]>

async function* pages(read: Read, limit: number): AsyncGenerator<RejectedRow[]> {
  for (let from = 0; from < limit; from += page) {
    const rows = await read(from, Math.min(page, limit - from))
    if (rows.length > 0) yield rows
    if (rows.length < page) return
  }
}

/** Lends a reader of the file, or of the files of an index one after another, in a DuckDB that can read nothing else. Throws where one was changed. */
async function withQuarantineFile(
  records: Records,
  file: ObjectRef,
  work: (read: Read) => Promise<void>,
): Promise<void> {
  const files = await quarantineFiles(records.evidence, file)
  const { openEnginePool } = await import('../core/engine/engine.ts')
  const directory = await mkdtemp(join(tmpdir(), 'sluice-quarantine-'))
  const engines = openEnginePool({ directory, size: 1, memoryLimitMb: 256 })
  try {
    await engines.use(async (engine: Engine) => {
      const parts: Part[] = []
      for (const ref of files) parts.push(await openPart(records, engine, ref, parts.at(-1)))
      await work(async (from, count) => {
        const rows: RejectedRow[] = []
        for (const { path, first, end } of parts) {
          const [low, high] = [Math.max(from, first) - first, Math.min(from + count, end) - first]
          if (low >= high) continue
          const source = `read_parquet(${quoteLiteral(path)}, file_row_number = true)`
          rows.push(
            ...(await engine.rows<RejectedRow>(
              `SELECT * EXCLUDE (file_row_number) REPLACE (${instantSql('first_seen')}, ${instantSql('last_seen')}) FROM ${source}
               WHERE file_row_number >= ${low} AND file_row_number < ${high} ORDER BY file_row_number`,
            )),
          )
        }
        return rows
      })
    })
  } finally {
    await engines.close()
    await rm(directory, { recursive: true, force: true })
  }
}

function instantSql(column: string): string {
  return `strftime(${column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ') AS ${column}`
}

/** One file of rejected rows, and which of all rows it holds: `first` to `end`, which is not included. */
interface Part {
  readonly path: string
  readonly first: number
  readonly end: number
}

async function openPart(
  records: Records,
  engine: Engine,
  ref: ObjectRef,
  before: Part | undefined,
): Promise<Part> {
  const actual = await digestObject(records.evidence, ref.key, engine.directory)
  const info = await records.evidence.head(ref.key)
  if (actual !== ref.sha256 || info === undefined) throw changed(ref, actual)
  const path = await records.evidence.download(info, engine.directory)
  const [row] = await engine.rows<{ rows: bigint }>(
    `SELECT num_rows AS rows FROM parquet_file_metadata(${quoteLiteral(path)})`,
  )
  const first = before?.end ?? 0
  return { path, first, end: first + Number(row?.rows) }
}

function rowBlocks(
  io: Io,
  runId: string,
  dataflow: string,
  rows: readonly RejectedRow[],
  total: number | undefined,
  reasons: ReturnType<typeof reasonsOf>,
): Block[] {
  const all = total ?? rows.length
  const rest = all - rows.length
  return [
    { kind: 'title', text: `Quarantine of ${dataflow} in run ${runId}: ${plural(all, 'row')}` },
    ...(reasons.length === 0 ? [] : [reasonTable(reasons)]),
    rowTable(rows),
    ...(rest <= 0
      ? []
      : [
          {
            kind: 'code',
            title: `${plural(rest, 'more row')}`,
            lines: [io.command(`quarantine ${runId} ${dataflow} --format json`)],
          } as const,
        ]),
  ]
}

function rowTable(rows: readonly RejectedRow[]): Block {
  // A query's rows have no place in any file.
  const hasPlaces = rows.some((row) => row.source_row !== null || row.source_line !== null)
  return {
    kind: 'table',
    columns: [
      { title: 'source' },
      ...(hasPlaces ? [{ title: 'place' }] : []),
      { title: 'why' },
      { title: 'row' },
    ],
    rows: rows.map((row) => [
      row.source_file,
      ...(hasPlaces ? [placeOf(row)] : []),
      row.reasons.map(({ column, rule, message }) => `${column ?? 'row'} ${rule}: ${message}`).join('; '),
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

function changed(file: ObjectRef, actual: string | undefined): IntegrityError {
  return new IntegrityError({
    code: 'OBJECT_DIGEST_MISMATCH',
    fact: `the quarantine file ${file.key} ${actual === undefined ? 'is gone' : 'is not the one that was written'}`,
    consequence: 'Nothing of it is shown',
    next: 'Restore it from a backup, or run the dataflow again',
    details: { key: file.key },
  })
}
