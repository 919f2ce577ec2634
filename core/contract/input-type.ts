import { TerminalError } from '../errors.ts'
import type { ColumnType, ScalarType } from './column-types.ts'
import { type DuckdbType, parseDuckdbType } from './duckdb-type.ts'
import { memberNameProblem, nestingLimit } from './nested-contract.ts'

const inferred: Readonly<Record<string, ScalarType>> = {
  BOOLEAN: { type: 'boolean' },
  TINYINT: { type: 'integer' },
  SMALLINT: { type: 'integer' },
  INTEGER: { type: 'integer' },
  UTINYINT: { type: 'integer' },
  USMALLINT: { type: 'integer' },
  BIGINT: { type: 'bigint' },
  UINTEGER: { type: 'bigint' },
  UBIGINT: { type: 'decimal', precision: 20, scale: 0 },
  HUGEINT: { type: 'decimal', precision: 38, scale: 0 },
  UHUGEINT: { type: 'decimal', precision: 38, scale: 0 },
  FLOAT: { type: 'float' },
  DOUBLE: { type: 'double' },
  DATE: { type: 'date' },
  TIMESTAMP: { type: 'timestamp' },
  TIMESTAMP_S: { type: 'timestamp' },
  TIMESTAMP_MS: { type: 'timestamp' },
  TIMESTAMP_NS: { type: 'timestamp' },
  'TIMESTAMP WITH TIME ZONE': { type: 'timestamp_tz' },
  VARCHAR: { type: 'string' },
  TIME: { type: 'time' },
  TIME_NS: { type: 'time' },
  UUID: { type: 'uuid' },
  BLOB: { type: 'binary' },
  JSON: { type: 'string' },
}

/**
 * The column type of an input column that no contract names; `input` is `text` or a DuckDB type. HUGEINT,
 * which `sum()` over integers gives, becomes decimal(38,0); ENUM and JSON become string; lists, structs and maps become
 * what they are where everything in them has a type. Throws `TerminalError` `COLUMN_TYPE_UNSUPPORTED` for the others
 * (INTERVAL, UNION, arrays of a fixed length …), naming column and type.
 */
export function columnType(input: 'text' | string, name: string): ColumnType {
  return input === 'text' ? { type: 'string' } : inferType(parseDuckdbType(input), name, 0)
}

function inferType(input: DuckdbType, name: string, depth: number): ColumnType {
  if (depth > nestingLimit) {
    const fact = `Column ${name} is nested more than ${nestingLimit} levels deep`
    throw unsupported(name, input, fact, 'Flatten it in SQL, or deliver a file without the column')
  }
  switch (input.kind) {
    case 'list':
      return { type: 'list', items: inferType(input.items, `${name}[]`, depth + 1) }
    case 'struct':
      return {
        type: 'struct',
        fields: input.fields.map((field, i) => {
          const problem = memberNameProblem(
            field.name,
            input.fields.slice(0, i).map((before) => before.name),
          )
          if (problem !== undefined)
            throw unsupported(name, input, `Column ${name}: ${problem.message}`, problem.hint)
          return { name: field.name, type: inferType(field.type, `${name}.${field.name}`, depth + 1) }
        }),
      }
    case 'map': {
      const keys = inferType(input.keys, `${name}{key}`, depth + 1)
      const values = inferType(input.values, `${name}{value}`, depth + 1)
      if (keys.type === 'list' || keys.type === 'struct' || keys.type === 'map' || isFloating(keys)) {
        const fact = `Column ${name} is a map with keys of type ${keys.type}, which no map of a table can have`
        throw unsupported(name, input, fact, 'Make the keys text, whole numbers or dates')
      }
      return { type: 'map', keys, values }
    }
    case 'scalar':
      return inferScalar(input.text, name)
  }
}

function inferScalar(input: string, name: string): ScalarType {
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(input)
  if (decimal) return { type: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) }
  if (/^ENUM\(/.test(input) && !/\]$/.test(input)) return { type: 'string' }
  const type = inferred[input]
  if (type) return type
  throw unsupported(
    name,
    { kind: 'scalar', text: input },
    `Column ${name} has type ${input}, which no table column can hold yet`,
    `Cast it in SQL to one of DECIMAL, ${Object.keys(inferred).join(', ')}, or to a list, struct or map of them; deliver a file with one of these types, or without the column`,
  )
}

function isFloating({ type }: ScalarType): boolean {
  return type === 'float' || type === 'double'
}

function unsupported(column: string, input: DuckdbType, fact: string, next: string): TerminalError {
  return new TerminalError({
    code: 'COLUMN_TYPE_UNSUPPORTED',
    fact,
    consequence: 'Nothing was read',
    next,
    details: { column, duckdb_type: input.kind === 'scalar' ? input.text : input.kind },
  })
}

/** One family: a value-preserving cast between its members may exist, row by row. */
export type TypeFamily =
  | 'text'
  | 'boolean'
  | 'number'
  | 'date'
  | 'zoned'
  | 'time'
  | 'uuid'
  | 'binary'
  | 'other'

export function familyOf(duckdbType: string): TypeFamily {
  if (/^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|FLOAT|DOUBLE|DECIMAL\(\d+,\s*\d+\))$/.test(duckdbType))
    return 'number'
  if (/^(DATE|TIMESTAMP|TIMESTAMP_(S|MS|NS))$/.test(duckdbType)) return 'date'
  if (duckdbType === 'TIMESTAMP WITH TIME ZONE') return 'zoned'
  if (duckdbType === 'BOOLEAN') return 'boolean'
  if (duckdbType === 'VARCHAR') return 'text'
  if (duckdbType === 'TIME' || duckdbType === 'TIME_NS') return 'time'
  if (duckdbType === 'UUID') return 'uuid'
  if (duckdbType === 'BLOB') return 'binary'
  return 'other'
}
