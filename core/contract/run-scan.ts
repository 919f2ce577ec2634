import { renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { CopyOutcome, CopyStats, Engine, OperatorRows } from '../engine/engine.ts'
import { quoteIdentifier, quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { IntegrityError, TerminalError } from '../errors.ts'
import { counted } from '../words.ts'
import { scalarOf, typeText } from './column-types.ts'
import { acceptsText, valueText } from './grammar.ts'
import { numberRejected } from './numbered.ts'
import { readableInputs } from './readable-inputs.ts'
import { namingSource } from './readers.ts'
import { writeRejected } from './rejected.ts'
import { heldAlias, rejectedRows } from './rejected-sql.ts'
import { bindRowRules } from './row-rules.ts'
import { countRules, unbroken } from './rule-counts.ts'
import type { ScanInput, ScanRequest, ScanResult } from './scan.ts'
import { type PlacedRule, type ScanRules, scanRules } from './scan-rules.ts'
import { scanSource } from './scan-source.ts'
import { judgedColumn, type ScanStatement, scanStatement, verdictColumn } from './scan-sql.ts'
import { countStructural } from './structural.ts'

/** See `scanContract`. */
export async function runScan(engine: Engine, request: ScanRequest): Promise<ScanResult> {
  checkRequest(request)
  const judging = scanRules(request, await bindRowRules(engine, request.rules ?? [], request.columns))
  const { rules } = judging
  const inputs = await readableInputs(engine, request.inputs)
  const source = await scanSource(engine, request, inputs)
  if (source === undefined) return emptyResult(request, judging)
  const statement = scanStatement(request, source, judging)
  const copied = await namingSource(inputs.map(pathAndSource), () => runCopy(engine, statement, inputs))
  const structural = source.csv ? await countStructural(engine, inputs) : 0
  const { accepted, scratch, left } = split(copied.files, engine.directory)
  const rows_accepted = sum(accepted)
  const judgedRejected = sum(scratch)
  const scanned = source.countRows ? await source.countRows() : scannedRows(copied.operators, inputs)
  const old = scanned - copied.operators.copied
  const removed = { deduplicated: sum(left.deduplicated), filtered: sum(left.filtered) }
  const judged = copied.operators.copied - removed.deduplicated - removed.filtered
  if (old < 0 || judged !== rows_accepted + judgedRejected) {
    throw unaccounted(scanned, judged, rows_accepted, judgedRejected)
  }
  const rows_rejected = judgedRejected + structural
  const rejected =
    rows_rejected === 0
      ? undefined
      : await writeRejected(engine, request, rules, {
          inputs,
          scratch: await numberRejected(engine, request, judging, { inputs, source, rows: scanned, scratch }),
          rows: judgedRejected,
          structural,
        })
  const watermark = await watermarkValues(engine, request, rules, accepted, [
    ...scratch,
    ...left.deduplicated,
    ...left.filtered,
  ])
  const counts = await countRules(engine, judging, {
    accepted: accepted.map(({ file }) => file),
    rejected: scratch.map(({ file }) => file),
    by_reason: rejected?.by_reason ?? [],
  })
  if (structural > 0) await engine.run('DROP TABLE reject_errors; DROP TABLE reject_scans')
  return {
    rows_read: scanned + structural,
    rows_accepted,
    rows_rejected,
    rows_filtered: old + removed.filtered,
    rows_filtered_by_rule: removed.filtered,
    rows_deduplicated: removed.deduplicated,
    ...counts,
    accepted,
    ...(rejected === undefined ? {} : { rejected }),
    watermark,
  }
}

/** Rules out what would otherwise surface as a statement's error or, worse, as a wrong answer. */
function checkRequest(request: ScanRequest): void {
  for (const constant of request.constants) {
    if (!acceptsText(constant.type, constant.value))
      throw notAValue('constant', constant.name, typeText(constant.type))
  }
  for (const { name, after } of request.watermark?.columns ?? []) {
    const column = request.columns.find((c) => c.name === name)
    if (column === undefined) throw notAValue('watermark column', name, 'any column of the scan')
    if (after !== undefined && !acceptsText(column.type, after)) {
      throw notAValue('stored watermark of', name, typeText(column.type))
    }
  }
}

function notAValue(what: string, name: string, wanted: string): TerminalError {
  return new TerminalError({
    code: 'SCAN_REQUEST_INVALID',
    fact: `The ${what} ${name} is not ${wanted}`,
    consequence: 'Nothing was read',
    next: 'Where the type of a watermark column was changed, go back to the old one, or give the dataflow and its table new names',
    details: { name },
  })
}

let scans = 0

/** Bytes. Below, setting zstd up costs more CPU (1 ms a scan) than its better ratio is worth. */
const smallInput = 1 << 19

function codec(inputs: readonly ScanInput[]): string {
  const paths = inputs.flatMap((input) =>
    input.kind === 'sql'
      ? Object.values(input.relations).flatMap((relation) => relation.paths)
      : [input.path],
  )
  return paths.reduce((bytes, path) => bytes + statSync(path).size, 0) < smallInput ? 'snappy' : 'zstd'
}

async function runCopy(
  engine: Engine,
  statement: ScanStatement,
  inputs: readonly ScanInput[],
): Promise<CopyOutcome> {
  const scratch = join(engine.directory, `scan-${++scans}`)
  const shape = statement.judged ? `PARTITION_BY (${verdictColumn})` : 'WRITE_EMPTY_FILE false'
  const target = statement.judged ? scratch : `${scratch}.parquet`
  const outcome = await engine.copy(`COPY (${statement.select}) TO ${quoteLiteral(target)}
    (FORMAT parquet, COMPRESSION ${codec(inputs)}, RETURN_STATS, FIELD_IDS ${statement.fieldIds}, ${shape})`)
  return { ...outcome, files: outcome.files.filter((file) => file.rows > 0) }
}

let moved = 0

/**
 * Accepted files leave the scan's directory, whose name a reader would take for a column's value; the others are
 * scratch.
 */
function split(files: readonly CopyStats[], directory: string) {
  const of = (verdict: string | undefined) =>
    files.filter(({ partition }) => partition[verdictColumn] === verdict)
  const accepted = [...of('true'), ...of(undefined)].map((stats): CopyStats => {
    const file = join(directory, `accepted-${++moved}.parquet`)
    renameSync(stats.file, file)
    const { [judgedColumn]: _, ...columns } = stats.columns
    return { ...stats, file, columns, partition: {} }
  })
  const left = { deduplicated: of('deduplicated'), filtered: of('filtered') }
  return { accepted, scratch: of('false'), left }
}

function sum(files: readonly CopyStats[]): number {
  return files.reduce((rows, file) => rows + file.rows, 0)
}

/**
 * A transform reads what it likes; its rows are those that leave it. A watermark becomes part of its query, so
 * that only new rows are computed; the others are never made, and count neither as read nor as filtered.
 */
function scannedRows(operators: OperatorRows, inputs: readonly ScanInput[]): number {
  return inputs.some((input) => input.kind === 'sql') ? operators.copied : operators.scanned
}

/**
 * The largest value of each watermark column among the rows read, in the files written, so that strings are
 * exact too. A rejected row's value counts unless a rule refuses that very column: a year 9999 that `max`
 * refuses would hide every later row.
 */
async function watermarkValues(
  engine: Engine,
  request: ScanRequest,
  rules: readonly PlacedRule[],
  accepted: readonly CopyStats[],
  scratch: readonly CopyStats[],
): Promise<Record<string, string | null>> {
  const names = (request.watermark?.columns ?? []).map((column) => column.name)
  if (names.length === 0) return {}
  const parts: string[] = []
  const columns = names.map(quoteIdentifier)
  if (accepted.length > 0) {
    parts.push(
      `SELECT ${columns.join(', ')} FROM read_parquet(${quoteLiterals(accepted.map((f) => f.file))})`,
    )
  }
  if (scratch.length > 0) {
    const usable = names.map((name) => usableValue(name, rules))
    parts.push(`SELECT ${usable.join(', ')} FROM (${rejectedRows(scratch.map((f) => f.file))})`)
  }
  if (parts.length === 0) return Object.fromEntries(names.map((name) => [name, null]))
  const largest = names.map((name, i) => {
    const type = request.columns.find((column) => column.name === name)!.type
    return `${valueText(scalarOf(type), `max(${quoteIdentifier(name)})`)} AS m${i}`
  })
  const [row] = await engine.rows<Record<string, string | null>>(
    `SELECT ${largest.join(', ')} FROM (${parts.join(' UNION ALL ')})`,
  )
  return Object.fromEntries(names.map((name, i) => [name, row![`m${i}`] ?? null]))
}

function usableValue(name: string, rules: readonly PlacedRule[]): string {
  const own = rules.flatMap((rule, i) =>
    rule.column === name && rule.severity === 'error' ? [`${heldAlias}[${i + 1}]`] : [],
  )
  const column = quoteIdentifier(name)
  return own.length === 0 ? column : `CASE WHEN ${own.join(' AND ')} THEN ${column} END AS ${column}`
}

function pathAndSource(input: ScanInput): {
  readonly source: string
  readonly path?: string
  readonly from_byte?: number
} {
  if (!('path' in input)) return { source: input.source }
  const part = 'from_byte' in input && input.from_byte !== undefined ? { from_byte: input.from_byte } : {}
  return { source: input.source, path: input.path, ...part }
}

function emptyResult(request: ScanRequest, judging: ScanRules): ScanResult {
  return {
    ...unbroken(judging),
    rows_read: 0,
    rows_accepted: 0,
    rows_rejected: 0,
    rows_filtered: 0,
    rows_filtered_by_rule: 0,
    rows_deduplicated: 0,
    accepted: [],
    watermark: Object.fromEntries((request.watermark?.columns ?? []).map(({ name }) => [name, null])),
  }
}

function unaccounted(scanned: number, copied: number, accepted: number, rejected: number): IntegrityError {
  return new IntegrityError({
    code: 'ROWS_UNACCOUNTED',
    fact: `${counted(scanned, 'row was', 'rows were')} read and ${copied} judged, but ${accepted} accepted and ${rejected} rejected`,
    consequence: 'Nothing became visible',
    next: 'This is a defect: report it with the evidence of this run',
    details: { scanned, judged: copied, accepted, rejected },
  })
}
