import { join } from 'node:path'
import type { CheckResult } from '../core/contract/checks.ts'
import { enforced } from '../core/contract/enforcement.ts'
import { ruleLiteral } from '../core/contract/rules.ts'
import { type ScanRequest, type ScanResult, scanContract } from '../core/contract/scan.ts'
import type { Engine } from '../core/engine/engine.ts'
import { IntegrityError } from '../core/errors.ts'
import type { RowCounts } from '../core/runs/items.ts'
import type {
  ContractRecord,
  ExtractRecord,
  LineageRecord,
  QuarantineFile,
  StagedFile,
} from '../core/runs/records.ts'
import { attemptTag, portionTag } from '../core/runs/uncommitted.ts'
import { type LaidOutFile, type LayoutRequest, layOut } from '../core/sinks/layout-files.ts'
import { asLoaded } from '../core/sinks/nested-fields.ts'
import { isSortable } from '../core/sinks/partition-sql.ts'
import { checkPins, linkInputs } from '../core/sources/inputs.ts'
import { underOneSchema } from '../core/sources/shard-inputs.ts'
import { parseTable } from '../core/tables/identifier.ts'
import { tableRoot } from '../core/tables/locations.ts'
import { parseBytes } from '../core/tables/terms.ts'
import { judgeChecks } from './contract-checks.ts'
import type { GateTask } from './gate-handler.ts'
import { storeOnce } from './store-once.ts'
import { rejectContext, storeRejected, withFirstSeen } from './store-rejected.ts'

/** What one call of gate 3 reads: everything that is pinned, or one shard of it. */
export interface Portion {
  readonly extract: ExtractRecord
  readonly lineage: LineageRecord
  /** Absent where it is everything. */
  readonly shard?: number
}

/** The judged rows of a portion. The rejected ones are in quarantine already, the accepted ones still here. */
export interface Judgement
  extends Pick<ContractRecord, 'rows' | 'by_reason' | 'rules' | 'coerced' | 'variants' | 'watermark'> {
  readonly quarantine?: QuarantineFile
  /** Not of a shard: they are about the load. */
  readonly checks: readonly CheckResult[]
  readonly accepted: readonly LaidOutFile[]
}

/**
 * One scan over the portion. It gives no verdict: that is over the whole load. Rejected rows are stored first,
 * because they are evidence whatever the verdict will be.
 */
export async function judge(task: GateTask, engine: Engine, portion: Portion): Promise<Judgement> {
  const scan = await scanContract(engine, await scanRequest(task, engine, portion))
  const rows: RowCounts = {
    read: scan.rows_read,
    accepted: scan.rows_accepted,
    quarantined: scan.rows_rejected,
    filtered: scan.rows_filtered,
    deduplicated: scan.rows_deduplicated,
    ...(task.dataflow.transformers?.filter === undefined
      ? {}
      : { filtered_by_rule: scan.rows_filtered_by_rule }),
    ...(scan.rows_warned === undefined ? {} : { warned: scan.rows_warned }),
  }
  const checks = portion.shard === undefined ? await judgeLoad(task, engine, rows, scan) : []
  const watermark = await furthest(task, engine, scan.watermark)
  const accepted = await layOut(engine, scan.accepted, layoutOf(task))
  const rejected = scan.rejected && (await withFirstSeen(task, engine, scan.rejected))
  // What follows stores files and waits for the disk; the instance need not wait with it.
  await engine.done()
  await checkPins(task.ports, portion.extract)
  checkAccounted(rows)
  const by_reason = rejected?.by_reason ?? []
  const quarantine =
    rejected === undefined ? {} : { quarantine: await storeRejected(task, rejected, portion.shard) }
  const { rules, coerced, variants } = scan
  const told = {
    rules,
    ...(coerced === undefined ? {} : { coerced }),
    ...(variants === undefined ? {} : { variants }),
  }
  return { rows, by_reason, ...told, ...quarantine, watermark, checks, accepted }
}

async function scanRequest(
  task: GateTask,
  engine: Engine,
  { extract, lineage, shard }: Portion,
): Promise<ScanRequest> {
  const { after } = extract
  const { columns, constants, unexpected, transformers } = lineage
  const { contract } = task.dataflow
  const watermark = Object.entries(after).map(([name, value]) =>
    value === null ? { name } : { name, after: value },
  )
  const inputs = await linkInputs(task.ports, engine, extract, lineage, task.dataflow)
  return {
    inputs: shard === undefined ? inputs : await underOneSchema(engine, inputs, readColumns(lineage)),
    columns,
    unexpected,
    constants,
    rules: (contract.rules ?? []).map((rule) => enforced(rule, contract)),
    ...(transformers === undefined ? {} : { transformers }),
    ...(watermark.length === 0 ? {} : { watermark: { columns: watermark } }),
    coerce: contract.enforcement === 'coerce',
    pii_policy: contract.quarantine.pii_policy,
    rejects: rejectContext(task, shard),
    output: { accepted: join(engine.directory, 'accepted'), rejected: join(engine.directory, 'rejected') },
  }
}

/** The columns of the source that the scan reads. */
function readColumns({ columns, transformers }: LineageRecord): Parameters<typeof underOneSchema>[2] {
  return transformers?.reads.map(({ name, input }) => ({ source: name, input })) ?? columns
}

/**
 * Of several watermark columns one alone makes a row new, so the largest value read in another one may lie
 * behind where that column was; going back there would read the rows between a second time.
 */
async function furthest(
  task: GateTask,
  engine: Engine,
  read: ScanResult['watermark'],
): Promise<ScanResult['watermark']> {
  if (Object.keys(read).length < 2) return read
  const { after } = task.record('extract')
  const kept: Record<string, string | null> = {}
  for (const [name, value] of Object.entries(read)) {
    const before = after[name] ?? null
    const column = task.record('lineage').columns.find((candidate) => candidate.name === name)
    if (value === null || before === null || column === undefined) {
      kept[name] = value ?? before
      continue
    }
    const [row] = await engine.rows<{ behind: boolean }>(
      `SELECT ${ruleLiteral(column.type, value)} < ${ruleLiteral(column.type, before)} AS behind`,
    )
    kept[name] = row?.behind === true ? before : value
  }
  return kept
}

/** Every row that was read is accepted, in quarantine, filtered or deduplicated; of shards each by itself, and all together. */
export function checkAccounted(rows: RowCounts): void {
  if (rows.read === rows.accepted + rows.quarantined + rows.filtered + rows.deduplicated) return
  throw new IntegrityError({
    code: 'ROWS_UNACCOUNTED',
    fact: `${rows.read} rows were read, but ${rows.accepted} accepted, ${rows.quarantined} rejected, ${rows.filtered} filtered and ${rows.deduplicated} deduplicated`,
    consequence: 'Nothing became visible',
    next: 'This is a defect: report it with the evidence of this run',
    details: { rows },
  })
}

/** While the accepted rows lie here, as the scan has written them. */
async function judgeLoad(
  task: GateTask,
  engine: Engine,
  counts: RowCounts,
  { accepted }: ScanResult,
): Promise<CheckResult[]> {
  const files = async () => accepted.map(({ file }) => file)
  return await judgeChecks(task, { counts, stats: accepted, read: (work) => work({ engine, files }) })
}

/** Sorting and cutting are the manifest's to ask for; partitions are the table's. */
function layoutOf(task: GateTask): LayoutRequest {
  const { physical } = task.dataflow.sink
  const { columns, constants, schema, physical: drafted } = task.record('lineage')
  const targetBytes =
    physical?.target_file_size === undefined ? undefined : parseBytes(physical.target_file_size)
  return {
    schema: { ...schema, fields: asLoaded(schema.fields, columns) },
    columns: [...columns, ...constants].map(({ name }) => name),
    design: isSortable(drafted.after.sort, schema) ? drafted.after : { ...drafted.after, sort: [] },
    ...(targetBytes === undefined ? {} : { targetBytes }),
  }
}

/** Puts the accepted rows where they will stay. Until a commit refers to them nobody sees them. */
export async function storeAccepted(
  task: GateTask,
  files: readonly LaidOutFile[],
  { shard }: Portion,
): Promise<StagedFile[]> {
  const { run_id, attempt, round } = task.ref
  const folder = `${tableRoot(parseTable(task.dataflow.sink.table))}/data`
  const tag = attemptTag(run_id, task.dataflow.name, attempt)
  return await Promise.all(
    files.map(async ({ file, partition_values, sorted, ...stats }, i) => {
      const name = `${folder}/${tag}.${portionTag(round, shard)}-${String(i).padStart(5, '0')}`
      const values = {
        ...(partition_values === undefined ? {} : { partition_values }),
        ...(sorted === undefined ? {} : { sorted }),
      }
      return { ...(await storeOnce(task.ports.lake, name, file)), stats, ...values }
    }),
  )
}
