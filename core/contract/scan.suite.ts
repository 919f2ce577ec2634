import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll } from 'vitest'
import { type Engine, openEnginePool } from '../engine/engine.ts'
import { quoteLiterals } from '../engine/sql.ts'
import { contractType } from './nested-contract.ts'
import {
  type CsvDialect,
  type ScanColumn,
  type ScanInput,
  type ScanRequest,
  type ScanResult,
  scanContract,
} from './scan.ts'
import type { ColumnContract } from './types.ts'

export const dialect: CsvDialect = {
  delimiter: ',',
  quote: '"',
  escape: '"',
  header: true,
  null_values: [''],
}

/** An engine for one test file. */
export function openTestPool(threads = 2) {
  const directory = mkdtempSync(join(tmpdir(), 'scan-'))
  const pool = openEnginePool({ directory, size: 1, threads })
  afterAll(async () => {
    await pool.close()
    rmSync(directory, { recursive: true })
  })
  return pool
}

export type Pool = ReturnType<typeof openTestPool>

/** Columns in the order of `contracts`; `input` defaults to text. */
export function columnsOf(
  contracts: Readonly<Record<string, ColumnContract & { readonly input?: string }>>,
): ScanColumn[] {
  return Object.entries(contracts).map(([name, { input, ...contract }], i) => ({
    source: name,
    name,
    type: contractType(contract),
    input: input ?? 'text',
    field_id: i + 1,
    contract,
  }))
}

export interface Scanned {
  readonly result: ScanResult
  readonly accepted: Record<string, unknown>[]
  readonly rejected: RejectedRow[]
}

export interface RejectedRow extends Record<string, unknown> {
  readonly row_id: string
  readonly source_file: string
  readonly source_version: string | null
  readonly source_row: bigint | null
  readonly source_line: bigint | null
  readonly reasons: readonly {
    readonly column: string | null
    readonly rule: string
    readonly name: string | null
    readonly message: string
  }[]
  readonly raw: string | null
}

/** The rules that a rejected row broke: `a min`. */
export const reasonsOf = (row: RejectedRow) =>
  row.reasons.map(({ column, rule }) => `${column ?? '-'} ${rule}`)

/** Scans and reads both outputs back. */
export async function scanAll(
  engine: Engine,
  request: Omit<ScanRequest, 'output' | 'constants'> & Partial<Pick<ScanRequest, 'constants'>>,
): Promise<Scanned> {
  const result = await scanContract(engine, {
    constants: [],
    ...request,
  })
  const names = [...request.columns, ...(request.constants ?? [])].map(
    (c) => `"${c.name.replaceAll('"', '""')}"`,
  )
  const files = result.accepted.map((file) => file.file)
  const accepted =
    files.length === 0
      ? []
      : await engine.rows(
          `SELECT ${names.join(', ')} FROM read_parquet(${quoteLiterals(files)}) ORDER BY ALL`,
        )
  const rejected =
    result.rejected === undefined
      ? []
      : await engine.rows<RejectedRow>(
          `SELECT * FROM read_parquet(${quoteLiterals([result.rejected.file])}) ORDER BY source_file, source_line, source_row, raw`,
        )
  return { result, accepted, rejected }
}

/** Writes a CSV file into the engine's directory and describes it as an input. */
export function csvInput(
  engine: Engine,
  body: string | Uint8Array,
  columns: readonly string[],
  more: {
    readonly name?: string
    readonly dialect?: Partial<CsvDialect>
    readonly compression?: 'none' | 'gzip'
  } = {},
): ScanInput {
  const path = join(engine.directory, more.name ?? 'in.csv')
  writeFileSync(path, body)
  return {
    kind: 'csv',
    source: `landing/${basename(path)}`,
    path,
    columns,
    dialect: { ...dialect, ...more.dialect },
    compression: more.compression ?? 'none',
  }
}
