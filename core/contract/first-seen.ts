import { statSync } from 'node:fs'
import type { Engine } from '../engine/engine.ts'
import { quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import type { RejectedFile } from './scan.ts'

export interface SeenBefore {
  readonly rejected: RejectedFile
  /** Those of the earlier files all of whose rows are rejected again: the new file says of them what they said. */
  readonly superseded: readonly string[]
}

/**
 * Gives the rows that earlier files of rejected rows hold too, the same row of the same version of an object, the time at
 * which they were seen first.
 */
export async function keepFirstSeen(
  engine: Engine,
  rejected: RejectedFile,
  earlier: readonly string[],
): Promise<SeenBefore> {
  if (earlier.length === 0) return { rejected, superseded: [] }
  const file = rejected.file.replace(/\.parquet$/, '-seen.parquet')
  const now = `read_parquet(${quoteLiteral(rejected.file)})`
  const before = `read_parquet(${quoteLiterals(earlier)}, filename = true)`
  await engine.run(`COPY (
    SELECT r.* REPLACE (least(r.first_seen, coalesce(e.first_seen, r.first_seen)) AS first_seen)
    FROM ${now} r LEFT JOIN (SELECT row_id, min(first_seen) AS first_seen FROM ${before} GROUP BY row_id) e
    USING (row_id)) TO ${quoteLiteral(file)} (FORMAT parquet, COMPRESSION zstd)`)
  const whole = await engine.rows<{ file: string }>(`SELECT filename AS file
    FROM ${before} e LEFT JOIN (SELECT DISTINCT row_id, true AS again FROM ${now}) r USING (row_id)
    GROUP BY filename HAVING count(*) = count(again)`)
  return {
    rejected: { ...rejected, file, bytes: statSync(file).size },
    superseded: whole.map((row) => row.file),
  }
}
