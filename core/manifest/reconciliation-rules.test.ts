import { expect, test } from 'vitest'
import { problemsOf } from './test-project.suite.ts'

async function problems(
  spec: string,
  { format = 'csv', load_type = 'append', watermark = '' }: Partial<Record<string, string>> = {},
  reads = `source: { connection: landing, path: a, format: ${format}${watermark} }`,
): Promise<string[]> {
  const text = `version: 1
project: shop
connections:
  landing: { type: files, path: ./landing }
  lake: { type: lake }
dataflows:
  - name: f
    ${reads}
    sink: { connection: lake, table: t.f, load_type: ${load_type} }
    contract:
      columns: { day: { type: date } }
      checks:
        - name: whole
          row_count_reconciliation: ${spec}
  - { name: o, transform: { sql: SELECT 1 AS k }, sink: { connection: lake, table: t.o, load_type: overwrite } }
`
  return (await problemsOf({ 'sluice.yaml': text })).map((line) => line.replace('sluice.yaml:', ''))
}

const marked = { watermark: ', watermark_columns: [day]' }

test.each([
  ['{ against: { sidecar: .count } }', {}],
  ['{ against: { sidecar: .count } }', marked],
  ['{ against: { control_file: f/control.json } }', marked],
  ['{ against: { control_file: f/control.json }, rows: accepted }', { load_type: 'overwrite' }],
  ['{ against: { parquet_footers: true }, tolerance: { mode: pct, value: 0.5 } }', { format: 'parquet' }],
  ['{ against: { table: t.o } }', { load_type: 'overwrite' }],
])('%s is fine', async (spec, options) => {
  expect(await problems(spec, options)).toEqual([])
})

test.each([
  [
    '{ against: {} }',
    {},
    '14:39: `against` names no count. Add one of sidecar, control_file, parquet_footers, table.',
  ],
  [
    '{ against: { sidecar: .c, table: t.o } }',
    {},
    '14:70: `against` has `sidecar` and `table`. Compare with one count: make it two checks.',
  ],
  [
    '{ against: { object_metadata: rows } }',
    {},
    '14:50: `object_metadata` is not available in this version. Objects’ metadata is not read; use against.sidecar or against.control_file.',
  ],
  [
    '{ against: { sidecar: /x } }',
    {},
    '14:59: `sidecar` cannot be `/x`. The end of a name has letters, digits and . _ -.',
  ],
  [
    '{ against: { control_file: "*.json" } }',
    marked,
    '14:64: `control_file` cannot be `*.json`. It is the path of one object, without wildcards.',
  ],
  [
    '{ against: { sidecar: .c }, tolerance: { mode: absolute, value: 0.5 } }',
    {},
    '14:101: 0.5 is no number of rows. Give a whole number, or use mode: pct.',
  ],
  [
    '{ against: { table: t.o } }',
    {},
    '14:57: an append loads what is new, and `against.table` counts all rows of the table. Use load_type: overwrite, or compare with what was delivered.',
  ],
  [
    '{ against: { table: t.oo } }',
    { load_type: 'overwrite' },
    '14:57: `table: t.oo` is a reference to nothing: no dataflow writes this table. Did you mean `t.o`?',
  ],
  [
    '{ against: { parquet_footers: true } }',
    {},
    '14:67: a csv file says nowhere how many rows it has. Use against.sidecar or against.control_file.',
  ],
  [
    '{ against: { control_file: c.json } }',
    {},
    '14:64: an append reads the new objects alone, and `control_file` counts the rows of all of them. Use against.sidecar, a count for each object.',
  ],
  [
    '{ against: { sidecar: .c }, rows: accepted }',
    marked,
    '14:71: `rows: accepted` leaves out the rows before the watermark, which the objects have. Use rows: read.',
  ],
])('%s (%j) is refused', async (spec, options, expected) => {
  expect(await problems(spec, options)).toEqual([expected])
})

test('files that a transform does not read', async () => {
  const reads = 'transform: { sql: SELECT 1 AS k }'
  expect(await problems('{ against: { sidecar: .c } }', { load_type: 'overwrite' }, reads)).toContain(
    '14:59: `against.sidecar` counts rows of files, and a transform reads tables. Use against.table.',
  )
})
