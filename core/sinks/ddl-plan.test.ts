import { describe, expect, it } from 'vitest'
import type { PhysicalState } from '../runs/physical-ddl-record.ts'
import type { PartitionField } from '../tables/partition.ts'
import type { Schema } from '../tables/types.ts'
import { isWithin, judgeDdl } from './ddl-apply.ts'
import { planDdl } from './ddl-plan.ts'

const base: Schema = {
  schemaId: 0,
  fields: [
    { id: 1, name: 'id', required: false, type: { kind: 'long' } },
    { id: 2, name: 'origin', required: false, type: { kind: 'string' } },
  ],
}
const layout: PhysicalState = { partition: [], sort: [], properties: {} }
const byBucket = { 'source-id': 2, 'field-id': 1000, name: 'origin_bucket_4', transform: 'bucket[4]' }
const plan = (schema: Schema, replaces = false, specs: readonly PartitionField[] = [], after = layout) =>
  planDdl('t.a', { base, schema, physical: { before: after, after, specs } }, [], replaces)
const circumstances = { apply: 'online', apply_safe: true, approved: true, now: new Date(0) } as const

describe('blockers are found in the schemas themselves, whatever the gates before have let through', () => {
  const [id, origin] = base.fields as [Schema['fields'][number], Schema['fields'][number]]
  it.each([
    [
      'rewrite_of_stored_values',
      { ...base, fields: [{ ...id, type: { kind: 'int' } } as const, origin] },
      false,
      [],
    ],
    ['tighten_with_rows', { ...base, fields: [id, { ...origin, required: true }] }, false, []],
    [
      'required_without_default',
      {
        ...base,
        fields: [id, origin, { id: 3, name: 'more', required: true, type: { kind: 'int' } } as const],
      },
      false,
      [],
    ],
    ['drop_with_rows', { ...base, fields: [id] }, false, []],
    ['drop_of_partition_column', { ...base, fields: [id] }, true, [byBucket]],
    [
      'name_of_partition_field',
      { ...base, fields: [id, origin, { ...origin, id: 3, name: 'origin_bucket_4' }] },
      false,
      [byBucket],
    ],
    [
      'name_of_partition_field',
      { ...base, fields: [{ ...id, name: 'origin_bucket_4' }, origin] },
      true,
      [byBucket],
    ],
  ] as const)('%s', (blocker, schema, replaces, specs) => {
    const made = plan(schema, replaces, specs)
    expect(made.operations).toMatchObject([{ risk: 'blocking', blocker }])
    // An approval does not make the impossible possible.
    expect(judgeDdl(made, { ...circumstances, apply: 'manual_approval' })).toMatchObject({
      apply: false,
      code: 'DDL_BLOCKED',
    })
  })

  it('drop_of_sort_column', () => {
    const after = {
      ...layout,
      sort: [
        { 'source-id': 2, transform: 'identity', direction: 'asc', 'null-order': 'nulls-first' } as const,
      ],
    }
    expect(plan({ ...base, fields: [id] }, true, [], after).operations).toMatchObject([
      { blocker: 'drop_of_sort_column' },
    ])
  })

  it('a column may have the name of its own partition field', () => {
    expect(
      plan({ ...base, fields: [id, { ...origin, name: 'origin_bucket_4' }] }, false, [byBucket]),
    ).toMatchObject({
      operations: [],
    })
  })

  it('the same with all rows replaced, and nothing to change, are free', () => {
    expect(plan({ ...base, fields: [id, { ...origin, required: true }] }, true).operations).toEqual([])
    expect(plan({ ...base, fields: [id] }, true).operations).toEqual([])
    expect(plan(base)).toMatchObject({ action: 'none', operations: [] })
    expect(judgeDdl(plan(base), { ...circumstances, apply: 'plan_only' })).toMatchObject({ apply: true })
  })
})

describe('the digest', () => {
  const digest = (table: string, replaces: boolean, name: string) =>
    planDdl(
      table,
      {
        base,
        schema: base,
        physical: { before: layout, after: { ...layout, properties: { owner: name } }, specs: [] },
      },
      [],
      replaces,
    ).digest
  it('is of this change of this table', () => {
    expect(digest('t.a', false, 'x')).toBe(digest('t.a', false, 'x'))
    expect(
      new Set([digest('t.a', false, 'x'), digest('t.b', false, 'x'), digest('t.a', false, 'y')]).size,
    ).toBe(3)
  })
})

describe('a window', () => {
  const window = { days: ['fri'], from: '22:00', to: '04:00', time_zone: 'Europe/Berlin' } as const
  it.each([
    // Berlin is one hour before UTC in winter, two in summer.
    ['2030-03-01T20:59:59Z', false],
    ['2030-03-01T21:00:00Z', true],
    ['2030-03-02T02:59:59Z', true],
    ['2030-03-02T03:00:00Z', false],
    ['2030-03-02T21:00:00Z', false],
    ['2030-03-01T02:00:00Z', false],
    ['2030-07-05T20:00:00Z', true],
    ['2030-07-05T19:59:59Z', false],
  ])('over midnight belongs to the day on which it opens: %s', (now, within) => {
    expect(isWithin(window, new Date(now))).toBe(within)
  })
  it.each([
    ['2030-03-01T09:00:00Z', true],
    ['2030-03-01T10:00:00Z', false],
    ['2030-03-01T00:00:00Z', false],
  ])('within a day: %s', (now, within) => {
    expect(isWithin({ days: ['fri'], from: '09:00', to: '10:00', time_zone: 'UTC' }, new Date(now))).toBe(
      within,
    )
  })
})
