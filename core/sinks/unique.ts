import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { relationSelect } from '../contract/readers.ts'
import type { ScanColumn } from '../contract/scan.ts'
import { quoteIdentifier, quoteLiterals } from '../engine/sql.ts'
import type { Ports } from '../ports.ts'
import type { StagedFile } from '../runs/records.ts'
import { linkDataFiles } from '../sources/inputs.ts'
import { listDataFiles } from '../tables/scan.ts'
import { columnTypeOf } from './iceberg-types.ts'
import type { Target } from './target.ts'

/**
 * How many distinct values of a column in the new files the table has already. NULL is no value.
 * It reads that one column of all of the table's files, by its field id, so that files from before it was renamed
 * or widened count as well; memory grows with the distinct new values only.
 */
export async function countPresent(
  ports: Pick<Ports, 'lake' | 'engines'>,
  target: Target,
  added: readonly StagedFile[],
  column: Pick<ScanColumn, 'name' | 'field_id'>,
  signal: AbortSignal,
): Promise<number> {
  const live = await listDataFiles(ports.lake, target.metadata)
  const field = target.schema.fields.find((candidate) => candidate.id === column.field_id)
  if (live.length === 0 || added.length === 0 || field === undefined) return 0
  return await ports.engines.use(
    async (engine) => {
      const directory = join(engine.directory, 'added')
      await mkdir(directory, { recursive: true })
      const pins = added.map((file) => ({ key: file.object.key, size: file.object.size, etag: file.etag }))
      const added_ = await Promise.all(pins.map((pin) => ports.lake.download(pin, directory)))
      const paths = await linkDataFiles(ports.lake, live, join(engine.directory, 'table'))
      const type = columnTypeOf(field.type, field.name)
      const known = [{ source: field.name, name: column.name, type, field_id: field.id }]
      const name = quoteIdentifier(column.name)
      const [row] = await engine.rows<{ present: bigint }>(
        `SELECT count(*) AS present FROM (SELECT DISTINCT ${name} AS k FROM read_parquet(${quoteLiterals(added_)}) WHERE ${name} IS NOT NULL)
         WHERE k IN (SELECT ${name} FROM (${relationSelect({ paths, columns: known })}))`,
      )
      return Number(row?.present ?? 0)
    },
    { signal },
  )
}
