import { join } from 'node:path'
import { findDuplicates } from '../core/contract/duplicates.ts'
import { ruleLiteral } from '../core/contract/rules.ts'
import { type RejectedFile, type ScanRequest, type ScanResult, scanContract } from '../core/contract/scan.ts'
import type { CopyStats, Engine } from '../core/engine/engine.ts'
import { ConditionFailedError, ContractError, IntegrityError } from '../core/errors.ts'
import type { RowCounts } from '../core/runs/items.ts'
import type { ContractRecord, StagedFile } from '../core/runs/records.ts'
import { attemptTag } from '../core/runs/uncommitted.ts'
import { checkPins, inputBytes, linkInputs } from '../core/sources/inputs.ts'
import { sourceStateKind } from '../core/sources/source-state.ts'
import { type ObjectRef, uploadFile } from '../core/stores/object-ref.ts'
import type { ObjectStore } from '../core/stores/object-store.ts'
import { parseTable } from '../core/tables/identifier.ts'
import { tableRoot } from '../core/tables/locations.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'

/**
 * Gate 3: one scan judges every row. Accepted rows are written once, as the Parquet files that the table will
 * adopt, into the table's folder, where they stay invisible until a commit refers to them. Rejected rows go
 * to quarantine with their reasons; under `strict` they stop the attempt and are kept all the same.
 */
export async function contract(task: GateTask): Promise<ContractRecord> {
  const options = { signal: task.signal, bytes: inputBytes(task.record('extract')) }
  return await task.ports.engines.use(async (engine) => await judge(task, engine), options)
}

async function judge(task: GateTask, engine: Engine): Promise<ContractRecord> {
  const scan = await scanContract(engine, await scanRequest(task, engine))
  const duplicates = await findDuplicated(task, engine, scan)
  const watermark = await furthest(task, engine, scan.watermark)
  // What follows stores files and waits for the disk; the instance need not wait with it.
  await engine.done()
  await checkPins(task.ports, task.record('extract'))
  const rows: RowCounts = {
    read: scan.rows_read,
    accepted: scan.rows_accepted,
    quarantined: scan.rows_rejected,
    filtered: scan.rows_filtered,
  }
  checkAccounted(rows)
  const by_reason = scan.rejected?.by_reason ?? []
  const quarantine = scan.rejected === undefined ? undefined : await storeRejected(task, scan.rejected)
  const kept = { rows, by_reason, ...(quarantine === undefined ? {} : { quarantine }) }
  checkVerdict(task, kept, quarantine)
  if (duplicates !== undefined) throw notUnique(task, duplicates.column, duplicates.count, kept)
  const nothing = rows.accepted + rows.quarantined === 0 && sourceStateKind(task.dataflow) !== 'full'
  const files = nothing ? [] : await storeAccepted(task, scan.accepted)
  return { verdict: nothing ? 'nothing_new' : 'passed', ...kept, files, watermark }
}

async function scanRequest(task: GateTask, engine: Engine): Promise<ScanRequest> {
  const { after } = task.record('extract')
  const { columns, constants } = task.record('lineage')
  const watermark = Object.entries(after).map(([name, value]) =>
    value === null ? { name } : { name, after: value },
  )
  return {
    inputs: await linkInputs(
      task.ports,
      engine,
      task.record('extract'),
      task.record('lineage'),
      task.dataflow,
    ),
    columns,
    constants,
    ...(watermark.length === 0 ? {} : { watermark: { columns: watermark } }),
    pii_policy: task.dataflow.contract.quarantine.pii_policy,
    output: { accepted: join(engine.directory, 'accepted'), rejected: join(engine.directory, 'rejected') },
  }
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

type Kept = Pick<ContractRecord, 'rows' | 'by_reason' | 'quarantine'>

function checkAccounted(rows: RowCounts): void {
  if (rows.read === rows.accepted + rows.quarantined + rows.filtered) return
  throw new IntegrityError({
    code: 'ROWS_UNACCOUNTED',
    fact: `${rows.read} rows were read, but ${rows.accepted} accepted, ${rows.quarantined} rejected and ${rows.filtered} filtered`,
    consequence: 'Nothing became visible',
    next: 'This is a defect: report it with the evidence of this run',
    details: { rows },
  })
}

function checkVerdict(task: GateTask, kept: Kept, quarantine: ObjectRef | undefined): void {
  const { enforcement, quarantine: policy } = task.dataflow.contract
  const { accepted, quarantined } = kept.rows
  const where =
    quarantine === undefined ? '' : `sluice quarantine ${task.ref.run_id} ${task.dataflow.name} shows them`
  if (enforcement === 'strict' && quarantined > 0) {
    throw new ContractError({
      code: 'CONTRACT_REJECTED',
      fact: `${quarantined} of ${accepted + quarantined} rows break the contract of ${task.dataflow.name} (${reasons(kept)})`,
      consequence: 'The contract is strict, so nothing was written to the table',
      next: `${where}; correct the source or the contract, or use enforcement: quarantine`,
      details: { ...kept },
    })
  }
  const ratio = accepted + quarantined === 0 ? 0 : quarantined / (accepted + quarantined)
  const overRows = policy.max_rows !== undefined && quarantined > policy.max_rows
  const overRatio = policy.max_ratio !== undefined && ratio > policy.max_ratio
  if (!overRows && !overRatio) return
  const limit = overRows ? `max_rows: ${policy.max_rows}` : `max_ratio: ${policy.max_ratio}`
  throw new ContractError({
    code: 'QUARANTINE_LIMIT',
    fact: `${quarantined} of ${accepted + quarantined} rows of ${task.dataflow.name} break the contract (${reasons(kept)}), more than quarantine.${limit} allows`,
    consequence: 'Nothing was written to the table',
    next: `${where}; correct the source, or raise the limit`,
    details: { ...kept },
  })
}

/** The three most frequent: `delay min 12, origin pattern 3`. */
function reasons(kept: Kept): string {
  const sorted = [...kept.by_reason].sort((a, b) => b.count - a.count)
  const shown = sorted.slice(0, 3).map((reason) => `${reason.column ?? 'row'} ${reason.rule} ${reason.count}`)
  return `${shown.join(', ')}${sorted.length > 3 ? ', …' : ''}`
}

/** A duplicate leaves open which row is right, so it is never quarantined: it stops the attempt. */
async function findDuplicated(
  task: GateTask,
  engine: Engine,
  scan: ScanResult,
): Promise<{ readonly column: string; readonly count: number } | undefined> {
  const paths = scan.accepted.map((file) => file.file)
  for (const column of task.record('lineage').columns) {
    if (column.contract?.unique !== true || paths.length === 0) continue
    const count = await findDuplicates(engine, paths, column.name)
    if (count > 0) return { column: column.name, count }
  }
  return undefined
}

function notUnique(task: GateTask, column: string, duplicated: number, kept: Kept): ContractError {
  return new ContractError({
    code: 'UNIQUE_VIOLATED',
    fact: `${duplicated} values of ${column} occur more than once in ${task.dataflow.name}, whose contract says unique`,
    consequence: 'Which of the rows is right cannot be told, so nothing was written to the table',
    next: 'Remove the duplicates in the source, or take unique out of the contract',
    details: { ...kept, column, duplicated },
  })
}

async function storeAccepted(task: GateTask, files: readonly CopyStats[]): Promise<StagedFile[]> {
  const { run_id, attempt, round } = task.ref
  const folder = `${tableRoot(parseTable(task.dataflow.sink.table))}/data`
  const tag = attemptTag(run_id, task.dataflow.name, attempt)
  return await Promise.all(
    files.map(async ({ file, ...stats }, i) => {
      const name = `${folder}/${tag}.${round}-${String(i).padStart(5, '0')}`
      return { ...(await storeOnce(task.ports.lake, name, file)), stats }
    }),
  )
}

async function storeRejected(task: GateTask, rejected: RejectedFile): Promise<ObjectRef> {
  const { run_id, attempt, round } = task.ref
  const number = `${String(attempt).padStart(4, '0')}-${round}`
  const name = `quarantine/${run_id}/${task.dataflow.name}/${number}`
  return (await storeOnce(task.ports.evidence, name, rejected.file)).object
}

/**
 * Uploads a Parquet file and replaces none: a call of this gate that was given up and repeated may still be at
 * work, and what the repetition has stored may be committed by then. The next free name is taken instead.
 */
async function storeOnce(store: ObjectStore, name: string, file: string) {
  const onlyNew: ObjectStore = { ...store, upload: (key, path) => store.upload(key, path, 'absent') }
  for (let repetition = 0; ; repetition++) {
    try {
      return await uploadFile(
        onlyNew,
        repetition === 0 ? `${name}.parquet` : `${name}-${repetition}.parquet`,
        file,
      )
    } catch (error) {
      if (!(error instanceof ConditionFailedError)) throw error
    }
  }
}

export const handler = gateHandler('contract', contract)
