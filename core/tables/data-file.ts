import { IntegrityError } from '../errors.ts'
import { counted } from '../words.ts'
import { type SchemaNode, schemaNodes } from './schema.ts'
import { encodeValue, type IcebergValue, lowerBound, upperBound } from './single-value.ts'
import { parseStatsText } from './stats-text.ts'
import type { IcebergType, PrimitiveType, Schema } from './types.ts'

/** One file of a table as a manifest describes it (spec: "Manifests", `data_file`). Maps are keyed by field id. */
export interface DataFile {
  readonly content: FileContent
  /** Full location: `${store.uri}/${key}`. */
  readonly filePath: string
  readonly fileFormat: string
  /** Value per partition field id; empty for an unpartitioned table. */
  readonly partition: ReadonlyMap<number, unknown>
  readonly recordCount: bigint
  readonly fileSizeInBytes: bigint
  /** Compressed bytes per column. */
  readonly columnSizes?: ReadonlyMap<number, bigint>
  /** Values per column, NULL and NaN among them. */
  readonly valueCounts?: ReadonlyMap<number, bigint>
  readonly nullValueCounts?: ReadonlyMap<number, bigint>
  readonly nanValueCounts?: ReadonlyMap<number, bigint>
  /** Single-value serialised; no value that is neither NULL nor NaN is smaller. */
  readonly lowerBounds?: ReadonlyMap<number, Uint8Array>
  readonly upperBounds?: ReadonlyMap<number, Uint8Array>
  readonly keyMetadata?: Uint8Array
  readonly splitOffsets?: readonly bigint[]
  readonly equalityIds?: readonly number[]
  readonly sortOrderId?: number
  readonly referencedDataFile?: string
}

export type FileContent = 'data' | 'position_deletes' | 'equality_deletes'

/** What the engine says about one Parquet file it wrote. JSON-safe, so that gates can hand it on. */
export interface FileStats {
  readonly rows: number
  readonly bytes: number
  /**
   * Per leaf column: by DuckDB's quoted path (`"id"`, `"point"."x"`). Unless all keys are quoted, a key is first
   * taken as the bare name of a plain column.
   */
  readonly columns: Readonly<Record<string, ColumnStats>>
  /** Further leaf columns, by quoted path alone. */
  readonly nested?: Readonly<Record<string, ColumnStats>>
}

export interface ColumnStats {
  /** Compressed bytes in the file. */
  readonly size?: number
  /** DuckDB's text of the value. */
  readonly min?: string
  readonly max?: string
  readonly nulls?: number
  readonly values?: number
  readonly has_nan?: boolean
}

export interface DataFileOptions {
  /**
   * The columns of type float and double that are known to hold no NaN (a contract refused it), or `all`.
   * Only these get bounds. `has_nan` cannot stand in for that knowledge: DuckDB 1.5 reports it for the last
   * row group alone, and a reader may take a column with bounds and no NaN count for free of NaN, and delete a
   * file by its bounds although a NaN in it does not match.
   */
  readonly nanFree?: 'all' | ReadonlySet<number>
  /** Value per partition field id, as Avro holds it. Default: unpartitioned. */
  readonly partition?: ReadonlyMap<number, unknown>
  /** Of the order in which the file's rows stand. */
  readonly sortOrderId?: number
}

/**
 * Describes a freshly written data file. Columns that the schema does not have (helper columns
 * such as `_errors`) are left out; columns in lists and maps get counts and no bounds, as in Iceberg's own writers.
 * Throws `IntegrityError`: `FILE_STATS_UNREADABLE` for a bound in an unknown form, `FILE_STATS_CONTRADICTORY`
 * where the numbers do not fit each other.
 */
export function dataFileFromStats(
  stats: FileStats,
  schema: Schema,
  path: string,
  options: DataFileOptions = {},
): DataFile {
  const columns = statsColumns(stats, schema)
  const columnSizes = new Map<number, bigint>()
  const valueCounts = new Map<number, bigint>()
  const nullValueCounts = new Map<number, bigint>()
  const nanValueCounts = new Map<number, bigint>()
  const lowerBounds = new Map<number, Uint8Array>()
  const upperBounds = new Map<number, Uint8Array>()
  for (const [leaf, column] of columns) {
    const { id, type } = leaf
    if (column.size !== undefined) columnSizes.set(id, BigInt(column.size))
    if (column.values !== undefined) valueCounts.set(id, BigInt(column.values))
    if (column.nulls !== undefined) nullValueCounts.set(id, BigInt(column.nulls))
    if (!leaf.repeated && column.values !== undefined && column.values !== stats.rows) {
      throw contradictory(
        `${path} has ${counted(stats.rows, 'row')} but ${counted(column.values, 'value')} of column id ${id}`,
      )
    }
    const floating = type.kind === 'float' || type.kind === 'double'
    const nanFree = options.nanFree === 'all' || options.nanFree?.has(id) === true
    if (floating && nanFree && column.has_nan === true) {
      throw contradictory(`${path} holds NaN in column id ${id}, which was said to be free of it`)
    }
    if (floating && nanFree) nanValueCounts.set(id, 0n)
    if (leaf.repeated || (floating && !nanFree)) continue
    setBounds(leaf, column, lowerBounds, upperBounds)
  }
  return {
    content: 'data',
    filePath: path,
    fileFormat: 'PARQUET',
    partition: options.partition ?? new Map(),
    recordCount: BigInt(stats.rows),
    fileSizeInBytes: BigInt(stats.bytes),
    columnSizes,
    valueCounts,
    nullValueCounts,
    nanValueCounts,
    lowerBounds,
    upperBounds,
    ...(options.sortOrderId === undefined ? {} : { sortOrderId: options.sortOrderId }),
  }
}

interface Leaf {
  readonly id: number
  readonly type: PrimitiveType
  readonly repeated: boolean
}

interface LeafIndex {
  readonly byPath: ReadonlyMap<string, Leaf>
  readonly byName: ReadonlyMap<string, Leaf>
}

const leafIndexes = new WeakMap<Schema, LeafIndex>()

function leafIndex(schema: Schema): LeafIndex {
  const known = leafIndexes.get(schema)
  if (known !== undefined) return known
  const leaves = schemaNodes(schema).filter((node): node is SchemaNode & Leaf => isPrimitive(node.type))
  const index = {
    byPath: new Map(leaves.map((leaf) => [leaf.path.map(quoted).join('.'), leaf])),
    byName: new Map(
      leaves.filter((leaf) => leaf.path.length === 1).map((leaf) => [leaf.path[0] as string, leaf]),
    ),
  }
  leafIndexes.set(schema, index)
  return index
}

function isPrimitive(type: IcebergType): type is PrimitiveType {
  return type.kind !== 'struct' && type.kind !== 'list' && type.kind !== 'map'
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** In ascending order of field ids, so that equal stats make equal manifests. */
function statsColumns(stats: FileStats, schema: Schema): [Leaf, ColumnStats][] {
  const { byPath, byName } = leafIndex(schema)
  const entries = Object.entries(stats.columns)
  const allPaths = entries.every(([key]) => /^".*"$/s.test(key))
  const find = (key: string) => (allPaths ? byPath.get(key) : (byName.get(key) ?? byPath.get(key)))
  const known = (leaf: Leaf | undefined, column: ColumnStats): [Leaf, ColumnStats][] =>
    leaf === undefined ? [] : [[leaf, column]]
  return [
    ...entries.flatMap(([key, column]) => known(find(key), column)),
    ...Object.entries(stats.nested ?? {}).flatMap(([path, column]) => known(byPath.get(path), column)),
  ].sort(([a], [b]) => a.id - b.id)
}

/**
 * A column of several UUIDs gets no bounds: Iceberg's Java library (1.12) compares UUIDs as two signed numbers, others
 * byte by byte as the RFC has it, so that by the bounds of the one the other skips files with matching rows
 * (apache/iceberg#14216).
 */
function setBounds(
  { id, type }: Leaf,
  { min, max }: ColumnStats,
  lowerBounds: Map<number, Uint8Array>,
  upperBounds: Map<number, Uint8Array>,
): void {
  if (type.kind === 'uuid' && min !== max) return
  const low = min === undefined ? undefined : parseStatsText(type, min)
  const high = max === undefined ? undefined : parseStatsText(type, max)
  if (low !== undefined) lowerBounds.set(id, encodeValue(type, lowerBound(type, signedZero(low, -0))))
  const upper = high === undefined ? undefined : upperBound(type, signedZero(high, 0))
  if (upper !== undefined) upperBounds.set(id, encodeValue(type, upper))
}

/** -0.0 sorts before +0.0 and both may be in the file, so a bound of zero takes the sign that includes the other. */
function signedZero(value: IcebergValue, zero: number): IcebergValue {
  return value === 0 ? zero : value
}

function contradictory(fact: string): IntegrityError {
  return new IntegrityError({
    code: 'FILE_STATS_CONTRADICTORY',
    fact,
    consequence: 'The data file was not added to the table',
    next: 'Write the data file again; if it repeats, report the engine version with the contract',
  })
}
