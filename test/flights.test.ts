import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { icebergRead } from 'icebird'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RowCounts } from '../core/runs/items.ts'
import { type LakeTable, openViews, readLake } from '../examples/flights/lake.ts'
import { expectedFailure, surprises } from '../examples/flights/verdict.ts'
import { type ExecutionResult, loadProject, openWorkspace, run } from '../index.ts'
import { type Ask, openAsk, plain, type Row } from './support/duckdb.ts'
import { airportSums, type Expected, expectFlights, flightSums } from './support/flights-expected.ts'
import { copyExample, type ExampleCopy } from './support/flights-project.ts'

const appends = ['birdstrikes_raw', 'flights', 'flights_raw']

let example: ExampleCopy
let ask: Ask
let expected: Expected

beforeAll(async () => {
  example = await copyExample()
  ask = await openAsk()
  expected = await expectFlights(ask, example.landing)
})

afterAll(() => {
  ask?.close()
  example?.remove()
})

async function runOnce(): Promise<ExecutionResult> {
  const { rendered: manifest } = await loadProject(example.directory)
  const workspace = openWorkspace({ projectDirectory: example.directory })
  try {
    return (await run(workspace.ports, { manifest })).result
  } finally {
    await workspace.close()
  }
}

async function lakeTable(name: string): Promise<LakeTable> {
  const table = (await readLake(example.home)).find((one) => one.name === name)
  if (table === undefined) throw new Error(`the catalog has no table ${name}`)
  return table
}

/** All rows as icebird reads them, without the columns that Sluice adds, in the order of the first column. */
async function readRows(name: string): Promise<Row[]> {
  const { location, metadataFile } = await lakeTable(name)
  const rows = (await icebergRead({ tableUrl: location, metadataFileName: metadataFile })).map(plain)
  const key = Object.keys(rows[0] ?? {})[0] as string
  return rows
    .map(({ _sluice_run_id, _sluice_loaded_at, ...row }) => row)
    .sort((a, b) => (String(a[key]) < String(b[key]) ? -1 : 1))
}

async function sumOf(name: string, sums: string): Promise<Row | undefined> {
  const connection = await openViews([await lakeTable(name)])
  const rows = (await connection.runAndReadAll(`SELECT ${sums} FROM ${name}`)).getRowObjectsJS()
  connection.closeSync()
  return plain(rows[0] as Row)
}

/** The rows of the newest quarantine file of a dataflow; reasons as `column rule, …`. */
async function quarantined(dataflow: string): Promise<Row[]> {
  const file = join(example.home, 'evidence', 'quarantine', '*', dataflow, '*.parquet')
  return await ask(`SELECT source_file, source_row, raw, array_to_string(
    list_sort(list_transform(reasons, lambda r: concat_ws(' ', r."column", r.rule))), ', ') AS reasons
    FROM read_parquet('${file}') ORDER BY source_row`)
}

function rowsOf(result: ExecutionResult): Record<string, RowCounts | undefined> {
  return Object.fromEntries(result.dataflows.map((flow) => [flow.dataflow, flow.rows]))
}

function named(result: ExecutionResult, status: string): string[] {
  return result.dataflows
    .filter((flow) => flow.status === status)
    .map((flow) => flow.dataflow)
    .sort()
}

describe('examples/flights, run after run', () => {
  test('the first run loads what plain SQL says is good, and quarantines the rest', async () => {
    const result = await runOnce()
    expect(surprises(result)).toEqual([])
    expect(named(result, 'failed')).toEqual([expectedFailure.dataflow])
    expect(result).toMatchObject({ status: 'failed', total: 13, succeeded: 12, failed: 1, skipped: 0 })
    expect(rowsOf(result)).toEqual(expected.rows)
    await expectTables(expected)
  })

  test('quarantine names each bad row and its reasons, and keeps values only where the contract says so', async () => {
    const flights = await quarantined('flights_raw')
    expect(flights.map(({ source_file, reasons, raw }) => [source_file, reasons, raw])).toEqual(
      Array(3).fill(['flights-3m.parquet', 'delay min', null]),
    )
    const strikes = await quarantined('birdstrikes_raw')
    expect(new Set(strikes.map(({ reasons }) => reasons))).toEqual(
      new Set(['effect_amount_of_damage accepted_values']),
    )
    const movies = await quarantined('movies_raw')
    const reasons = movies.map((row) => row.reasons).sort()
    expect(reasons).toEqual([
      ...Array(2).fill('mpaa_rating accepted_values'),
      'production_budget nullable',
      'title nullable',
      ...Array(7).fill('us_gross nullable, worldwide_gross nullable'),
    ])
    const open = movies.filter((row) => row.reasons === 'mpaa_rating accepted_values')
    expect(open.map(({ raw }) => JSON.parse(String(raw))['MPAA Rating'])).toEqual(['Open', 'Open'])
  })

  test('a number for a title is a title, and decimals are exact', async () => {
    const titles = (await readRows('silver.movies')).map(({ title }) => title)
    expect(titles).toEqual(
      expect.arrayContaining(['9', '21', '54', '300', '1408', '1776', '1941', '2012', '2046']),
    )
    expect(titles).not.toContain('The Wizard of Oz')
    const thigpen = (await readRows('bronze.airports')).find(({ iata }) => iata === '00M')
    expect(thigpen).toMatchObject({ name: 'Thigpen', city: 'Bay Springs', state: 'MS' })
    const exact = "any_value(latitude::VARCHAR) FILTER (iata = '00M') AS latitude"
    expect(await sumOf('bronze.airports', exact)).toEqual({ latitude: '31.95376472' })
  })

  test.each(['second', 'third'])('the %s run appends nothing and overwrites with the same', async () => {
    const before = await readLake(example.home)
    const result = await runOnce()
    expect(surprises(result)).toEqual([])
    expect(named(result, 'skipped')).toEqual(appends)
    expect(named(result, 'failed')).toEqual([expectedFailure.dataflow])
    const counted = Object.entries(rowsOf(result)).filter(([name]) => !appends.includes(name))
    expect(counted).toEqual(counted.map(([name]) => [name, expected.rows[name]]))
    await expectTables(expected)
    for (const table of ['bronze.flights', 'silver.flights', 'bronze.birdstrikes']) {
      expect(await lakeTable(table)).toEqual(before.find(({ name }) => name === table))
    }
  })

  test('later deliveries append exactly what is new: beyond the watermark, or an object not seen before', async () => {
    const late = join(example.landing, 'flights-2001-07.parquet')
    const source = join(example.landing, 'flights-3m.parquet')
    await ask(`COPY (
      (SELECT * FROM '${source}' WHERE delay > -100 LIMIT 100)
      UNION ALL (SELECT date + INTERVAL 7 MONTH, delay, distance, origin, destination
        FROM '${source}' WHERE delay > -100 LIMIT 1000)
      UNION ALL (SELECT TIMESTAMP '2001-08-01 12:00:00', -500, 100, 'ABE', 'ATL')
    ) TO '${late}' (FORMAT parquet)`)
    const lines = readFileSync(join(example.landing, 'birdstrikes.csv'), 'utf8').split('\n')
    const bad = lines[1]?.replace(',None,', ',B,')
    writeFileSync(join(example.landing, 'birdstrikes-late.csv'), [...lines.slice(0, 201), bad, ''].join('\n'))

    const result = await runOnce()
    expect(surprises(result)).toEqual([])
    expect(named(result, 'skipped')).toEqual([])
    const counts = rowsOf(result)
    expect(counts.flights_raw).toEqual({
      read: 3_001_101,
      accepted: 1000,
      quarantined: 1,
      filtered: 3_000_100,
      deduplicated: 0,
    })
    expect(counts.flights).toMatchObject({ accepted: 1000, quarantined: 0 })
    expect(counts.birdstrikes_raw).toEqual({
      read: 201,
      accepted: 200,
      quarantined: 1,
      filtered: 0,
      deduplicated: 0,
    })
    expect((await lakeTable('bronze.flights')).rows).toBe(3_000_997)
    expect((await lakeTable('silver.flights')).rows).toBe(3_000_997)
    expect(await readRows('bronze.birdstrikes')).toHaveLength(9985 + 200)
    const flights = (await readRows('gold.delay_by_origin')).reduce(
      (sum, row) => sum + Number(row.flights),
      0,
    )
    const small = await ask(`SELECT sum(n)::BIGINT AS n FROM (SELECT count(*) AS n FROM
      (FROM '${source}' UNION ALL FROM '${late}' WHERE date > '2001-07-01') WHERE delay >= -120
      GROUP BY origin HAVING count(*) >= 100)`)
    expect(flights).toBe(small[0]?.n)
  })
})

/** Through icebird: counts and snapshots of all tables, every value of the gold ones, sums of the big ones. */
async function expectTables({ rows, tables, sums }: Expected): Promise<void> {
  const counts = Object.fromEntries((await readLake(example.home)).map((table) => [table.name, table.rows]))
  expect(counts).toEqual(tableRows(rows))
  for (const [name, values] of Object.entries(tables)) expect(await readRows(name)).toEqual(values)
  expect(await sumOf('bronze.flights', flightSums)).toEqual(sums['bronze.flights'])
  expect(await sumOf('bronze.airports', airportSums)).toEqual(sums['bronze.airports'])
}

function tableRows(rows: Expected['rows']): Record<string, number> {
  const bronze = {
    flights: 'flights_raw',
    airports: 'airports_raw',
    birdstrikes: 'birdstrikes_raw',
    movies: 'movies_raw',
  }
  const silver = ['flights', 'airports', 'birdstrikes', 'movies']
  const gold = ['delay_by_origin', 'delay_by_state', 'strikes_by_phase', 'gross_by_genre']
  const accepted = (dataflow: string) => rows[dataflow]?.accepted ?? -1
  return Object.fromEntries([
    ...Object.entries(bronze).map(([table, dataflow]) => [`bronze.${table}`, accepted(dataflow)]),
    ...silver.map((name) => [`silver.${name}`, accepted(name)]),
    ...gold.map((name) => [`gold.${name}`, accepted(name)]),
  ])
}
