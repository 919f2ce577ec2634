import { mkdirSync, mkdtempSync, openAsBlob, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { icebergRead } from 'icebird'
import { onTestFinished } from 'vitest'
import type { ContractRecord } from '../../core/runs/contract-record.ts'
import { readGateLog } from '../../core/runs/gate-log.ts'
import type { DataFile } from '../../core/tables/data-file.ts'
import { parseTable } from '../../core/tables/identifier.ts'
import { currentSchema } from '../../core/tables/metadata.ts'
import { listDataFiles, loadTable } from '../../core/tables/scan.ts'
import type { Schema } from '../../core/tables/types.ts'
import { openWorkspace } from '../../local/workspace.ts'
import { runProject } from './project.ts'

/** A project of the given dataflows, with one landing folder and one lake; removed after the test. */
export function projectWith(dataflows: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-contract-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(join(directory, 'landing'))
  setDataflows(directory, dataflows)
  return directory
}

/** Replaces what {@link projectWith} has set. */
export function setDataflows(directory: string, dataflows: string): void {
  writeFileSync(
    join(directory, 'sluice.yaml'),
    `version: 1
project: contracts
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
defaults:
  sink: { connection: warehouse }
dataflows:${dataflows}`,
  )
}

export function deliverCsv(project: string, name: string, header: string, lines: readonly string[]): void {
  writeFileSync(join(project, 'landing', `${name}.csv`), `${[header, ...lines].join('\n')}\n`)
}

export interface Judged {
  readonly status: string
  /** Of the first dataflow that failed. */
  readonly code: string | undefined
  readonly message: string
  readonly record: ContractRecord | undefined
  /** What the contract gate's error says in `details`, where it stopped the attempt. */
  readonly details: Readonly<Record<string, unknown>>
}

/** Runs the project and tells what the contract gate of a dataflow recorded. */
export async function runAndJudge(
  project: string,
  run_id: string,
  dataflow: string,
  clock?: () => Date,
): Promise<Judged> {
  const outcome = await runProject(project, { run_id, ...(clock === undefined ? {} : { clock }) })
  const workspace = openWorkspace({ projectDirectory: project })
  try {
    const entry = (await readGateLog(workspace.ports, run_id, dataflow, 1)).get('contract')
    const failed = outcome.result.dataflows.find((flow) => flow.status === 'failed')
    return {
      status: outcome.result.status,
      code: failed?.error?.code,
      message: failed?.error?.message ?? '',
      record: entry?.record,
      details: entry?.error?.details ?? {},
    }
  } finally {
    await workspace.close()
  }
}

export interface TableNow {
  readonly schema: Schema
  readonly files: readonly DataFile[]
  /** As icebird reads them, in the order of the column `id`. */
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

/** A table as its catalog points at it, `undefined` where there is none; the columns that Sluice adds are left out. */
export async function tableNow(project: string, table: string): Promise<TableNow | undefined> {
  const workspace = openWorkspace({ projectDirectory: project })
  try {
    const { catalog, lake } = workspace.ports
    const location = await catalog.load(parseTable(table))
    if (location === undefined) return undefined
    const { metadata } = await loadTable(lake, location)
    const files = (await listDataFiles(lake, metadata)).map((live) => live.file)
    const rows = await withFileFetch(() =>
      icebergRead({ tableUrl: metadata.location, metadataFileName: location.split('/').at(-1) as string }),
    )
    return {
      schema: currentSchema(metadata),
      files,
      rows: rows
        .map(({ _sluice_run_id, _sluice_loaded_at, ...row }) => row)
        .toSorted((a, b) => Number(a.id) - Number(b.id)),
    }
  } finally {
    await workspace.close()
  }
}

/** icebird fetches locations, so `fetch` is given files. */
async function withFileFetch<T>(work: () => Promise<T>): Promise<T> {
  const { fetch } = globalThis
  globalThis.fetch = (async (url: string, init?: RequestInit) => {
    const blob = await openAsBlob(fileURLToPath(url))
    const range = /bytes=(\d+)-(\d*)/.exec(new Headers(init?.headers).get('range') ?? '')
    if (range === null) return new Response(blob)
    const end = range[2] === '' ? blob.size : Number(range[2]) + 1
    return new Response(blob.slice(Number(range[1]), end), { status: 206 })
  }) as typeof fetch
  try {
    return await work()
  } finally {
    globalThis.fetch = fetch
  }
}
