import type { ColumnType, ScalarType } from './column-types.ts'

/** How the lake spells a column type: in the Parquet that DuckDB writes, and in a table's metadata. */

const sqlTypes = {
  string: 'VARCHAR',
  boolean: 'BOOLEAN',
  tinyint: 'INTEGER',
  smallint: 'INTEGER',
  integer: 'INTEGER',
  bigint: 'BIGINT',
  float: 'FLOAT',
  double: 'DOUBLE',
  date: 'DATE',
  timestamp: 'TIMESTAMP',
  timestamp_tz: 'TIMESTAMP WITH TIME ZONE',
  time: 'TIME',
  uuid: 'UUID',
  binary: 'BLOB',
  json: 'VARCHAR',
} as const

const icebergTypes = {
  string: 'string',
  boolean: 'boolean',
  tinyint: 'int',
  smallint: 'int',
  integer: 'int',
  bigint: 'long',
  float: 'float',
  double: 'double',
  date: 'date',
  timestamp: 'timestamp',
  timestamp_tz: 'timestamptz',
  time: 'time',
  uuid: 'uuid',
  binary: 'binary',
  json: 'string',
} as const

/** Not that of core/engine: a gate that knows types alone would get the engine's layer with it (cdk/bundle.ts). */
function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** The DuckDB type in which values are written to Parquet; always one that Iceberg v2 knows. */
export function sqlType(type: ColumnType): string {
  switch (type.type) {
    case 'decimal':
      return `DECIMAL(${type.precision},${type.scale})`
    case 'list':
      return `${sqlType(type.items)}[]`
    case 'struct':
      return `STRUCT(${type.fields.map(({ name, type }) => `${quoted(name)} ${sqlType(type)}`).join(', ')})`
    case 'map':
      return `MAP(${sqlType(type.keys)}, ${sqlType(type.values)})`
    default:
      return sqlTypes[type.type]
  }
}

/** As table metadata spells it (Iceberg spec, Appendix C): `decimal(18, 2)`. */
export function icebergType(type: ScalarType): string {
  return type.type === 'decimal' ? `decimal(${type.precision}, ${type.scale})` : icebergTypes[type.type]
}
