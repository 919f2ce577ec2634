import { expect, test } from 'vitest'
import { decodeBounds } from '../../core/tables/scan.ts'
import { deliverCsv, projectWith, runAndJudge, tableNow } from '../support/contract-project.ts'

/** Types on their way: text, the gate, Parquet, Iceberg, a foreign reader, ref(), and a second table. */
const flows = `
  - name: typed
    source: { connection: landing, path: "*.csv", format: csv }
    contract:
      columns: { id: { type: integer }, t: { type: time }, u: { type: uuid }, b: { type: binary }, j: { type: json } }
    sink: { table: bronze.typed, load_type: append }
  - name: copied
    transform: { sql: "SELECT id, t, u, b, j, t + INTERVAL 1 HOUR AS later FROM {{ ref('bronze.typed') }}" }
    contract: { columns: { t: { type: time, max: "23:00" }, u: { type: uuid, unique: true } } }
    sink: { table: silver.copied, load_type: overwrite }
`

test('time, uuid, binary and json are what was written, to icebird and to ref()', async () => {
  const project = projectWith(flows)
  deliverCsv(project, 'a', 'id,t,u,b,j', [
    '1,10:00,A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11,6162,"{""a"": [1]}"',
    '2,22:59:59.5,ffffffff-ffff-ffff-ffff-ffffffffffff,"",null',
    '3,,,,',
  ])
  expect((await runAndJudge(project, 'r1', 'typed')).message).toBe('')
  const typed = (await tableNow(project, 'bronze.typed'))!
  expect(typed.schema.fields.map((field) => field.type.kind).slice(0, 5)).toEqual([
    'int',
    'time',
    'uuid',
    'binary',
    'string',
  ])
  // icebird gives a uuid as its bytes and binary as text.
  const rows = [
    {
      id: 1,
      t: 36_000_000_000n,
      u: Buffer.from('a0eebc999c0b4ef8bb6d6bb9bd380a11', 'hex'),
      b: 'ab',
      j: '{"a": [1]}',
    },
    { id: 2, t: 82_799_500_000n, u: Buffer.alloc(16, 255), b: '', j: 'null' },
    { id: 3, t: null, u: null, b: null, j: null },
  ]
  const plain = (list: readonly Readonly<Record<string, unknown>>[]) =>
    list.map((row) => ({ ...row, u: row.u && Buffer.from(row.u as Uint8Array) }))
  expect(plain(typed.rows)).toEqual(rows)
  const bounds = decodeBounds(typed.files[0]!, typed.schema)
  expect([2, 3, 4].map((id) => bounds.get(id))).toEqual([
    { lower: rows[0]!.t, upper: rows[1]!.t },
    // Readers order UUIDs differently.
    undefined,
    { lower: Buffer.alloc(0), upper: Buffer.from('ab') },
  ])
  const copied = (await tableNow(project, 'silver.copied'))!
  expect(plain(copied.rows.map(({ later: _, ...row }) => row))).toEqual(rows)
  expect(copied.schema.fields.slice(0, 6).map((field) => field.type.kind)).toEqual([
    'int',
    'time',
    'uuid',
    'binary',
    'string',
    'time',
  ])
})
