import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from '../core/engine/engine.ts'
import { quoteLiteral } from '../core/engine/sql.ts'
import { IntegrityError, ManifestError } from '../core/errors.ts'
import { type Covers, type QuarantineItem, readQuarantineItem } from '../core/runs/acknowledgements.ts'
import { type QuarantineIndex, readQuarantineIndex } from '../core/runs/quarantine.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import { selectFlows } from './flow-evidence.ts'
import type { Records } from './home.ts'
import { digestObject } from './verify-files.ts'

/** What one run of a dataflow has set aside, and what was said of it since. */
export interface Quarantine {
  readonly ref: ObjectRef
  readonly index: QuarantineIndex
  readonly item: QuarantineItem | undefined
}

/** Throws `ManifestError` `QUARANTINE_EMPTY`, and `QUARANTINE_UNREADABLE` for one that an earlier version has written. */
export async function findQuarantine(records: Records, runId: string, dataflow: string): Promise<Quarantine> {
  const [flow] = await selectFlows(records, runId, dataflow)
  const ref = flow?.quarantine
  if (ref === undefined) {
    throw new ManifestError({
      code: 'QUARANTINE_EMPTY',
      fact: `run ${runId} has set no row of ${dataflow} aside`,
      next: `Look at the run: sluice quarantine list ${runId}`,
    })
  }
  if (!ref.key.endsWith('.json')) throw unreadable(ref)
  const index = await readQuarantineIndex(records.evidence, ref)
  if (index.fingerprint === undefined) throw unreadable(ref)
  return { ref, index, item: await readQuarantineItem(records, runId, dataflow) }
}

function unreadable({ key }: ObjectRef): ManifestError {
  return new ManifestError({
    code: 'QUARANTINE_UNREADABLE',
    fact: `${key} was written by an earlier version, without row ids and reason codes`,
    consequence: 'It can be verified, and not shown, acknowledged or replayed',
    next: 'Read it as Parquet, or run the dataflow again',
  })
}

/** As core/contract writes them. */
export interface RejectedRow extends Record<string, unknown> {
  readonly row_id: string
  readonly acknowledged: boolean
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

/** The files of a quarantine in a DuckDB that can read nothing else. */
export interface OpenQuarantine {
  readonly engine: Engine
  /** SQL: every rejected row with `acknowledged`, `part` and `file_row_number`, by which they are in order. */
  readonly rows: string
  /** Rows of each part. */
  readonly parts: readonly number[]
}

/** Throws `IntegrityError` where a file was changed, `ManifestError` `QUARANTINE_REMOVED` after its time. */
export async function withRejectedRows<T>(
  records: Records,
  { index, item }: Quarantine,
  work: (open: OpenQuarantine) => Promise<T>,
): Promise<T> {
  if (item?.removed !== undefined) throw removed(item, item.removed)
  const { openEnginePool } = await import('../core/engine/engine.ts')
  const directory = await mkdtemp(join(tmpdir(), 'sluice-quarantine-'))
  const engines = openEnginePool({ directory, size: 1, memoryLimitMb: 256 })
  try {
    return await engines.use(async (engine: Engine) => {
      const paths: string[] = []
      for (const file of index.files) paths.push(await download(records, engine, file))
      const parts = paths.map(
        (path, part) =>
          `SELECT *, ${part} AS part FROM read_parquet(${quoteLiteral(path)}, file_row_number = true)`,
      )
      const rows = `(SELECT *, ${acknowledgedSql(item)} AS acknowledged FROM (${parts.join(' UNION ALL ')}))`
      return await work({ engine, rows, parts: index.files.map((file) => file.rows) })
    })
  } finally {
    await engines.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function download(records: Records, engine: Engine, ref: ObjectRef): Promise<string> {
  const actual = await digestObject(records.evidence, ref.key, engine.directory)
  const info = await records.evidence.head(ref.key)
  if (actual === ref.sha256 && info !== undefined)
    return await records.evidence.download(info, engine.directory)
  throw new IntegrityError({
    code: 'OBJECT_DIGEST_MISMATCH',
    fact: `the quarantine file ${ref.key} ${actual === undefined ? 'is gone' : 'is not the one that was written'}`,
    consequence: 'Nothing of it is shown',
    next: 'Restore it from a backup, or run the dataflow again',
    details: { key: ref.key },
  })
}

function removed(
  { dataflow, run_id }: QuarantineItem,
  { by, at }: { readonly by: string; readonly at: string },
) {
  return new ManifestError({
    code: 'QUARANTINE_REMOVED',
    fact: `the rejected rows of ${dataflow} in run ${run_id} were removed by ${by} at ${at}, after their time`,
    next: 'Their index is still there: sluice evidence',
  })
}

/** SQL over a rejected row: whether somebody has acknowledged it. */
function acknowledgedSql(item: QuarantineItem | undefined): string {
  const covered = (item?.acknowledged ?? []).map(({ covers }) => coversSql(covers))
  return covered.length === 0 ? 'false' : `(${covered.join(' OR ')})`
}

/** SQL over a rejected row: whether it is one of these, acknowledged or not. */
export function coversSql(covers: Covers): string {
  if ('all' in covers) return 'true'
  if ('row_ids' in covers) return `row_id IN (${covers.row_ids.map(quoteLiteral).join(', ')})`
  return `list_has_any(list_transform(reasons, lambda r: r.code), [${covers.codes.map(quoteLiteral).join(', ')}])`
}

/** Rows in memory at a time. */
const page = 5000

/** In the order of the files, a page at a time. */
export async function* rowPages(
  { engine, rows, parts }: OpenQuarantine,
  where: string,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<RejectedRow[]> {
  let left = limit
  for (const [part, count] of parts.entries()) {
    for (let from = 0; from < count && left > 0; from += page) {
      const found = await engine.rows<RejectedRow>(
        `SELECT ${rowColumns} FROM ${rows} WHERE part = ${part} AND file_row_number >= ${from}
           AND file_row_number < ${from + page} AND ${where} ORDER BY file_row_number LIMIT ${Math.min(left, page)}`,
      )
      left -= found.length
      if (found.length > 0) yield found
    }
  }
}

const instant = (column: string) =>
  `strftime(${column} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%gZ') AS ${column}`

/** What is shown and exported of a row, in this order. */
export const rowColumns = [
  'row_id',
  'acknowledged',
  'source_file',
  'source_version',
  'source_row',
  'source_line',
  'reasons',
  'contract_sha256',
  instant('first_seen'),
  instant('last_seen'),
  'raw',
].join(', ')

export async function countRows({ engine, rows }: OpenQuarantine, where: string): Promise<number> {
  const [row] = await engine.rows<{ rows: bigint }>(`SELECT count(*) AS rows FROM ${rows} WHERE ${where}`)
  return Number(row?.rows)
}
