import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { sqlType } from '../core/contract/lake-types.ts'
import { contractType } from '../core/contract/nested-contract.ts'
import type { ColumnContract } from '../core/contract/types.ts'

interface Column {
  readonly contract: ColumnContract
  /** SQL of the value over the row number `i`. */
  readonly good: string
  /** One row in a thousand: the row number's remainder, and the text that breaks the contract there. */
  readonly bad?: readonly (readonly [number, string])[]
}

/** A number from 0 below `below`, scattered by row and column but the same in each run. */
const scattered = (column: number, below: number) => `((hash(i * 31 + ${column}) >> 8) % ${below})`

const oneOf = (column: number, values: readonly string[]) =>
  `[${values.map((value) => `'${value}'`).join(', ')}][CAST(${scattered(column, values.length)} AS INTEGER) + 1]`

const day = (column: number) => `DATE '1992-01-01' + CAST(${scattered(column, 2526)} AS INTEGER)`

const cents = (column: number, below: number, type: string) =>
  `CAST(${scattered(column, below)} AS DECIMAL(18,0)) / 100)::${type}`.replace(/^/, '(')

const modes = ['AIR', 'FOB', 'MAIL', 'RAIL', 'REG AIR', 'SHIP', 'TRUCK']

/**
 * Order lines: 13 typed columns with twelve rules besides their types, and four of text with two; 0.8 % of the rows
 * break the contract, in eight ways.
 */
const append: Readonly<Record<string, Column>> = {
  order_id: { contract: { type: 'bigint', nullable: false }, good: 'i * 7 + 1' },
  part_id: {
    contract: { type: 'integer' },
    good: scattered(1, 200_000),
    bad: [
      [13, '12.7'],
      [14, '1e3'],
    ],
  },
  supplier_id: { contract: { type: 'integer' }, good: scattered(2, 10_000) },
  line_number: { contract: { type: 'tinyint', min: 1, max: 7 }, good: 'i % 7 + 1' },
  quantity: {
    contract: { type: 'smallint', min: 1, max: 50 },
    good: `${scattered(3, 50)} + 1`,
    bad: [[713, '51']],
  },
  extended_price: {
    contract: { type: 'decimal', precision: 18, scale: 2, min: 0 },
    good: cents(4, 10_000_000, 'DECIMAL(18,2)'),
    bad: [[113, '12.345']],
  },
  discount: {
    contract: { type: 'decimal', precision: 4, scale: 2, min: 0, max: 1 },
    good: cents(5, 11, 'DECIMAL(4,2)'),
  },
  tax: {
    contract: { type: 'decimal', precision: 4, scale: 2, min: 0, max: 1 },
    good: cents(6, 9, 'DECIMAL(4,2)'),
  },
  weight: {
    contract: { type: 'double', min: 0 },
    good: `CAST(${scattered(7, 1_000_000)} AS DOUBLE) / 1000`,
    bad: [[213, 'nan']],
  },
  ship_date: {
    contract: { type: 'date', min: '1992-01-01' },
    good: day(8),
    bad: [[313, '2024-01-05 garbage']],
  },
  commit_date: { contract: { type: 'date' }, good: day(9) },
  receipt_date: { contract: { type: 'date' }, good: day(10) },
  updated_at: {
    contract: { type: 'timestamp' },
    good: `TIMESTAMP '2024-01-01' + INTERVAL (i % 31536000) SECOND`,
    bad: [[413, '2024-01-05T10:00:00+05:30']],
  },
  return_flag: { contract: { type: 'string' }, good: oneOf(11, ['A', 'N', 'R']) },
  ship_mode: { contract: { type: 'string', accepted_values: modes }, good: oneOf(12, modes) },
  sku: {
    contract: { type: 'string', pattern: 'SKU-[0-9]{5}' },
    good: `'SKU-' || lpad(CAST(${scattered(13, 100_000)} AS VARCHAR), 5, '0')`,
    bad: [[613, 'bad']],
  },
  comment: {
    contract: { type: 'string' },
    good: `${oneOf(14, ['carefully', 'quickly', 'furiously', 'slyly'])} || ' ' || ${oneOf(15, ['final', 'regular', 'express'])} || ' deposits ' || ${scattered(16, 100_000)}`,
  },
}

/** A small table: six typed columns, no bad row. */
const small: Readonly<Record<string, Column>> = {
  id: { contract: { type: 'bigint', nullable: false, min: 0 }, good: 'i' },
  amount: {
    contract: { type: 'decimal', precision: 12, scale: 2, min: 0 },
    good: cents(1, 1_000_000, 'DECIMAL(12,2)'),
  },
  ratio: { contract: { type: 'double' }, good: `CAST(${scattered(2, 1_000)} AS DOUBLE) / 1000` },
  day: { contract: { type: 'date' }, good: day(3) },
  updated_at: { contract: { type: 'timestamp' }, good: `TIMESTAMP '2024-01-01' + INTERVAL (i) SECOND` },
  kind: {
    contract: { type: 'string', pattern: '[A-Z]+' },
    good: oneOf(
      4,
      modes.filter((mode) => !mode.includes(' ')),
    ),
  },
}

const contractOf = (columns: Readonly<Record<string, Column>>): Record<string, ColumnContract> =>
  Object.fromEntries(Object.entries(columns).map(([name, { contract }]) => [name, contract]))

/** A struct literal for `read_csv(columns = …)`: the types in which DuckDB alone would read the file. */
const typesOf = (columns: Readonly<Record<string, Column>>): string =>
  `{${Object.entries(columns)
    .map(([name, { contract }]) => `${name}: '${sqlType(contractType(contract))}'`)
    .join(', ')}}`

/** The contract of the append row, as the manifest writes it. */
export const appendContract = contractOf(append)
export const appendColumns = typesOf(append)

/** Writes `rows` order lines, the same bytes on every machine. */
export async function writeAppendCsv(path: string, rows: number): Promise<void> {
  await writeCsv([{ path, rows, columns: append }])
}

/** A hundred files of 1,000 rows in `directory`, and a project that loads each into a table of its own. */
export async function writeHundredCsvs(directory: string): Promise<{ yaml: string; columns: string }> {
  await mkdir(directory, { recursive: true })
  const names = Array.from({ length: 100 }, (_, n) => `part_${String(n).padStart(2, '0')}`)
  await writeCsv(names.map((name) => ({ path: join(directory, `${name}.csv`), rows: 1000, columns: small })))
  const contract = JSON.stringify({ enforcement: 'quarantine', columns: contractOf(small) })
  const dataflows = names.map(
    (name) => `  - name: ${name}
    source: { connection: landing, path: ${name}.csv, format: csv }
    sink: { connection: warehouse, table: bronze.${name}, load_type: append }`,
  )
  const yaml = `version: 1
project: hundred
defaults:
  contract: ${contract}
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
dataflows:
${dataflows.join('\n')}
`
  return { yaml, columns: typesOf(small) }
}

async function writeCsv(
  files: readonly { path: string; rows: number; columns: Readonly<Record<string, Column>> }[],
): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  for (const { path, rows, columns } of files) {
    const values = Object.entries(columns).map(([name, column]) => `${text(column)} AS ${name}`)
    await connection.run(
      `COPY (SELECT ${values.join(', ')} FROM range(${rows}) t(i)) TO '${path.replaceAll("'", "''")}' (FORMAT csv, HEADER)`,
    )
  }
  connection.closeSync()
  instance.closeSync()
}

function text({ good, bad = [] }: Column): string {
  const breaks = bad.map(([remainder, value]) => `WHEN i % 1000 = ${remainder} THEN '${value}'`)
  const value = `CAST(${good} AS VARCHAR)`
  return breaks.length === 0 ? value : `CASE ${breaks.join(' ')} ELSE ${value} END`
}
