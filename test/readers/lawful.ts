import { expect } from 'vitest'
import type { FieldJson, TableJson } from './lake.ts'

/**
 * That `next` may follow `previous` by the specification of Iceberg v2 ("Schema Evolution", "Partition Evolution",
 * "Sorting"): written from the specification alone, of tables with plain columns.
 */
export function expectLawful(previous: TableJson | undefined, next: TableJson): void {
  expectConsistent(next)
  if (previous === undefined) return
  // What was there stays there: readers of older snapshots need it.
  for (const key of ['schemas', 'partition-specs', 'sort-orders'] as const)
    expect(next[key].slice(0, previous[key].length)).toEqual(previous[key])
  expect(next['last-column-id']).toBeGreaterThanOrEqual(previous['last-column-id'])
  expect(next['last-partition-id']).toBeGreaterThanOrEqual(previous['last-partition-id'])
  const before = new Map(currentFields(previous).map((field) => [field.id, field]))
  for (const field of currentFields(next)) {
    const old = before.get(field.id)
    // An id that is not the column's own was never given out: a dropped column's files must not surface again.
    if (old === undefined) expect(field.id).toBeGreaterThan(previous['last-column-id'])
    else expect([old.type, field.type]).toSatisfy(isPromotion)
    if (old !== undefined && !old.required) expect(field.required).toBe(false)
  }
}

export function currentFields(table: TableJson): readonly FieldJson[] {
  return table.schemas.find((schema) => schema['schema-id'] === table['current-schema-id'])?.fields ?? []
}

function expectConsistent(table: TableJson): void {
  const ids = table.schemas.flatMap(({ fields }) => fields.map(({ id }) => id))
  expect(Math.max(...ids)).toBeLessThanOrEqual(table['last-column-id'])
  for (const { fields } of table.schemas) {
    expect(new Set(fields.map(({ id }) => id)).size).toBe(fields.length)
    expect(new Set(fields.map(({ name }) => name)).size).toBe(fields.length)
  }
  const unique = (list: readonly number[]) => expect(new Set(list).size).toBe(list.length)
  unique(table.schemas.map((schema) => schema['schema-id']))
  unique(table['partition-specs'].map((spec) => spec['spec-id']))
  unique(table['sort-orders'].map((order) => order['order-id']))
  const partitionFields = table['partition-specs'].flatMap(({ fields }) => fields)
  const columns = currentFields(table)
  for (const field of partitionFields) {
    expect(field['field-id']).toBeGreaterThanOrEqual(1000)
    expect(field['field-id']).toBeLessThanOrEqual(table['last-partition-id'])
    // One id is one transform of one column, in whatever spec.
    const same = partitionFields.filter((other) => other['field-id'] === field['field-id'])
    expect(new Set(same.map((each) => `${each['source-id']} ${each.transform}`)).size).toBe(1)
    const isGone = columns.every(({ id }) => id !== field['source-id'])
    expect(isGone && field.transform !== 'void').toBe(false)
    expect(columns.some(({ id, name }) => name === field.name && id !== field['source-id'])).toBe(false)
  }
}

/** Schemas have types as text where they are not nested. */
function isPromotion([from, to]: readonly (string | object)[]): boolean {
  if (from === to) return true
  const decimal = /^decimal\((\d+), (\d+)\)$/
  const [narrow, wide] = [decimal.exec(String(from)), decimal.exec(String(to))]
  if (narrow !== null && wide !== null) return narrow[2] === wide[2] && Number(narrow[1]) < Number(wide[1])
  return (from === 'int' && to === 'long') || (from === 'float' && to === 'double')
}
