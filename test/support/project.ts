import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RenderedManifest } from '../../core/manifest/types.ts'
import type { Ports } from '../../core/ports.ts'
import { type RunOutcome, type RunRequest, runLocally } from '../../local/run.ts'
import { openWorkspace } from '../../local/workspace.ts'

/**
 * Four dataflows in two waves: an append by watermark, an append by new objects, an append that quarantines,
 * and a query over the first two that replaces its table.
 */
const manifest = `version: 1
project: crash
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
defaults:
  sink: { connection: warehouse }
dataflows:
  - name: orders
    source: { connection: landing, path: "orders-*.csv", format: csv, watermark_columns: [id] }
    contract: { columns: { id: { type: bigint }, amount: { type: integer } } }
    sink: { table: bronze.orders, load_type: append }
  - name: items
    source: { connection: landing, path: "items-*.csv", format: csv }
    contract: { columns: { order_id: { type: bigint } } }
    sink: { table: bronze.items, load_type: append }
  - name: dirty
    source: { connection: landing, path: "dirty-*.csv", format: csv }
    contract: { enforcement: quarantine, columns: { n: { type: integer, nullable: false } } }
    sink: { table: bronze.dirty, load_type: append }
  - name: totals
    transform:
      sql: |
        SELECT o.id, o.amount, count(i.sku) AS items
        FROM {{ ref('bronze.orders') }} o LEFT JOIN {{ ref('bronze.items') }} i ON i.order_id = o.id
        GROUP BY o.id, o.amount
    sink: { table: gold.totals, load_type: overwrite }
`

export const dataflows = ['dirty', 'items', 'orders', 'totals'] as const
export type DataflowName = (typeof dataflows)[number]

/** What is delivered before the first and before the second run; bad rows of `dirty` begin with `bad`. */
const parts = [
  {
    orders: [
      [1, 10],
      [2, 20],
      [3, 30],
      [4, 40],
      [5, 50],
    ],
    items: [
      ['a', 1],
      ['b', 1],
      ['c', 2],
      ['d', 5],
    ],
    dirty: [
      ['k1', '1'],
      ['bad1', 'x'],
      ['k2', '2'],
      ['bad2', ''],
      ['k3', '3'],
    ],
  },
  {
    orders: [
      [6, 60],
      [7, 70],
      [8, 80],
    ],
    items: [
      ['e', 6],
      ['f', 8],
    ],
    dirty: [
      ['k4', '4'],
      ['bad3', 'y'],
      ['k5', '5'],
    ],
  },
] as const

export const quarantinedRows = parts.map((part) => part.dirty.filter(([key]) => key.startsWith('bad')).length)

const headers = { orders: 'id,amount', items: 'sku,order_id', dirty: 'key,n' } as const

/** A new project directory in the system's temporary folder, with nothing delivered yet. */
export function makeProject(text = manifest): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-crash-'))
  mkdirSync(join(directory, 'landing'))
  writeFileSync(join(directory, 'sluice.yaml'), text)
  return directory
}

/** Writes part `number` (from 1) of every source. */
export function deliver(directory: string, number: number): void {
  for (const [name, header] of Object.entries(headers)) {
    const rows = parts[number - 1]![name as keyof typeof headers]
    const text = [header, ...rows.map((row) => row.join(','))].join('\n')
    writeFileSync(join(directory, 'landing', `${name}-${number}.csv`), `${text}\n`)
  }
}

/** The rows that each table must have after this many parts, as text, sorted. */
export function expectedRows(count: number): Readonly<Record<DataflowName, readonly string[]>> {
  const loaded = parts.slice(0, count)
  const orders = loaded.flatMap((part) => part.orders.map(([id, amount]) => ({ id, amount })))
  const items = loaded.flatMap((part) => part.items.map(([sku, order_id]) => ({ sku, order_id })))
  const dirty = loaded.flatMap((part) =>
    part.dirty.filter(([key]) => !key.startsWith('bad')).map(([key, n]) => ({ key, n: Number(n) })),
  )
  const totals = orders.map((order) => ({
    ...order,
    items: items.filter((item) => item.order_id === order.id).length,
  }))
  return { orders: asText(orders), items: asText(items), dirty: asText(dirty), totals: asText(totals) }
}

/** Rows without the columns that Sluice adds, comparable. */
export function asText(rows: readonly Readonly<Record<string, unknown>>[]): string[] {
  const plain = (_key: string, value: unknown) => (typeof value === 'bigint' ? Number(value) : value)
  return rows
    .map((row) => Object.entries(row).filter(([name]) => !name.startsWith('_sluice_')))
    .map((entries) => JSON.stringify(Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))), plain))
    .sort()
}

export interface ProjectRun extends RunRequest {
  /** Changes the ports before the run; the workspace keeps the real ones. */
  readonly decorate?: (ports: Ports) => Ports
  readonly clock?: () => Date
}

/** The manifest, rendered. Loading it takes a new process 100 ms. */
export async function loadProject(directory: string): Promise<RenderedManifest> {
  const { loadManifest } = await import('../../core/manifest/load.ts')
  return (await loadManifest(join(directory, 'sluice.yaml'))).manifest
}

/** Runs the project in this process, in a workspace that is opened for it alone. */
export async function runProject(directory: string, run: ProjectRun): Promise<RunOutcome> {
  const { decorate, clock, ...request } = run
  const manifest = run.manifest ?? (request.resume ? undefined : await loadProject(directory))
  const workspace = openWorkspace({ projectDirectory: directory, ...(clock === undefined ? {} : { clock }) })
  try {
    const ports = decorate === undefined ? workspace.ports : decorate(workspace.ports)
    return await runLocally(ports, manifest === undefined ? request : { ...request, manifest })
  } finally {
    await workspace.close()
  }
}
