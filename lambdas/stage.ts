import { ContractError, IntegrityError, SchemaMovedError } from '../core/errors.ts'
import type { StagedFile, StageRecord } from '../core/runs/records.ts'
import { loadTarget, type Target } from '../core/sinks/target.ts'
import { countPresent } from '../core/sinks/unique.ts'
import { defaultSortFields, sameFields } from '../core/tables/design.ts'
import { defaultSpec } from '../core/tables/metadata.ts'
import { sameSchema } from '../core/tables/schema.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'

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
  if (load_type === 'append' && target !== undefined) await checkUniqueInTable(task, target)
  const bytes = files.reduce((sum, file) => sum + file.object.size, 0)
  return {
    strategy: load_type,
    base_location: target?.location ?? null,
    files: files.length,
    rows: staged,
    bytes,
  }
}

/**
 * The files carry field ids of the drafted schema, and follow its partitions; under another schema those ids mean
 * other columns.
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
        sameFields(before?.sort ?? [], defaultSortFields(target.metadata))
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
    fact: `the files for ${table} hold ${staged} rows, but ${accepted} were accepted`,
    consequence: 'Nothing became visible',
    next: 'This is a defect: report it with the evidence of this run',
  })
}

/** `unique` holds in the table, not only in one load. It is checked on every base that the commit may get. */
async function checkUniqueInTable(task: GateTask, target: Target): Promise<void> {
  const columns = task.record('lineage').columns.filter((column) => column.contract?.unique === true)
  for (const column of columns) {
    const present = await countPresent(task.ports, target, task.record('contract').files, column, task.signal)
    if (present === 0) continue
    throw new ContractError({
      code: 'UNIQUE_VIOLATED',
      fact: `${present} values of ${column.name} are in ${task.dataflow.sink.table} already, whose contract says unique`,
      consequence: 'Nothing was written to the table',
      next: 'Load only new keys (watermark_columns), or use load_type: overwrite',
      details: { column: column.name, present },
    })
  }
}

export const handler = gateHandler('stage', stage)
