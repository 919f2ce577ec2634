import { IntegrityError } from '../errors.ts'

/**
 * The types of Apache Iceberg format version 2 (spec: "Schemas and Data Types"). Plain JSON-safe data, so
 * that a schema can travel through gate records; what metadata files hold is {@link SchemaJson}.
 */
export type IcebergType = PrimitiveType | StructType | ListType | MapType

export type PrimitiveType =
  | { readonly kind: PlainKind }
  /** 1 ≤ precision ≤ 38, 0 ≤ scale ≤ precision. */
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  /** `length` in bytes. */
  | { readonly kind: 'fixed'; readonly length: number }

export type PlainKind = (typeof plainKinds)[number]

export const plainKinds = [
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'date',
  'time',
  'timestamp',
  'timestamptz',
  'string',
  'uuid',
  'binary',
] as const

export interface StructType {
  readonly kind: 'struct'
  readonly fields: readonly NestedField[]
}

export interface ListType {
  readonly kind: 'list'
  readonly elementId: number
  readonly elementRequired: boolean
  readonly element: IcebergType
}

export interface MapType {
  readonly kind: 'map'
  readonly keyId: number
  readonly key: IcebergType
  readonly valueId: number
  readonly valueRequired: boolean
  readonly value: IcebergType
}

/** A column, or a field of a struct. `id` is its identity for ever; `name` is only what it is called now. */
export interface NestedField {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: IcebergType
  readonly doc?: string
}

export interface Schema {
  readonly schemaId: number
  readonly fields: readonly NestedField[]
  /** Columns that identify a row; required, never float or double. */
  readonly identifierFieldIds?: readonly number[]
}

/** A schema as metadata files spell it (spec: Appendix C, "Schemas"). */
export interface SchemaJson {
  readonly type: 'struct'
  readonly 'schema-id'?: number
  readonly 'identifier-field-ids'?: readonly number[]
  readonly fields: readonly FieldJson[]
}

interface FieldJson {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: TypeJson
  readonly doc?: string
}

type TypeJson = string | { readonly type: string; readonly [key: string]: unknown }

/** The canonical text of a primitive (`decimal(9, 2)`), the canonical object of a nested type. */
export function printType(type: IcebergType): TypeJson {
  switch (type.kind) {
    case 'decimal':
      return `decimal(${type.precision}, ${type.scale})`
    case 'fixed':
      return `fixed[${type.length}]`
    case 'struct':
      return { type: 'struct', fields: type.fields.map(printField) }
    case 'list':
      return {
        type: 'list',
        'element-id': type.elementId,
        element: printType(type.element),
        'element-required': type.elementRequired,
      }
    case 'map':
      return {
        type: 'map',
        'key-id': type.keyId,
        key: printType(type.key),
        'value-id': type.valueId,
        value: printType(type.value),
        'value-required': type.valueRequired,
      }
    default:
      return type.kind
  }
}

/** `decimal(9, 2)`, `list<struct<a: int required>>`: for messages and records. Field ids are left out. */
export function typeText(type: IcebergType): string {
  const part = (inner: IcebergType, required: boolean) => `${typeText(inner)}${required ? ' required' : ''}`
  switch (type.kind) {
    case 'struct':
      return `struct<${type.fields.map((field) => `${field.name}: ${part(field.type, field.required)}`).join(', ')}>`
    case 'list':
      return `list<${part(type.element, type.elementRequired)}>`
    case 'map':
      return `map<${typeText(type.key)}, ${part(type.value, type.valueRequired)}>`
    default:
      return printType(type) as string
  }
}

function printField(field: NestedField): FieldJson {
  const doc = field.doc === undefined ? {} : { doc: field.doc }
  return { id: field.id, name: field.name, required: field.required, type: printType(field.type), ...doc }
}

export function printSchema(schema: Schema): SchemaJson {
  const ids = schema.identifierFieldIds
  return {
    type: 'struct',
    'schema-id': schema.schemaId,
    ...(ids === undefined || ids.length === 0 ? {} : { 'identifier-field-ids': ids }),
    fields: schema.fields.map(printField),
  }
}

/** Throws `IntegrityError` `TABLE_SCHEMA_INVALID` for anything that is not a type of format version 2. */
export function parseType(json: unknown): IcebergType {
  if (typeof json === 'string') return parsePrimitive(json)
  if (isObject(json)) {
    if (json.type === 'struct') return { kind: 'struct', fields: parseFields(json.fields) }
    if (json.type === 'list') {
      return {
        kind: 'list',
        elementId: id(json['element-id']),
        elementRequired: flag(json['element-required']),
        element: parseType(json.element),
      }
    }
    if (json.type === 'map') {
      return {
        kind: 'map',
        keyId: id(json['key-id']),
        key: parseType(json.key),
        valueId: id(json['value-id']),
        valueRequired: flag(json['value-required']),
        value: parseType(json.value),
      }
    }
  }
  throw invalid(`${JSON.stringify(json)} is not a type of Iceberg format version 2`)
}

function parsePrimitive(text: string): PrimitiveType {
  const plain = plainKinds.find((kind) => kind === text)
  if (plain !== undefined) return { kind: plain }
  const decimal = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(text)
  if (decimal !== null) {
    const [precision, scale] = [Number(decimal[1]), Number(decimal[2])]
    if (precision >= 1 && precision <= 38 && scale <= precision) return { kind: 'decimal', precision, scale }
  }
  const fixed = /^fixed\[\s*(\d+)\s*\]$/.exec(text)
  if (fixed !== null) return { kind: 'fixed', length: Number(fixed[1]) }
  throw invalid(`'${text}' is not a type of Iceberg format version 2`)
}

/** Throws `IntegrityError` `TABLE_SCHEMA_INVALID`. */
export function parseSchema(json: unknown): Schema {
  if (!isObject(json) || json.type !== 'struct') throw invalid('A schema is not a struct')
  const identifiers = json['identifier-field-ids']
  return {
    schemaId: json['schema-id'] === undefined ? 0 : id(json['schema-id']),
    fields: parseFields(json.fields),
    ...(Array.isArray(identifiers) && identifiers.length > 0
      ? { identifierFieldIds: identifiers.map(id) }
      : {}),
  }
}

function parseFields(json: unknown): NestedField[] {
  if (!Array.isArray(json)) throw invalid('A struct has no list of fields')
  return json.map((field: unknown) => {
    if (!isObject(field) || typeof field.name !== 'string') throw invalid('A field has no name')
    const doc = typeof field.doc === 'string' ? { doc: field.doc } : {}
    return {
      id: id(field.id),
      name: field.name,
      required: flag(field.required),
      type: parseType(field.type),
      ...doc,
    }
  })
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function id(json: unknown): number {
  if (typeof json === 'number' && Number.isInteger(json) && json >= 0 && json <= 2147483647) return json
  throw invalid(`${JSON.stringify(json)} is not a field id`)
}

function flag(json: unknown): boolean {
  if (typeof json === 'boolean') return json
  throw invalid(`${JSON.stringify(json)} is not a boolean`)
}

function invalid(fact: string): IntegrityError {
  return new IntegrityError({
    code: 'TABLE_SCHEMA_INVALID',
    fact,
    consequence: 'The table was not read',
    next: 'Check which writer made the metadata file; tables of format version 2 are supported',
  })
}
