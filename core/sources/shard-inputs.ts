import { join } from 'node:path'
import type { ScanColumn, ScanInput } from '../contract/scan.ts'
import type { Engine } from '../engine/engine.ts'
import { quoteIdentifier, quoteLiteral } from '../engine/sql.ts'

/**
 * The inputs of one shard, to be read as all pinned objects together would be. Where Parquet objects differ in their
 * columns or types, the reader brings them under one schema, which depends on all of them; so a file without rows that
 * has this schema joins each shard. Text has no types, and columns that a text lacks are NULL anyhow.
 */
export async function underOneSchema(
  engine: Engine,
  inputs: readonly ScanInput[],
  columns: readonly Pick<ScanColumn, 'source' | 'input'>[],
): Promise<readonly ScanInput[]> {
  if (inputs[0]?.kind !== 'parquet') return inputs
  const path = join(engine.directory, 'schema.parquet')
  const nulls = columns.flatMap(({ source, input }) =>
    source === null ? [] : [`CAST(NULL AS ${input}) AS ${quoteIdentifier(source)}`],
  )
  await engine.run(`COPY (SELECT ${nulls.join(', ')} WHERE false) TO ${quoteLiteral(path)} (FORMAT parquet)`)
  return [...inputs, { kind: 'parquet', source: '(schema)', path }]
}
