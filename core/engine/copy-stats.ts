import type { ColumnStats, CopyStats, OperatorRows } from './engine.ts'

/** One row of `COPY … (RETURN_STATS)`, as `Engine.rows` gives it. */
export interface CopyRow extends Record<string, unknown> {
  readonly filename: string
  readonly count: bigint
  readonly file_size_bytes: bigint
  readonly footer_size_bytes: bigint
  readonly column_statistics: readonly (readonly [string, readonly (readonly [string, string])[]])[]
  readonly partition_keys: readonly (readonly [string, string])[] | null
}

export function parseCopyRow(row: CopyRow): CopyStats {
  const columns: Record<string, ColumnStats> = {}
  const nested: Record<string, ColumnStats> = {}
  for (const [path, stats] of row.column_statistics) {
    const name = topLevelName(path)
    if (name === undefined) nested[path] = parseColumnStats(new Map(stats))
    else columns[name] = parseColumnStats(new Map(stats))
  }
  return {
    file: row.filename,
    rows: Number(row.count),
    bytes: Number(row.file_size_bytes),
    footer_bytes: Number(row.footer_size_bytes),
    columns,
    ...(Object.keys(nested).length === 0 ? {} : { nested }),
    partition: Object.fromEntries(row.partition_keys ?? []),
  }
}

/** `"a ""b"""` → `a "b"`; `undefined` for a member of a nested column (`"a"."b"`). */
function topLevelName(path: string): string | undefined {
  const match = /^"((?:[^"]|"")*)"$/.exec(path)
  return match?.[1]?.replaceAll('""', '"')
}

function parseColumnStats(stats: ReadonlyMap<string, string>): ColumnStats {
  const count = (key: string) => {
    const text = stats.get(key)
    return text === undefined ? undefined : Number(text)
  }
  const size = count('column_size_bytes')
  const nulls = count('null_count')
  const values = count('num_values')
  const min = stats.get('min')
  const max = stats.get('max')
  const hasNan = stats.get('has_nan')
  return {
    ...(size === undefined ? {} : { size }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(nulls === undefined ? {} : { nulls }),
    ...(values === undefined ? {} : { values }),
    ...(hasNan === undefined ? {} : { has_nan: hasNan === 'true' }),
  }
}

interface ProfileNode {
  readonly operator_name?: string
  readonly operator_type?: string
  readonly operator_cardinality?: number
  readonly children?: readonly ProfileNode[]
}

/** Reads the profile that DuckDB wrote for one COPY. */
export function parseProfile(json: string): OperatorRows {
  let scanned = 0
  let copied: number | undefined
  const walk = (node: ProfileNode, parent: string | undefined) => {
    const rows = node.operator_cardinality ?? 0
    if (node.operator_type === 'TABLE_SCAN') scanned += rows
    if (parent === 'COPY_TO_FILE' || parent === 'BATCH_COPY_TO_FILE') copied = rows
    for (const child of node.children ?? []) walk(child, node.operator_type)
  }
  walk(JSON.parse(json) as ProfileNode, undefined)
  return { scanned, copied: copied ?? 0 }
}
