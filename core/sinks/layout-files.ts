import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { CopyStats, Engine } from '../engine/engine.ts'
import { quoteIdentifier, quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { IntegrityError, PolicyError } from '../errors.ts'
import type { PhysicalState } from '../runs/physical-ddl-record.ts'
import { fieldIdsSql } from '../tables/field-ids-sql.ts'
import { type PartitionField, partitionType } from '../tables/partition.ts'
import { isPartitionValue, type PartitionText } from '../tables/partition-values.ts'
import { type PrimitiveType, type Schema, typeText } from '../tables/types.ts'
import { counted } from '../words.ts'
import { bucketMacros } from './bucket-sql.ts'
import { partitionSql, sortSql } from './partition-sql.ts'

export interface LayoutRequest {
  /** Of the files that are laid out; columns that it does not have are left out. */
  readonly schema: Schema
  /** The columns that the files have. */
  readonly columns: readonly string[]
  readonly design: Pick<PhysicalState, 'partition' | 'sort'>
  /** Of a file, as far as row groups of 122,880 rows allow. */
  readonly targetBytes?: number
}

export interface LaidOutFile extends CopyStats {
  /** Value per partition field id; absent where the table is not partitioned. */
  readonly partition_values?: Readonly<Record<string, PartitionText>>
  /** The rows stand in the order of the design. */
  readonly sorted?: true
}

/** A file per partition is open at a time, and each load makes as many small files; more are a mistake of the design. */
export const maxPartitions = 1000

/**
 * Lays judged rows out as the table wants them: apart by partition, in the sort order, cut to size. It reads and
 * writes the rows once more inside `engine.directory` (twice where both partitions and order are wanted, since the
 * engine keeps no order while it parts rows); what is asked for nothing is handed back as it is.
 *
 * Throws `PolicyError` `TOO_MANY_PARTITIONS`, `PARTITION_OUT_OF_RANGE`; `IntegrityError` `ROWS_UNACCOUNTED` where a row was lost or doubled.
 */
export async function layOut(
  engine: Engine,
  files: readonly CopyStats[],
  request: LayoutRequest,
): Promise<readonly LaidOutFile[]> {
  const { design, targetBytes } = request
  const isPartitioned = design.partition.length > 0
  const isSorted = design.sort.length > 0
  if (files.length === 0 || (!isPartitioned && !isSorted && targetBytes === undefined)) return files
  if ([...design.partition, ...design.sort].some(({ transform }) => transform.startsWith('bucket')))
    await engine.run(bucketMacros)
  const parts: LaidOutFile[] = isPartitioned ? await partition(engine, files, request) : [...files]
  const arranged = isSorted || targetBytes !== undefined ? await arrange(engine, parts, request) : parts
  checkRows(files, arranged)
  return arranged
}

const partColumn = '_sluice_part'

async function partition(
  engine: Engine,
  files: readonly CopyStats[],
  request: LayoutRequest,
): Promise<LaidOutFile[]> {
  const { design, schema } = request
  const source = reader(files)
  const values = design.partition.map((field, i) => {
    const column = schema.fields.find((candidate) => candidate.id === field['source-id'])
    const value =
      column === undefined
        ? 'CAST(NULL AS VARCHAR)'
        : partitionSql(field.transform, column.type as PrimitiveType, quoteIdentifier(column.name))
    return { sql: value as string, name: `_sluice_p${i}`, id: String(field['field-id']) }
  })
  const computed = values.map(({ sql, name }) => `${sql} AS ${name}`).join(', ')
  const names = values.map(({ name }) => name).join(', ')
  await engine.run(`CREATE OR REPLACE TEMP TABLE sluice_parts AS
    SELECT *, CAST(row_number() OVER (ORDER BY ${names}) - 1 AS INTEGER) AS ${partColumn}
    FROM (SELECT DISTINCT ${computed} FROM ${source})`)
  const tuples = await engine.rows<Record<string, string | number | null>>(
    `SELECT ${partColumn}, ${values.map(({ name }) => `CAST(${name} AS VARCHAR) AS ${name}`).join(', ')}
     FROM sluice_parts ORDER BY ${partColumn}`,
  )
  if (tuples.length > maxPartitions) throw tooMany(tuples.length)
  for (const [i, field] of design.partition.entries()) {
    if (!field.transform.startsWith('truncate')) continue
    const type = partitionType(field, [schema])
    const texts = tuples.map((tuple) => tuple[`_sluice_p${i}`] as PartitionText)
    if (!texts.every((text) => isPartitionValue(type, text))) throw outOfRange(field, typeText(type))
  }
  const columns = columnList(request)
  const joined = values.map(({ name }) => `s.${name} IS NOT DISTINCT FROM p.${name}`).join(' AND ')
  const { files: written } = await engine.copy(`COPY (
      SELECT ${columns}, p.${partColumn} FROM (SELECT ${columns}, ${computed} FROM ${source}) s
      JOIN sluice_parts p ON ${joined}
    ) TO ${quoteLiteral(join(engine.directory, 'parted'))}
    (FORMAT parquet, COMPRESSION zstd, RETURN_STATS, FIELD_IDS ${fieldIds(request)}, PARTITION_BY (${partColumn}))`)
  return written
    .filter((file) => file.rows > 0)
    .map((file) => ({ file, part: Number(file.partition[partColumn]) }))
    .sort((a, b) => a.part - b.part || (a.file.file < b.file.file ? -1 : 1))
    .map(({ file, part }) => {
      const tuple = tuples[part] as Record<string, string | null>
      const partition_values = Object.fromEntries(values.map(({ name, id }) => [id, tuple[name] ?? null]))
      return { ...file, partition: {}, partition_values }
    })
}

/** Sorts and cuts each partition by itself, one after the other. */
async function arrange(
  engine: Engine,
  parts: readonly LaidOutFile[],
  request: LayoutRequest,
): Promise<LaidOutFile[]> {
  const { design, schema, targetBytes } = request
  const order = design.sort.map((field) => {
    const column = schema.fields.find((candidate) => candidate.id === field['source-id'])
    const sql = sortSql(field.transform, column?.type as PrimitiveType, column?.name as string)
    return `${sql} ${field.direction} ${field['null-order'].replace('-', ' ')}`
  })
  const by = order.length === 0 ? '' : ` ORDER BY ${order.join(', ')}`
  const size = targetBytes === undefined ? '' : `, FILE_SIZE_BYTES ${targetBytes}`
  const groups = Map.groupBy(parts, (file) => JSON.stringify(file.partition_values ?? null))
  const directory = join(engine.directory, 'arranged')
  await mkdir(directory, { recursive: true })
  const arranged: LaidOutFile[] = []
  for (const [i, group] of [...groups.values()].entries()) {
    const target = join(directory, targetBytes === undefined ? `${i}.parquet` : String(i))
    const { files } = await engine.copy(`COPY (SELECT ${columnList(request)} FROM ${reader(group)}${by})
      TO ${quoteLiteral(target)} (FORMAT parquet, COMPRESSION zstd, RETURN_STATS, FIELD_IDS ${fieldIds(request)}${size})`)
    const values = group[0]?.partition_values
    const own = {
      ...(values === undefined ? {} : { partition_values: values }),
      ...(order.length === 0 ? {} : { sorted: true as const }),
    }
    arranged.push(...files.filter((file) => file.rows > 0).map((file) => ({ ...file, ...own })))
  }
  return arranged
}

function reader(files: readonly CopyStats[]): string {
  return `read_parquet(${quoteLiterals(files.map((file) => file.file))})`
}

function columnList({ columns }: LayoutRequest): string {
  return columns.map(quoteIdentifier).join(', ')
}

function fieldIds({ schema, columns }: LayoutRequest): string {
  return fieldIdsSql(schema.fields.filter((field) => columns.includes(field.name)))
}

function checkRows(before: readonly CopyStats[], after: readonly CopyStats[]): void {
  const sum = (files: readonly CopyStats[]) => files.reduce((rows, file) => rows + file.rows, 0)
  if (sum(before) === sum(after)) return
  throw new IntegrityError({
    code: 'ROWS_UNACCOUNTED',
    fact: `${counted(sum(before), 'row was', 'rows were')} accepted, but ${sum(after)} laid out`,
    consequence: 'Nothing became visible',
    next: 'This is a defect: report it with the evidence of this run',
    details: { accepted: sum(before), laid_out: sum(after) },
  })
}

/** The value itself is one of a row, or nearly so, and stays out of the evidence. */
function outOfRange({ name, transform }: PartitionField, type: string): PolicyError {
  return new PolicyError({
    code: 'PARTITION_OUT_OF_RANGE',
    fact: `${transform} puts rows of this load into a partition ${name} whose value is no ${type}`,
    consequence: 'No reader would find them there, so nothing was written to the table',
    next: 'Truncate to a smaller width, give the column a wider type, or partition by another transform',
    details: { partition: name },
  })
}

function tooMany(count: number): PolicyError {
  return new PolicyError({
    code: 'TOO_MANY_PARTITIONS',
    fact: `the rows of this load fall into ${count} partitions, and ${maxPartitions} at a time can be written`,
    consequence: 'Nothing was written to the table',
    next: 'Use a coarser transform (month for day, fewer buckets), or load in smaller parts',
    details: { partitions: count, limit: maxPartitions },
  })
}
