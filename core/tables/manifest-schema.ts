import type { AvroJson, Naming } from './avro.ts'

/** The Avro schemas of format version 2 (spec: "Manifests", "Manifest Lists"), with the names and order of Iceberg's Java writer. */

const required = (id: number, name: string, type: AvroJson) => ({ name, type, 'field-id': id })
const optional = (id: number, name: string, type: AvroJson) => ({
  name,
  type: ['null', type],
  default: null,
  'field-id': id,
})

/** Avro maps have string keys only, so a map by field id is an array of pairs. */
const idMap = (keyId: number, valueId: number, value: AvroJson) => ({
  type: 'array',
  items: {
    type: 'record',
    name: `k${keyId}_v${valueId}`,
    fields: [required(keyId, 'key', 'int'), required(valueId, 'value', value)],
  },
  logicalType: 'map',
})

const list = (elementId: number, items: AvroJson) => ({ type: 'array', items, 'element-id': elementId })

/** `partition`: the Avro record of the manifest's partition spec. */
export function manifestEntrySchema(partition: AvroJson): AvroJson {
  const dataFile = {
    type: 'record',
    name: 'r2',
    fields: [
      required(134, 'content', 'int'),
      required(100, 'file_path', 'string'),
      required(101, 'file_format', 'string'),
      required(102, 'partition', partition),
      required(103, 'record_count', 'long'),
      required(104, 'file_size_in_bytes', 'long'),
      optional(108, 'column_sizes', idMap(117, 118, 'long')),
      optional(109, 'value_counts', idMap(119, 120, 'long')),
      optional(110, 'null_value_counts', idMap(121, 122, 'long')),
      optional(137, 'nan_value_counts', idMap(138, 139, 'long')),
      optional(125, 'lower_bounds', idMap(126, 127, 'bytes')),
      optional(128, 'upper_bounds', idMap(129, 130, 'bytes')),
      optional(131, 'key_metadata', 'bytes'),
      optional(132, 'split_offsets', list(133, 'long')),
      optional(135, 'equality_ids', list(136, 'int')),
      optional(140, 'sort_order_id', 'int'),
      optional(143, 'referenced_data_file', 'string'),
    ],
  }
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      required(0, 'status', 'int'),
      optional(1, 'snapshot_id', 'long'),
      optional(3, 'sequence_number', 'long'),
      optional(4, 'file_sequence_number', 'long'),
      required(2, 'data_file', dataFile),
    ],
  }
}

const fieldSummary = {
  type: 'record',
  name: 'r508',
  fields: [
    required(509, 'contains_null', 'boolean'),
    optional(518, 'contains_nan', 'boolean'),
    optional(510, 'lower_bound', 'bytes'),
    optional(511, 'upper_bound', 'bytes'),
  ],
}

export const manifestListSchema: AvroJson = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    required(500, 'manifest_path', 'string'),
    required(501, 'manifest_length', 'long'),
    required(502, 'partition_spec_id', 'int'),
    required(517, 'content', 'int'),
    required(515, 'sequence_number', 'long'),
    required(516, 'min_sequence_number', 'long'),
    required(503, 'added_snapshot_id', 'long'),
    required(504, 'added_files_count', 'int'),
    required(505, 'existing_files_count', 'int'),
    required(506, 'deleted_files_count', 'int'),
    required(512, 'added_rows_count', 'long'),
    required(513, 'existing_rows_count', 'long'),
    required(514, 'deleted_rows_count', 'long'),
    optional(507, 'partitions', list(508, fieldSummary)),
    optional(519, 'key_metadata', 'bytes'),
  ],
}

/** Field id → name, read off a schema: other writers' names differ (`added_data_files_count`), their ids do not. */
function namesOf(schema: AvroJson, names = new Map<number, string>()): Map<number, string> {
  if (typeof schema !== 'object') return names
  if (Array.isArray(schema)) for (const branch of schema) namesOf(branch, names)
  const { fields, items } = schema as { fields?: ReturnType<typeof required>[]; items?: AvroJson }
  if (items !== undefined) namesOf(items, names)
  for (const field of fields ?? []) {
    names.set(field['field-id'], field.name)
    namesOf(field.type, names)
  }
  return names
}

const entryNames = namesOf(manifestEntrySchema({ type: 'record', name: 'r102', fields: [] }))
const listNames = namesOf(manifestListSchema)

/** Partition fields have ids from 1000 on. */
export function partitionFieldName(fieldId: number): string {
  return `_${fieldId}`
}

export const entryNaming: Naming = {
  key: 'manifest_entry',
  rename: (id) => entryNames.get(id) ?? (id >= 1000 ? partitionFieldName(id) : undefined),
}

export const listNaming: Naming = { key: 'manifest_file', rename: (id) => listNames.get(id) }
