import { TerminalError } from '../errors.ts'
import type { AvroJson } from './avro.ts'
import { decimalBytes } from './partition-values.ts'
import { schemaNodes } from './schema.ts'
import type { IcebergType, NestedField, PrimitiveType, Schema } from './types.ts'

/** As metadata files spell it (spec: "Partitioning"). */
export interface PartitionSpec {
  readonly 'spec-id': number
  readonly fields: readonly PartitionField[]
}

export interface PartitionField {
  readonly 'source-id': number
  readonly 'field-id': number
  readonly name: string
  readonly transform: string
}

export const unpartitioned: PartitionSpec = { 'spec-id': 0, fields: [] }

/**
 * The Avro record of a spec's partition values, `r102` of a manifest. `schemas`: newest first; a spec outlives
 * the columns that it was made from. Throws `TerminalError` `TABLE_PARTITION_UNSUPPORTED`.
 */
export function partitionRecord(spec: PartitionSpec, schemas: readonly Schema[]): AvroJson {
  const defined = new Set<string>()
  const fields = spec.fields.map((field) => {
    const type = avroPrimitive(partitionType(field, schemas), field['field-id'], defined)
    const name = avroName(field.name)
    const renamed = name === field.name ? {} : { 'iceberg-field-name': field.name }
    return { name, type: ['null', type], default: null, 'field-id': field['field-id'], ...renamed }
  })
  return { type: 'record', name: 'r102', fields }
}

/** Type of the values of a partition field (spec: "Partition Transforms"). Throws `TerminalError` `TABLE_PARTITION_UNSUPPORTED`. */
export function partitionType(field: PartitionField, schemas: readonly Schema[]): PrimitiveType {
  const transform = field.transform.replace(/\[.*$/, '')
  if (transform === 'bucket' || ['year', 'month', 'hour'].includes(transform)) return { kind: 'int' }
  if (transform === 'day') return { kind: 'date' }
  const source = sourceType(field['source-id'], schemas)
  const known = ['identity', 'truncate', 'void'].includes(transform)
  if (known && source !== undefined && !['struct', 'list', 'map'].includes(source.kind)) {
    return source as PrimitiveType
  }
  throw new TerminalError({
    code: 'TABLE_PARTITION_UNSUPPORTED',
    fact: `The partition field '${field.name}' (${field.transform} of column id ${field['source-id']}) has no known type`,
    consequence: 'No manifest was written',
    next: 'Write this table with the engine that defined its partitions',
  })
}

function sourceType(id: number, schemas: readonly Schema[]): IcebergType | undefined {
  for (const schema of schemas) {
    const node = schemaNodes(schema).find((candidate) => candidate.id === id)
    if (node !== undefined) return node.type
  }
  return undefined
}

/**
 * Spec: Appendix A, "Avro". Avro has a named type spelled out once and referred to afterwards; PyIceberg (0.12) follows
 * no reference, so that a type that comes again has a name of its own.
 */
function avroPrimitive(type: PrimitiveType, fieldId: number, defined: Set<string>): AvroJson {
  const named = (name: string, schema: Record<string, unknown>): AvroJson => {
    const own = defined.has(name) ? `${name}_${fieldId}` : name
    defined.add(own)
    return { type: 'fixed', name: own, ...schema }
  }
  switch (type.kind) {
    case 'date':
      return { type: 'int', logicalType: 'date' }
    case 'time':
      return { type: 'long', logicalType: 'time-micros' }
    case 'timestamp':
    case 'timestamptz':
      return { type: 'long', logicalType: 'timestamp-micros', 'adjust-to-utc': type.kind === 'timestamptz' }
    case 'uuid':
      return named('uuid_fixed', { size: 16, logicalType: 'uuid' })
    case 'fixed':
      return named(`fixed_${type.length}`, { size: type.length })
    case 'binary':
      return 'bytes'
    case 'decimal': {
      const { precision, scale } = type
      const name = `decimal_${precision}_${scale}`
      return named(name, { size: decimalBytes(precision), logicalType: 'decimal', precision, scale })
    }
    default:
      return type.kind
  }
}

/**
 * The columns that `next` brings and that have the name of another column's partition field. Iceberg's Java library
 * cannot open a table that has one, whatever spec the field is of.
 */
export function takenNames(base: Schema, next: Schema, fields: readonly PartitionField[]): NestedField[] {
  const before = new Map(base.fields.map((column) => [column.id, column.name]))
  return next.fields.filter(
    ({ id, name }) =>
      before.get(id) !== name && fields.some((field) => field.name === name && field['source-id'] !== id),
  )
}

/** As Iceberg's `AvroSchemaUtil.makeCompatibleName`: `a-b` becomes `a_x2Db`. */
function avroName(name: string): string {
  const safe = name.replace(/[^A-Za-z0-9_]/g, (c) => `_x${c.charCodeAt(0).toString(16).toUpperCase()}`)
  return /^[0-9]/.test(safe) ? `_${safe}` : safe
}
