import { TerminalError } from '../errors.ts'
import type { CheckSpec } from './checks.ts'

/**
 * The words of a contract: column types, column rules and their policies, as the manifest writes them
 * (snake_case keys) and as every gate reads them.
 */

/** A column's type. Two types are the same when these objects are deeply equal. */
export type ColumnType =
  | { readonly type: PlainTypeName }
  /** 1 ≤ precision ≤ 38, 0 ≤ scale ≤ precision. */
  | { readonly type: 'decimal'; readonly precision: number; readonly scale: number }

export type PlainTypeName = (typeof plainTypeNames)[number]
export type TypeName = PlainTypeName | 'decimal'

export const plainTypeNames = [
  'string',
  'boolean',
  'tinyint',
  'smallint',
  'integer',
  'bigint',
  'float',
  'double',
  'date',
  'timestamp',
  'timestamp_tz',
  'time',
  'uuid',
  'binary',
  'json',
] as const

export const typeNames: readonly TypeName[] = [...plainTypeNames, 'decimal']

/** A value of a rule as YAML gives it; it is judged by the column type's own grammar through its text. */
export type RuleValue = string | number | boolean

/** What follows where a row breaks a rule: it is rejected (`error`), or loaded and counted (`warn`). */
export type Severity = 'error' | 'warn'

/**
 * One column of a contract. NULL is judged by `nullable` alone: the other rules let it through, and `unique` does
 * not count it as a duplicate.
 */
export interface ColumnContract {
  readonly type: TypeName
  /** Decimal only, where it is required; 1 to 38. */
  readonly precision?: number
  /** Decimal only; 0 to precision, 0 where it is not given. */
  readonly scale?: number
  /** Default true. */
  readonly nullable?: boolean
  /** Inclusive. Numbers, dates, times and timestamps. */
  readonly min?: RuleValue
  /** Inclusive. Numbers, dates, times and timestamps. */
  readonly max?: RuleValue
  /** Unicode code points. Strings only. */
  readonly min_length?: number
  /** Unicode code points. Strings only. */
  readonly max_length?: number
  /** RE2, matched against the whole value. Strings only. */
  readonly pattern?: string
  /** `null` says that NULL is one of them, which `nullable: false` would contradict; it decides nothing by itself. */
  readonly accepted_values?: readonly (RuleValue | null)[]
  readonly unique?: boolean
  /** Of the column's value rules: all of the above but the type and `unique`. Default `error`. */
  readonly severity?: Severity
  /** The table's column of this name becomes this one. It says nothing about rows. */
  readonly rename_from?: string
  readonly description?: string
}

/** Whether no NULL gets through, so that the table's column may be required. */
export function refusesNull(contract: ColumnContract | undefined): boolean {
  return contract?.nullable === false && contract.severity !== 'warn'
}

/** A rule over one row. */
export interface RowRule {
  /** Unique in the contract. */
  readonly name: string
  /** SQL over the table's columns (`checkRowExpression`); the row keeps the rule where it is true. NULL is not true. */
  readonly expr: string
  /** Default `error`. */
  readonly severity?: Severity
  readonly description?: string
}

export type Enforcement = 'strict' | 'quarantine' | 'warn'

/** What becomes of a row with a value that is none of its column's type. `fail` (default): what `enforcement` says. */
export type ConflictPolicy = 'fail' | 'quarantine'

/**
 * `reference_only` (default): no raw value in any stored byte. `masked`: the row's shape, with a token in place of each
 * value. `preserve`: the raw row as JSON text; never in production.
 */
export type PiiPolicy = 'reference_only' | 'masked' | 'preserve'

export interface QuarantinePolicy {
  readonly pii_policy?: PiiPolicy
  /** More rejected rows than this fail the dataflow. */
  readonly max_rows?: number
  /** A larger share of rejected among the rows judged (0 to 1) fails the dataflow. */
  readonly max_ratio?: number
  /** Larger files of rejected rows, together, fail the dataflow. */
  readonly max_bytes?: number
  /** Days after which acknowledged rows may be removed; 1 to 3650, 30 where it is not given. */
  readonly retention_days?: number
}

export interface ContractSpec {
  readonly enforcement: Enforcement
  readonly conflict_policy?: ConflictPolicy
  readonly columns: Readonly<Record<string, ColumnContract>>
  readonly rules?: readonly RowRule[]
  readonly quarantine?: QuarantinePolicy
  /** Over the whole load; at most {@link maxChecks}. */
  readonly checks?: readonly CheckSpec[]
}

/** Results of all checks go into one record. */
export const maxChecks = 100

/** What a row can be rejected or counted for. Stable: these words are stored in quarantine. */
export type RuleName =
  | 'type'
  | 'nullable'
  | 'min'
  | 'max'
  | 'min_length'
  | 'max_length'
  | 'pattern'
  | 'accepted_values'
  /** A rule of the contract's `rules`, which has a name. */
  | 'row_rule'
  | 'watermark_null'
  /** A value of the contract's type that the table's type cannot hold. */
  | 'narrowing'
  /** A value in a column that the table does not have. */
  | 'new_column'
  | 'structure'

/** What quarantine, and who reads it, calls a rule. Stable and closed: a code is never given another meaning. */
export const reasonCodes: Readonly<Record<RuleName, string>> = {
  type: 'contract.type',
  nullable: 'contract.nullable',
  min: 'contract.min',
  max: 'contract.max',
  min_length: 'contract.min_length',
  max_length: 'contract.max_length',
  pattern: 'contract.pattern',
  accepted_values: 'contract.accepted_values',
  row_rule: 'contract.row_rule',
  watermark_null: 'source.watermark_null',
  narrowing: 'schema.narrowing',
  new_column: 'schema.new_column',
  structure: 'source.structure',
}

/** How many of the rows judged break a row rule; a rejected row counts in each that it breaks. */
export interface RuleCount {
  /** `null` for a rule over several columns. */
  readonly column: string | null
  readonly rule: RuleName
  /** Of a `row_rule`. */
  readonly name?: string
  readonly severity: Severity
  readonly count: number
}

/**
 * The column type of a contract's column. Throws `TerminalError` `COLUMN_TYPE_UNKNOWN` for a type that is
 * none of {@link typeNames} and `COLUMN_TYPE_INVALID` for a precision or scale that no decimal can have.
 */
export function contractType(column: Pick<ColumnContract, 'type' | 'precision' | 'scale'>): ColumnType {
  const problem = columnTypeProblem(column)
  if (problem !== undefined) {
    const code = typeNames.includes(column.type) ? 'COLUMN_TYPE_INVALID' : 'COLUMN_TYPE_UNKNOWN'
    throw new TerminalError({
      code,
      fact: problem.message,
      consequence: 'Nothing was read',
      next: problem.hint,
    })
  }
  return column.type === 'decimal'
    ? { type: 'decimal', precision: column.precision!, scale: column.scale ?? 0 }
    : { type: column.type }
}

/** What is wrong with a column's `type`, `precision` and `scale`, at which key, and what to write. */
export function columnTypeProblem(column: {
  readonly type: string
  readonly precision?: number
  readonly scale?: number
}): { readonly path: readonly string[]; readonly message: string; readonly hint: string } | undefined {
  const { type, precision, scale } = column
  const problem = (key: string, message: string, hint: string) => ({ path: [key], message, hint })
  if (type !== 'decimal') {
    if (!(plainTypeNames as readonly string[]).includes(type)) {
      return problem('type', `type '${type}' is not known`, `Known: ${typeNames.join(', ')}`)
    }
    for (const key of ['precision', 'scale'] as const) {
      if (column[key] !== undefined)
        return problem(key, `type ${type} takes no ${key}`, 'Remove it, or use type: decimal')
    }
    return undefined
  }
  if (precision === undefined) {
    return problem('type', 'type decimal needs a precision', 'Add it: the number of digits in all, 1 to 38')
  }
  if (!Number.isInteger(precision) || precision < 1 || precision > 38) {
    return problem(
      'precision',
      `precision ${precision} is not a whole number from 1 to 38`,
      'It counts all digits',
    )
  }
  if (scale !== undefined && (!Number.isInteger(scale) || scale < 0)) {
    return problem(
      'scale',
      `scale ${scale} is not a whole number from 0 up`,
      'It counts the digits after the point',
    )
  }
  if ((scale ?? 0) > precision) {
    return problem(
      'scale',
      `scale ${scale} is greater than precision ${precision}`,
      'precision counts the digits after the point, too',
    )
  }
  return undefined
}

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

/** The DuckDB type in which values are written to Parquet; always one that Iceberg v2 knows. */
export function sqlType(type: ColumnType): string {
  return type.type === 'decimal' ? `DECIMAL(${type.precision},${type.scale})` : sqlTypes[type.type]
}

/** As table metadata spells it (Iceberg spec, Appendix C): `decimal(18, 2)`. */
export function icebergType(type: ColumnType): string {
  return type.type === 'decimal' ? `decimal(${type.precision}, ${type.scale})` : icebergTypes[type.type]
}

/** `decimal(18,2)`, `integer`: for messages and evidence. */
export function typeText(type: ColumnType): string {
  return type.type === 'decimal' ? `decimal(${type.precision},${type.scale})` : type.type
}

const inferred: Readonly<Record<string, ColumnType>> = {
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
 * which `sum()` over integers gives, becomes decimal(38,0); ENUM and JSON become string. Throws
 * `TerminalError` `COLUMN_TYPE_UNSUPPORTED` for the others (INTERVAL, LIST, STRUCT, MAP …),
 * naming column and type.
 */
export function columnType(input: 'text' | string, name: string): ColumnType {
  if (input === 'text') return { type: 'string' }
  const decimal = /^DECIMAL\((\d+),\s*(\d+)\)$/.exec(input)
  if (decimal) return { type: 'decimal', precision: Number(decimal[1]), scale: Number(decimal[2]) }
  if (/^ENUM\(/.test(input) && !/\]$/.test(input)) return { type: 'string' }
  const type = inferred[input]
  if (type) return type
  throw new TerminalError({
    code: 'COLUMN_TYPE_UNSUPPORTED',
    fact: `Column ${name} has type ${input}, which no table column can hold yet`,
    consequence: 'Nothing was read',
    next: `Cast it in SQL to one of DECIMAL, ${Object.keys(inferred).join(', ')}; deliver a file with one of these types, or without the column`,
    details: { column: name, duckdb_type: input },
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
