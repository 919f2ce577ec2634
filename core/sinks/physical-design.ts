import { PolicyError } from '../errors.ts'
import type { PhysicalDesign } from '../manifest/types.ts'
import type { LineageRecord } from '../runs/lineage-record.ts'
import { defaultSortFields } from '../tables/design.ts'
import { defaultSpec, type SortField, type TableMetadata } from '../tables/metadata.ts'
import type { PartitionField } from '../tables/partition.ts'
import { parseBytes, parseSortTerm, parseTerm, type Term } from '../tables/terms.ts'
import type { NestedField, PrimitiveType, Schema } from '../tables/types.ts'
import { partitionSql } from './partition-sql.ts'

/** Properties of a table that Sluice creates; those of a table that exists are left alone. */
const newTableProperties: Readonly<Record<string, string>> = {
  'write.format.default': 'parquet',
  'write.parquet.compression-codec': 'zstd',
  'write.metadata.previous-versions-max': '100',
}

const firstPartitionId = 1000

/**
 * How the table is laid out, and how this load would have it: what the manifest says, and else what the table
 * has. Throws `PolicyError` `PHYSICAL_DESIGN_REFUSED` for a design that the columns do not bear, and for a
 * table whose own partitions cannot be written here. `own`: properties that Sluice keeps for itself.
 */
export function draftPhysical(
  design: PhysicalDesign | undefined,
  schema: Schema,
  metadata: TableMetadata | undefined,
  own: Readonly<Record<string, string>> = {},
): LineageRecord['physical'] {
  const wanted = {
    ...(metadata === undefined ? newTableProperties : {}),
    ...design?.properties,
    ...targetSize(design),
    ...own,
  }
  const before =
    metadata === undefined
      ? null
      : {
          partition: defaultSpec(metadata).fields,
          sort: defaultSortFields(metadata),
          properties: Object.fromEntries(
            Object.keys(wanted).flatMap((key) => {
              const value = metadata.properties?.[key]
              return value === undefined ? [] : [[key, value]]
            }),
          ),
        }
  const partition =
    design?.partition_by === undefined
      ? (before?.partition ?? [])
      : partitionFields(design.partition_by, schema, metadata)
  const sort = design?.sort_by === undefined ? (before?.sort ?? []) : sortFields(design.sort_by, schema)
  checkWritable(partition, schema)
  const fields = (metadata?.['partition-specs'] ?? []).flatMap((spec) => spec.fields)
  const specs = [...new Map(fields.map((field) => [field['field-id'], field])).values()]
  return { before, after: { partition, sort, properties: wanted }, specs }
}

function targetSize(design: PhysicalDesign | undefined): Record<string, string> {
  const bytes = design?.target_file_size === undefined ? undefined : parseBytes(design.target_file_size)
  return bytes === undefined ? {} : { 'write.target-file-size-bytes': String(bytes) }
}

/** A field that the table has had in any spec keeps its id and its name; others get the next ids. */
function partitionFields(
  terms: readonly string[],
  schema: Schema,
  metadata: TableMetadata | undefined,
): PartitionField[] {
  const known = (metadata?.['partition-specs'] ?? []).flatMap((spec) => spec.fields)
  let last = metadata?.['last-partition-id'] ?? firstPartitionId - 1
  const fields = terms.map((text): PartitionField => {
    const { term, field } = resolve(text, parseTerm(text), schema)
    const before = known.find((k) => k['source-id'] === field.id && k.transform === term.transform)
    if (before !== undefined) return before
    last += 1
    const name = partitionName(term)
    return { 'source-id': field.id, 'field-id': last, name, transform: term.transform }
  })
  checkNames(fields, schema)
  return fields
}

/** As Iceberg names the fields that are added to a spec. */
function partitionName({ column, transform }: Term): string {
  if (transform === 'identity') return column
  const match = /^(\w+)\[(\d+)\]$/.exec(transform)
  if (match === null) return transform === 'void' ? `${column}_null` : `${column}_${transform}`
  return `${column}_${match[1] === 'truncate' ? 'trunc' : 'bucket'}_${match[2]}`
}

/** Spec: names are unique in the spec, and no other column's. One column is cut by time once. */
function checkNames(fields: readonly PartitionField[], schema: Schema): void {
  const cut = new Set<string>()
  for (const { name, transform, 'source-id': source } of fields) {
    const column = schema.fields.find((field) => field.name === name)
    if (column !== undefined && (transform !== 'identity' || column.id !== source))
      throw refused(`the partition field ${name} would have the name of a column`)
    const kind = ['year', 'month', 'day', 'hour'].includes(transform) ? 'time' : transform.replace(/\[.*/, '')
    if (cut.has(`${source} ${kind}`)) throw refused(`${name} partitions a column twice in the same way`)
    cut.add(`${source} ${kind}`)
  }
}

function sortFields(terms: readonly string[], schema: Schema): SortField[] {
  return terms.map((text) => {
    const parsed = parseSortTerm(text)
    const { field } = resolve(text, parsed, schema)
    const { transform, direction, nulls } = parsed as Exclude<typeof parsed, string>
    if (transform !== 'identity') checkTransform(transform, field)
    else if (!isPrimitive(field)) throw refused(`${field.name} is ${field.type.kind}, which has no order`)
    return { transform, 'source-id': field.id, direction, 'null-order': `nulls-${nulls}` }
  })
}

function resolve(text: string, term: Term | string, schema: Schema): { term: Term; field: NestedField } {
  if (typeof term === 'string') throw refused(term)
  const field = schema.fields.find((candidate) => candidate.name === term.column)
  if (field === undefined) throw refused(`${text} names no column of the table`)
  return { term, field }
}

function checkWritable(fields: readonly PartitionField[], schema: Schema): void {
  for (const { transform, name, 'source-id': source } of fields) {
    if (transform === 'void') continue
    const field = schema.fields.find((candidate) => candidate.id === source)
    if (field === undefined) throw refused(`the partition field ${name} is not of a column of its own`)
    checkTransform(transform, field)
  }
}

function checkTransform(transform: string, field: NestedField): void {
  if (isPrimitive(field) && partitionSql(transform, field.type as PrimitiveType, 'v') !== undefined) return
  throw refused(`${transform} of ${field.name}, which is ${field.type.kind}, cannot be written`)
}

function isPrimitive({ type }: NestedField): boolean {
  return !['struct', 'list', 'map'].includes(type.kind)
}

function refused(fact: string): PolicyError {
  return new PolicyError({
    code: 'PHYSICAL_DESIGN_REFUSED',
    fact,
    consequence: 'Nothing was written, and the table stays as it is',
    next: 'Correct sink.physical; a table that another engine partitioned in a way of its own is written by that engine',
  })
}
