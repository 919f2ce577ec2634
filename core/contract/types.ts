import { IntegrityError } from '../errors.ts'
import type { CheckSpec } from './checks.ts'

/**
 * The words of a contract: column types, column rules and their policies, as the manifest writes them
 * (snake_case keys) and as every gate reads them.
 */

/** A column's type. Two types are the same when these objects are deeply equal. */
export type ColumnType = ScalarType | NestedType

export type ScalarType =
  | { readonly type: PlainTypeName }
  /** 1 ≤ precision ≤ 38, 0 ≤ scale ≤ precision. */
  | { readonly type: 'decimal'; readonly precision: number; readonly scale: number }

export type NestedType = ListType | StructType | MapType

export interface ListType {
  readonly type: 'list'
  readonly items: ColumnType
}

export interface StructType {
  readonly type: 'struct'
  /** At least one, in the order of the table. */
  readonly fields: readonly StructMember[]
}

export interface StructMember {
  readonly name: string
  readonly type: ColumnType
}

export interface MapType {
  readonly type: 'map'
  readonly keys: ScalarType
  readonly values: ColumnType
}

export type PlainTypeName = (typeof plainTypeNames)[number]
export type ScalarTypeName = PlainTypeName | 'decimal'
export type TypeName = ScalarTypeName | NestedType['type']

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

export const scalarTypeNames: readonly ScalarTypeName[] = [...plainTypeNames, 'decimal']
export const nestedTypeNames: readonly TypeName[] = ['list', 'struct', 'map']
export const typeNames: readonly TypeName[] = [...scalarTypeNames, ...nestedTypeNames]

export function isNested(type: ColumnType): type is NestedType {
  return type.type === 'list' || type.type === 'struct' || type.type === 'map'
}

/** A value of a rule as YAML gives it; it is judged by the column type's own grammar through its text. */
export type RuleValue = string | number | boolean

/** What follows where a row breaks a rule: it is rejected (`error`), or loaded and counted (`warn`). */
export type Severity = 'error' | 'warn'

/**
 * One column of a contract. NULL is judged by `nullable` alone: the other rules let it through, and `unique` does
 * not count it as a duplicate.
 */
export interface ColumnContract extends MemberContract {
  readonly unique?: boolean
  /** The table's column of this name becomes this one. It says nothing about rows. */
  readonly rename_from?: string
}

/** A column, or what is nested in one: an item of a list, a member of a struct, a key or a value of a map. */
export interface MemberContract {
  readonly type: TypeName
  /** Lists only, where it is required. */
  readonly items?: MemberContract
  /** Structs only, where at least one is required. A member that a value lacks is NULL. */
  readonly fields?: Readonly<Record<string, MemberContract>>
  /** Maps only, where both are required. Keys are scalars and never NULL. */
  readonly keys?: MemberContract
  readonly values?: MemberContract
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
  /** Of the value rules at this place: all of the above but the type. Default `error`. */
  readonly severity?: Severity
  readonly description?: string
}

/** Whether no NULL gets through, so that the table's column may be required. */
export function refusesNull(contract: MemberContract | undefined): boolean {
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

/** `coerce` is `strict` after other spellings of a value (coercions.ts) have become the value. */
export type Enforcement = 'strict' | 'quarantine' | 'warn' | 'coerce'

/**
 * What becomes of a row with a value that is none of its column's type. `fail` (default): what `enforcement` says.
 * `variant_column`: it is loaded with NULL in the column and the value's text in {@link variantName}.
 */
export type ConflictPolicy = 'fail' | 'quarantine' | 'variant_column'

export function variantName(column: string): string {
  return `${column}__variant`
}

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
  /** The expression of a filter fails for the row. */
  | 'filter'
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
  filter: 'transformers.filter',
  watermark_null: 'source.watermark_null',
  narrowing: 'schema.narrowing',
  new_column: 'schema.new_column',
  structure: 'source.structure',
}

/** How many values of a column, in accepted rows. */
export interface ColumnCount {
  readonly column: string
  readonly count: number
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

/** `decimal(18,2)`, `list<struct<a: integer>>`: for messages and evidence. */
export function typeText(type: ColumnType): string {
  switch (type.type) {
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'list':
      return `list<${typeText(type.items)}>`
    case 'struct':
      return `struct<${type.fields.map(({ name, type }) => `${name}: ${typeText(type)}`).join(', ')}>`
    case 'map':
      return `map<${typeText(type.keys)}, ${typeText(type.values)}>`
    default:
      return type.type
  }
}

/** The type, which is known to be no list, struct or map. Throws `IntegrityError` `TYPE_NOT_SCALAR` if it is. */
export function scalarOf(type: ColumnType): ScalarType {
  if (!isNested(type)) return type
  throw new IntegrityError({
    code: 'TYPE_NOT_SCALAR',
    fact: `A ${typeText(type)} stands where only a single value can`,
    consequence: 'Nothing was read',
  })
}
