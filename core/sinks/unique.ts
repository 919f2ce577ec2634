import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { quoteIdentifier, quoteLiteral } from '../engine/sql.ts'
import type { Ports } from '../ports.ts'
import type { StagedFile } from '../runs/records.ts'
import { linkDataFiles } from '../sources/inputs.ts'
import { listDataFiles } from '../tables/scan.ts'
import type { Target } from './target.ts'

/**
 * How many distinct values of a column in the new files the table has already. NULL is no value.
 * It reads that one column of all of the table's files; memory grows with the distinct new values only.
 */
export async function countPresent(
  ports: Pick<Ports, 'lake' | 'engines'>,
  target: Target,
  added: readonly StagedFile[],
  column: string,
  signal: AbortSignal,
): Promise<number> {
  const live = await listDataFiles(ports.lake, target.metadata)
  const knowsColumn = target.schema.fields.some((field) => field.name === column)
  if (live.length === 0 || added.length === 0 || !knowsColumn) return 0
  return await ports.engines.use(
    async (engine) => {
      const directory = join(engine.directory, 'added')
      await mkdir(directory, { recursive: true })
      const pins = added.map((file) => ({ key: file.object.key, size: file.object.size, etag: file.etag }))
      const added_ = await Promise.all(pins.map((pin) => ports.lake.download(pin, directory)))
      const table = await linkDataFiles(ports.lake, live, join(engine.directory, 'table'))
      const name = quoteIdentifier(column)
      const [row] = await engine.rows<{ present: bigint }>(
        `SELECT count(*) AS present FROM (SELECT DISTINCT ${name} AS k FROM ${parquet(added_)} WHERE ${name} IS NOT NULL)
         WHERE k IN (SELECT ${name} FROM ${parquet(table)})`,
      )
      return Number(row?.present ?? 0)
    },
    { signal },
  )
}

/** `union_by_name`: files from before the column was added do not have it. */
function parquet(paths: readonly string[]): string {
  return `read_parquet([${paths.map(quoteLiteral).join(', ')}], union_by_name = true)`
}
