import { enforced } from '../core/contract/enforcement.ts'
import { ruleLiteral } from '../core/contract/rules.ts'
import { type ScanRequest, type ScanResult, scanContract } from '../core/contract/scan.ts'
import type { Engine } from '../core/engine/engine.ts'
import { IntegrityError } from '../core/errors.ts'
import type { ContractRecord, QuarantineFile } from '../core/runs/contract-record.ts'
import type { ExtractRecord } from '../core/runs/extract-record.ts'
import type { RowCounts } from '../core/runs/items.ts'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import { checkPins, linkInputs } from '../core/sources/inputs.ts'
import { underOneSchema } from '../core/sources/shard-inputs.ts'
import { counted } from '../core/words.ts'
import { withFirstSeen } from './first-seen.ts'
import type { GateTask } from './gate-handler.ts'
import { rejectContext, storeRejected } from './store-rejected.ts'

/** What one call of gate 3 reads: everything that is pinned, or one shard of it. */
export interface Portion {
  readonly extract: ExtractRecord
  readonly lineage: LineageRecord
  /** Absent where it is everything. */
  readonly shard?: number
}

/** The judged rows of a portion. The rejected ones are stored, the accepted ones still lie here. */
export interface Judgement
  extends Pick<ContractRecord, 'rows' | 'by_reason' | 'rules' | 'coerced' | 'variants'> {
  /** Absent where it is everything. */
  readonly shard?: number
  readonly quarantine?: QuarantineFile
  /** Of the rows that were read; {@link furthest} compares it with what was read before. */
  readonly watermark: ScanResult['watermark']
  readonly accepted: ScanResult['accepted']
}

/**
 * One scan over the portion. It gives no verdict: that is over the whole load. Rejected rows are stored before anything
 * else can fail, because they are evidence whatever becomes of the load; only rows of an object that was changed while
 * it was read are nobody's, and are not kept.
 */
export async function judge(task: GateTask, engine: Engine, portion: Portion): Promise<Judgement> {
  const { shard } = portion
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
  const seen = scan.rejected && (await withFirstSeen(task, engine, scan.rejected))
  await checkPins(task.ports, portion.extract)
  const { rules, coerced, variants, watermark, accepted } = scan
  return {
    rows,
    by_reason: seen?.rejected.by_reason ?? [],
    rules,
    ...(coerced === undefined ? {} : { coerced }),
    ...(variants === undefined ? {} : { variants }),
    ...(shard === undefined ? {} : { shard }),
    ...(seen === undefined
      ? {}
      : { quarantine: await storeRejected(task, seen.rejected, seen.superseded, shard) }),
    watermark,
    accepted,
  }
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
export async function furthest(
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
    fact: `${counted(rows.read, 'row was', 'rows were')} read, but ${rows.accepted} accepted, ${rows.quarantined} rejected, ${rows.filtered} filtered and ${rows.deduplicated} deduplicated`,
    consequence: 'Nothing became visible',
    next: 'This is a defect: report it with the evidence of this run',
    details: { rows },
  })
}
