import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ExecutionResult } from '../core/runs/result.ts'
import { openAsk } from './support/duckdb.ts'

const main = fileURLToPath(new URL('../cli/main.ts', import.meta.url))

/** One row, 1e50, as pyarrow writes decimal256(60, 0); DuckDB can write none of that width. */
const decimalOf60Digits =
  'UEFSMRUAFUAVQCwVAhUAFQYVBhwAAAACAAAAAgEAAAAAAERsOxX5kmaH0sQFNP21ZAAAAAAAABUEGSw1ABgGc2NoZW1hFQIAFQ4VNBUC' +
  'GAZhbW91bnQlChUAFXgsXBUAFXgAAAAWAhkcGRwmABwVDhklBgAZGAZhbW91bnQVABYCFmYWZiYISRwVABUAFQIAPCkGGSYAAgAAABZm' +
  'FgImCBZmACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZHBwAAACUAAAAUEFSMQ=='

let project: string
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'sluice-bad-'))
  mkdirSync(join(project, 'landing'))
})
afterEach(() => rmSync(project, { recursive: true, force: true }))

function sluice(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args, '--project', project], {
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  return { status, stdout, stderr }
}

function manifest(flow: string): void {
  writeFileSync(
    join(project, 'sluice.yaml'),
    `version: 1
project: bad
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
dataflows:
${flow}`,
  )
}

/** One dataflow over `landing/<path>`; a contract that every well-formed row of `id,day` keeps. */
function source(path: string, format: string, enforcement = 'strict'): void {
  manifest(`  - name: flow
    source: { connection: landing, path: "${path}", format: ${format} }
    contract: { enforcement: ${enforcement}, columns: { id: { type: bigint, nullable: false }, day: { type: date } } }
    sink: { connection: warehouse, table: bronze.flow, load_type: append }
`)
}

function deliver(name: string, bytes: string | Uint8Array): string {
  const path = join(project, 'landing', name)
  writeFileSync(path, bytes)
  return path
}

interface Ran {
  readonly status: number | null
  readonly flow: ExecutionResult['dataflows'][number]
  readonly stderr: string
}

function run(): Ran {
  const { status, stdout, stderr } = sluice('run', '--format', 'json')
  const result = JSON.parse(stdout) as ExecutionResult
  return { status, flow: result.dataflows[0] as Ran['flow'], stderr }
}

async function writeParquet(select: string, path: string): Promise<void> {
  const ask = await openAsk()
  await ask(`COPY (${select}) TO '${path}' (FORMAT parquet)`)
  ask.close()
}

/** Data files and metadata of the table, if anything is there at all. */
function tableFiles(): string[] {
  const root = join(project, '.sluice/lake/bronze/flow')
  return existsSync(root)
    ? readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((f) => /\.\w+$/.test(f))
    : []
}

/** A dataflow that failed: exit code 1, this code, evidence that says so, and nothing in the table. */
function expectFailed(code: string, gate: string): Ran {
  const ran = run()
  expect(ran.flow).toMatchObject({ status: 'failed', gate, error: { code } })
  expect(ran.status).toBe(1)
  expect(tableFiles()).toEqual([])
  const key = ran.flow.evidence?.key as string
  const evidence = JSON.parse(readFileSync(join(project, '.sluice/evidence', key), 'utf8'))
  expect(evidence).toMatchObject({ outcome: 'failed', error: { gate, code } })
  expect(sluice('evidence', evidence.run_id, '--verify').status).toBe(0)
  return ran
}

describe('a manifest that is wrong: exit code 2, its place, and nothing begun', () => {
  const refused = () => {
    const ran = sluice('run')
    expect(ran.status).toBe(2)
    expect(ran.stdout).toBe('')
    expect(existsSync(join(project, '.sluice'))).toBe(false)
    expect(ran.stderr).not.toMatch(/\bat .*\.ts:\d+/)
    return ran.stderr
  }

  it('no YAML', () => {
    writeFileSync(join(project, 'sluice.yaml'), 'version: 1\nproject: bad\ndataflows: [broken\n')
    expect(refused()).toMatch(/sluice\.yaml:4:1: this is not valid YAML/)
  })

  it('an unknown key, with what was meant', () => {
    manifest(`  - name: flow
    sorce: { connection: landing, path: a.csv, format: csv }
    sink: { connection: warehouse, table: bronze.flow, load_type: append }
`)
    expect(refused()).toContain('sluice.yaml:8:5: unknown key `sorce`. Did you mean `source`?')
  })

  it('a cycle, named in full', () => {
    const flow = (name: string, from: string) => `  - name: ${name}
    transform: { sql: "SELECT * FROM {{ ref('gold.${from}') }}" }
    sink: { connection: warehouse, table: gold.${name}, load_type: overwrite }
`
    manifest(flow('a', 'b') + flow('b', 'c') + flow('c', 'a'))
    expect(refused()).toMatch(/a -> c -> b -> a|a -> b -> c -> a/)
  })

  it('a reference to nothing', () => {
    manifest(`  - name: flow
    transform: { sql: "SELECT * FROM {{ ref('bronze.nothing') }}" }
    sink: { connection: warehouse, table: gold.flow, load_type: overwrite }
`)
    expect(refused()).toMatch(/sluice\.yaml:8:\d+: .*bronze\.nothing/)
  })

  it('a word of a later version, by name', () => {
    source('a.avro', 'avro')
    expect(refused()).toMatch(/format: avro is not available in this version/)
  })
})

describe('a source that is wrong: a failed verdict with evidence, and nothing in the table', () => {
  it('a missing file', () => {
    source('nothing.csv', 'csv')
    expect(expectFailed('SOURCE_MISSING', 'extract').flow.error?.message).toContain('allow_missing')
  })

  it('a truncated Parquet file', async () => {
    source('a.parquet', 'parquet')
    const path = join(project, 'landing', 'a.parquet')
    await writeParquet("SELECT range AS id, DATE '2024-01-01' AS day FROM range(100000)", path)
    truncateSync(path, readFileSync(path).byteLength - 1000)
    expect(expectFailed('SOURCE_UNREADABLE', 'lineage').flow.error?.message).toContain('a.parquet')
  })

  it('a Parquet file with a damaged page header behind a whole footer', async () => {
    source('a.parquet', 'parquet')
    const path = join(project, 'landing', 'a.parquet')
    await writeParquet(
      "SELECT (hash(range) >> 2)::BIGINT AS id, DATE '2024-01-01' AS day FROM range(100000)",
      path,
    )
    const bytes = readFileSync(path)
    bytes.fill(0xff, 4, 60)
    writeFileSync(path, bytes)
    expectFailed('SOURCE_UNREADABLE', 'contract')
  })

  it('a truncated gzip file', () => {
    source('a.csv.gz', 'csv')
    const whole = gzipSync(
      `id,day\n${Array.from({ length: 50_000 }, (_, i) => `${i},2024-01-01`).join('\n')}\n`,
    )
    deliver('a.csv.gz', whole.subarray(0, whole.byteLength / 2))
    expectFailed('SOURCE_UNREADABLE', 'contract')
  })

  it('an empty CSV file has none of the columns', () => {
    source('a.csv', 'csv')
    deliver('a.csv', '')
    expectFailed('CONTRACT_COLUMN_MISSING', 'lineage')
  })

  it('an empty JSON file', () => {
    source('a.json', 'ndjson')
    deliver('a.json', '')
    expectFailed('SOURCE_EMPTY', 'lineage')
  })

  it('no JSON', () => {
    source('a.json', 'ndjson')
    deliver('a.json', '{"id": 1, "day": "2024-01-01"}\n{"id": \n')
    expectFailed('SOURCE_UNREADABLE', 'lineage')
  })

  it('an object a line where an array was announced, with the format that it has', () => {
    source('a.json', 'json')
    deliver('a.json', '{"id": 1, "day": "2024-01-01"}\n')
    const { flow } = expectFailed('SOURCE_UNREADABLE', 'lineage')
    expect(flow.error?.message).toMatch(/^a\.json cannot be read: .*use format: ndjson\.$/)
    expect(flow.error?.message).not.toContain('.sluice')
  })

  it('a Parquet decimal of 60 digits, which would come out as another number', () => {
    source('a.parquet', 'parquet')
    deliver('a.parquet', Buffer.from(decimalOf60Digits, 'base64'))
    const { flow } = expectFailed('COLUMN_TYPE_UNSUPPORTED', 'lineage')
    expect(flow.error?.message).toContain('Column amount has type DECIMAL(60,0)')
  })

  it('a line of 2 GB, without the memory for it', () => {
    source('a.csv', 'csv')
    const path = deliver('a.csv', 'id,day\n1,2024-01-01\n2,')
    truncateSync(path, 2 * 1024 ** 3)
    expectFailed('CSV_LINE_TOO_LONG', 'contract')
  })

  it('ragged lines under a strict contract', () => {
    source('a.csv', 'csv')
    deliver('a.csv', 'id,day\n1,2024-01-01\n2\n3,2024-01-03,extra\n')
    const { flow } = expectFailed('CONTRACT_REJECTED', 'contract')
    expect(flow.rows).toEqual({ read: 3, accepted: 1, quarantined: 2, filtered: 0, deduplicated: 0 })
  })

  it('two columns with one name', () => {
    source('a.csv', 'csv')
    deliver('a.csv', 'id,day,Day\n1,2024-01-01,x\n')
    expectFailed('CSV_HEADER_INVALID', 'lineage')
  })
})

describe('a later delivery of another shape leaves the table as it is, and says what would let it in', () => {
  const evolve = (mode: string) =>
    manifest(`  - name: flow
    source: { connection: landing, path: "*.csv", format: csv }
    schema_evolution: { mode: ${mode} }
    sink: { connection: warehouse, table: bronze.flow, load_type: append }
`)

  it.each([
    [
      'a new column',
      'id,day,more\n2,x,y\n',
      'Correct the source, or set schema_evolution.mode: additive, or write',
    ],
    ['a column less', 'id\n2\n', 'Correct the source, or write to a new table.'],
  ])('%s', (_name, body, next) => {
    evolve('strict')
    deliver('a.csv', 'id,day\n1,x\n')
    expect(run().status).toBe(0)
    const before = tableFiles()
    deliver('b.csv', body)
    const { flow } = run()
    expect(flow).toMatchObject({ status: 'failed', gate: 'evolution', error: { code: 'EVOLUTION_REFUSED' } })
    expect(flow.error?.message).toContain(next)
    expect(tableFiles()).toEqual(before)
  })
})

describe('rows that are wrong go to quarantine, the others into the table', () => {
  const rows = (counts: { accepted: number; quarantined: number }) => {
    const { status, flow } = run()
    expect(flow).toMatchObject({ status: 'succeeded', rows: { ...counts, filtered: 0, deduplicated: 0 } })
    expect(status).toBe(0)
    expect(tableFiles().some((file) => file.endsWith('.parquet'))).toBe(counts.accepted > 0)
    return flow
  }

  it('ragged lines, with their line numbers', () => {
    source('a.csv', 'csv', 'quarantine')
    deliver('a.csv', 'id,day\n1,2024-01-01\n2\n3,2024-01-03,extra\n4,2024-01-04\n')
    rows({ accepted: 2, quarantined: 2 })
    const [run] = JSON.parse(sluice('status', '--format', 'json').stdout).runs
    const { rows: rejected } = JSON.parse(sluice('quarantine', run.run_id, 'flow', '--format', 'json').stdout)
    expect(rejected).toMatchObject([
      { source_file: 'a.csv', source_line: 3, reasons: [{ rule: 'structure' }] },
      { source_file: 'a.csv', source_line: 4, reasons: [{ rule: 'structure' }] },
    ])
  })

  it('values that only look like their types', () => {
    source('a.csv', 'csv', 'quarantine')
    const bad = [
      '1e3,2024-01-05',
      '0x1F,2024-01-05',
      '1,2024-01-05 garbage',
      '1,2024-02-30',
      ' 1,2024-01-05',
      ',2024-01-05',
    ]
    deliver('a.csv', `id,day\n${bad.join('\n')}\n7,2024-01-07\n`)
    rows({ accepted: 1, quarantined: bad.length })
  })

  it('a byte order mark and CRLF are no part of the data', () => {
    source('a.csv', 'csv', 'strict')
    deliver('a.csv', '\ufeffid,day\r\n1,2024-01-01\r\n2,2024-01-02\r\n')
    rows({ accepted: 2, quarantined: 0 })
  })
})
