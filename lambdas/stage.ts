import type { CheckResult } from '../core/contract/checks.ts'
import { ContractError, IntegrityError, SchemaMovedError } from '../core/errors.ts'
import type { StageRecord } from '../core/runs/commit-records.ts'
import type { StagedFile } from '../core/runs/contract-record.ts'
import { swappedProperty } from '../core/sinks/swapped-columns.ts'
import { loadTarget, type Target } from '../core/sinks/target.ts'
import { countPresent } from '../core/sinks/unique.ts'
import { defaultSortFields, sameFields } from '../core/tables/design.ts'
import { defaultSpec } from '../core/tables/metadata.ts'
import { sameSchema } from '../core/tables/schema.ts'
import { counted, oneOrMany } from '../core/words.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'
import { checkResult, checksOf, none } from './load-checks.ts'

/**
 * Gate 7: reads the table as it is now, which becomes the base of the commit, and proves that every file that
 * the commit will add is there as gate 3 left it. Append and overwrite adopt those files; nothing is rewritten.
 */
export async function stage(task: GateTask): Promise<StageRecord> {
  const { dataflow, ports } = task
  const { load_type, table } = dataflow.sink
  const target = await loadTarget(ports, table)
  checkSchemaStands(task, target)
  const { files, rows } = task.record('contract')
  for (const file of files) await checkFile(task, file)
  const staged = files.reduce((sum, file) => sum + file.stats.rows, 0)
  if (staged !== rows.accepted) throw miscounted(table, staged, rows.accepted)
  const checks = load_type === 'append' && target !== undefined ? await checkUnique(task, target) : []
  const bytes = files.reduce((sum, file) => sum + file.object.size, 0)
  return {
    strategy: load_type,
    base_location: target?.location ?? null,
    files: files.length,
    rows: staged,
    bytes,
    ...(checks.length === 0 ? {} : { checks }),
  }
}

/**
 * The files carry field ids of the drafted schema, and follow its partitions; under another schema those ids mean
 * other columns. Which columns have swapped their names is written again with the commit, so it must be what was read.
 */
function checkSchemaStands(task: GateTask, target: Target | undefined): void {
  const { base } = task.record('lineage')
  const { before } = task.record('lineage').physical
  const stands =
    target === undefined
      ? base === null
      : base !== null &&
        sameSchema(base, target.schema) &&
        sameFields(before?.partition ?? [], defaultSpec(target.metadata).fields) &&
        sameFields(before?.sort ?? [], defaultSortFields(target.metadata)) &&
        before?.properties[swappedProperty] === target.metadata.properties?.[swappedProperty]
  if (stands) return
  throw new SchemaMovedError({
    code: 'SCHEMA_MOVED',
    fact: `another writer has changed the schema or the layout of ${task.dataflow.sink.table} since this attempt read it`,
    consequence: 'Nothing of this attempt is visible; the rows are judged again under the new schema',
  })
}

/** Size and version prove the bytes: the object's digest was taken from the very file that was uploaded. */
async function checkFile(task: GateTask, file: StagedFile): Promise<void> {
  const info = await task.ports.lake.head(file.object.key)
  if (info?.size === file.object.size && info.etag === file.etag) return
  throw new IntegrityError({
    code: 'STAGED_FILE_CHANGED',
    fact: `${file.object.key} ${info === undefined ? 'is gone' : 'is not the file that was written'}`,
    consequence: 'Nothing became visible',
    next: 'Something else writes into the lake; find it, then run again',
    details: { key: file.object.key },
  })
}

function miscounted(table: string, staged: number, accepted: number): IntegrityError {
  return new IntegrityError({
    code: 'STAGED_ROWS_MISCOUNTED',
    fact: `the files for ${table} hold ${counted(staged, 'row')}, but ${counted(accepted, 'was', 'were')} accepted`,
    consequence: 'Nothing became visible',
    next: 'This is a defect: report it with the evidence of this run',
  })
}

/** `unique` holds in the table, not only in one load. It is checked on every base that the commit may get. */
async function checkUnique(task: GateTask, target: Target): Promise<CheckResult[]> {
  const { files } = task.record('contract')
  const results: CheckResult[] = []
  for (const check of checksOf(task, task.record('lineage').columns)) {
    if (check.kind !== 'unique') continue
    const present = await countPresent(task.ports, target, files, check.columns, task.signal)
    const result = checkResult(check, none(present))
    results.push(result)
    if (result.outcome === 'failed' && check.severity === 'error') throw inTable(task, result, results)
  }
  return results
}

function inTable(task: GateTask, result: CheckResult, checks: readonly CheckResult[]): ContractError {
  const { name, columns, measured } = result
  return new ContractError({
    code: 'UNIQUE_VIOLATED',
    fact: `${counted(measured as number, 'value')} of ${columns?.join(', ')} ${oneOrMany(measured as number, 'is', 'are')} in ${task.dataflow.sink.table} already, whose contract says unique`,
    consequence: 'Nothing was written to the table',
    next: 'Load only new keys (watermark_columns), or use load_type: overwrite',
    details: { check: name, columns, measured, limit: 0, checks },
  })
}

export const handler = gateHandler('stage', stage)
