import { expect, it } from 'vitest'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import { defaultEvolution } from '../core/sinks/evolution-policy.ts'
import { parseType } from '../core/tables/types.ts'
import { proveTypes } from './compatibility.ts'

/** A column of the load against the table's field of the same id, as a gate before might have let it through. */
function prove(
  target: string,
  column: Partial<LineageRecord['columns'][number]>,
  policy = {},
  required = false,
) {
  const record = {
    columns: [{ source: 'v', name: 'v', type: { type: 'bigint' }, input: 'text', field_id: 1, ...column }],
    constants: [],
    schema: { schemaId: 0, fields: [{ id: 1, name: 'v', required, type: parseType(target) }] },
  } as const
  return proveTypes(record, { ...defaultEvolution, ...policy })[0]
}

it.each([
  ['a narrowing that nobody casts', 'int', {}, {}],
  ['a narrowing that is cast without a policy', 'int', { stored: { type: 'integer' } }, {}],
  [
    'text that is cast under the policy for narrowing alone',
    'int',
    { type: { type: 'string' }, stored: { type: 'integer' } },
    { narrowing: 'quarantine' },
  ],
  [
    'what has no value in common',
    'int',
    { type: { type: 'boolean' }, stored: { type: 'integer' } },
    { data_type: 'quarantine', narrowing: 'quarantine' },
  ],
  [
    'a cast to another type than the table’s',
    'int',
    { stored: { type: 'string' } },
    { narrowing: 'quarantine' },
  ],
  ['a field that the table does not have', 'long', { field_id: 2 }, {}],
] as const)('%s is refused', (_name, target, column, policy) => {
  expect(prove(target, column, policy)).toMatchObject({ compatible: false })
})

it('NULL into a required field is refused, and a contract without NULL is not', () => {
  expect(prove('long', {}, {}, true)).toMatchObject({ compatible: false, why: 'the table takes no NULL' })
  const contract = { type: 'bigint', nullable: false } as const
  expect(prove('long', { contract }, {}, true)).toMatchObject({ compatible: true })
})

it.each([
  ['long', {}, {}, 'the same type'],
  ['long', { type: { type: 'integer' } }, {}, 'a widening that readers of format v2 make'],
  [
    'double',
    { type: { type: 'integer' }, stored: { type: 'double' } },
    {},
    'every value is one of the table’s type, too',
  ],
] as const)('into %s %j: %s', (target, column, policy, why) => {
  expect(prove(target, column, policy)).toMatchObject({ compatible: true, why })
})

it('what is lost on the way went to quarantine, and the proof says by which policy', () => {
  expect(prove('int', { stored: { type: 'integer' } }, { narrowing: 'quarantine' })).toMatchObject({
    compatible: true,
    written: 'int',
    why: expect.stringContaining('schema_evolution.narrowing: quarantine'),
  })
})
