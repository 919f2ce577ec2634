import { describe, expect, it } from 'vitest'
import type { Schema } from '../tables/types.ts'
import { draftSchema } from './draft-schema.ts'

const base: Schema = {
  schemaId: 0,
  fields: [
    { id: 1, name: 'id', required: false, type: { kind: 'int' } },
    { id: 2, name: 'amount', required: false, type: { kind: 'decimal', precision: 9, scale: 2 } },
    { id: 5, name: 'note', required: false, type: { kind: 'string' } },
  ],
}
const table = { schema: base, lastColumnId: 7 }
const id = { name: 'id', type: { type: 'integer' } } as const
const amount = { name: 'amount', type: { type: 'decimal', precision: 9, scale: 2 } } as const
const note = { name: 'note', type: { type: 'string' } } as const

describe('draftSchema', () => {
  it('numbers the columns of a new table from 1', () => {
    const { schema, differences } = draftSchema([note, id], undefined, false)
    expect(schema.fields.map(({ id, name }) => [id, name])).toEqual([
      [1, 'note'],
      [2, 'id'],
    ])
    expect(differences).toEqual([])
  })

  it('keeps ids by name, whatever the order of the load', () => {
    const { schema, differences } = draftSchema([note, amount, id], table, false)
    expect(schema.fields).toEqual(base.fields)
    expect(differences).toEqual([])
  })

  it('gives a new column an id that no column ever had', () => {
    const { schema, differences } = draftSchema(
      [id, amount, note, { name: 'extra', type: { type: 'date' } }],
      table,
      false,
    )
    expect(schema.fields.at(-1)).toMatchObject({ id: 8, name: 'extra', required: false })
    expect(differences).toEqual([{ column: 'extra', change: 'add_column', to: 'date' }])
  })

  it('takes a narrower load as it is', () => {
    const narrow = { name: 'amount', type: { type: 'decimal', precision: 5, scale: 2 } } as const
    expect(draftSchema([id, narrow, note], table, false)).toMatchObject({ schema: base, differences: [] })
  })

  it('drafts a widening', () => {
    const { schema, differences } = draftSchema(
      [{ name: 'id', type: { type: 'bigint' } }, amount, note],
      table,
      false,
    )
    expect(schema.fields[0]).toMatchObject({ id: 1, type: { kind: 'long' } })
    expect(differences).toEqual([{ column: 'id', change: 'widen_type', from: 'int', to: 'long' }])
  })

  it('leaves a type that cannot change as the table has it', () => {
    const { schema, differences } = draftSchema(
      [{ name: 'id', type: { type: 'string' } }, amount, note],
      table,
      false,
    )
    expect(schema.fields[0]?.type).toEqual({ kind: 'int' })
    expect(differences).toEqual([{ column: 'id', change: 'change_type', from: 'int', to: 'string' }])
  })

  it('drops a column only where all rows are replaced', () => {
    expect(draftSchema([id, amount], table, true)).toMatchObject({
      schema: { fields: base.fields.slice(0, 2) },
      differences: [{ column: 'note', change: 'drop_column', from: 'string' }],
    })
    expect(draftSchema([id, amount], table, false)).toMatchObject({
      schema: base,
      differences: [{ column: 'note', change: 'missing_column', from: 'string' }],
    })
  })
})
