import type { SortField, SortOrder, TableMetadata } from './metadata.ts'
import type { PartitionField, PartitionSpec } from './partition.ts'

/**
 * Makes these partition fields the default spec: new files follow it, old ones keep theirs (spec: "Partition
 * Evolution"). A spec that the table has had already keeps its id.
 */
export function withPartitionFields(
  metadata: TableMetadata,
  fields: readonly PartitionField[],
): TableMetadata {
  const specs = metadata['partition-specs']
  const known = specs.find((spec) => sameFields(spec.fields, fields))
  const specId = known?.['spec-id'] ?? Math.max(-1, ...specs.map((spec) => spec['spec-id'])) + 1
  const added: PartitionSpec[] = known === undefined ? [{ 'spec-id': specId, fields }] : []
  return {
    ...metadata,
    'partition-specs': [...specs, ...added],
    'default-spec-id': specId,
    'last-partition-id': Math.max(metadata['last-partition-id'], ...fields.map((field) => field['field-id'])),
  }
}

/** Makes these sort fields the default order; order 0 is the unsorted one (spec: "Sorting"). */
export function withSortFields(metadata: TableMetadata, fields: readonly SortField[]): TableMetadata {
  const orderId = sortOrderId(metadata, fields)
  const orders = metadata['sort-orders']
  const isKnown = orders.some((order) => order['order-id'] === orderId)
  const added: SortOrder[] = isKnown ? [] : [{ 'order-id': orderId, fields }]
  return { ...metadata, 'sort-orders': [...orders, ...added], 'default-sort-order-id': orderId }
}

/** The id that the order has in the table, or will have; `undefined` metadata: a new table. */
export function sortOrderId(metadata: TableMetadata | undefined, fields: readonly SortField[]): number {
  if (fields.length === 0) return 0
  const orders = metadata?.['sort-orders'] ?? []
  const known = orders.find((order) => sameFields(order.fields, fields))
  return known?.['order-id'] ?? Math.max(0, ...orders.map((order) => order['order-id'])) + 1
}

export function defaultSortFields(metadata: TableMetadata): readonly SortField[] {
  const id = metadata['default-sort-order-id']
  return metadata['sort-orders'].find((order) => order['order-id'] === id)?.fields ?? []
}

/** By everything but the order of the keys. */
export function sameFields(a: readonly object[], b: readonly object[]): boolean {
  const text = (fields: readonly object[]) =>
    JSON.stringify(fields.map((field) => Object.entries(field).sort(([x], [y]) => (x < y ? -1 : 1))))
  return text(a) === text(b)
}
