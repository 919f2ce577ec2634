import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import type { ExtractRecord } from '../../core/runs/extract-record.ts'
import type { FlowItem, SourceStateItem } from '../../core/runs/items.ts'
import { quarantineFiles } from '../../core/runs/quarantine.ts'
import type { GateEntry } from '../../core/runs/records.ts'
import { openDirectoryStore } from '../../core/stores/directory-object-store.ts'
import { readStored, type Stored } from './invariants.ts'
import { asText, makeProject } from './project.ts'
import { viewTable } from './tables.ts'

export interface ShardProject {
  /** Default: every file of `landing`. */
  readonly path?: string
  readonly format?: string
  readonly source?: string
  readonly contract?: string
  readonly transformers?: string
  readonly load_type?: 'append' | 'overwrite'
  readonly max_shard_bytes?: number
}

/** A project of one dataflow, `flow`, that loads files of `landing` into `bronze.flow`. */
export function makeShardProject(options: ShardProject): string {
  const { format = 'csv', source = '', contract = '{}', load_type = 'append', max_shard_bytes } = options
  const { path = '*' } = options
  const transformers = options.transformers === undefined ? '' : `\n    transformers: ${options.transformers}`
  const limit = max_shard_bytes === undefined ? '' : `, max_shard_bytes: ${max_shard_bytes}`
  return makeProject(`version: 1
project: crash
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
dataflows:
  - name: flow
    source: { connection: landing, path: "${path}", format: ${format}${source}${limit} }
    contract: ${contract}${transformers}
    sink: { connection: warehouse, table: bronze.flow, load_type: ${load_type} }
`)
}

export function deliverFile(directory: string, name: string, body: string | Uint8Array): void {
  writeFileSync(join(directory, 'landing', name), body)
}

export const flowPk = 'DATAFLOW#crash/flow'

export function flowOf(stored: Stored, run_id: string): FlowItem {
  return stored.items.get(`RUN#${run_id} FLOW#flow`) as FlowItem
}

export function stateOf(stored: Stored): SourceStateItem | undefined {
  return stored.items.get(`${flowPk} STATE`) as SourceStateItem | undefined
}

/** How many shards the first attempt of a run was divided into; 0 where it was not. */
export function shardsOf(stored: Stored, run_id: string): number {
  const item = stored.items.get(`RUN#${run_id} GATE#flow#0001#extract`) as { entry: string }
  const { record } = JSON.parse(item.entry) as GateEntry<'extract'>
  return (record as ExtractRecord).shards.length
}

export async function tableRows(directory: string): Promise<string[]> {
  const pointer = readStored(directory).pointers.get('bronze.flow')
  return pointer === undefined ? [] : asText((await viewTable(pointer)).rows)
}

/** The rejected rows of a run, as text, sorted. */
export async function rejectedRows(directory: string, run_id: string): Promise<string[]> {
  const rows = await storedRejects(directory, run_id)
  // Ids and versions tell the deliveries of two directories apart, and times one run from another.
  return asText(rows.map(({ row_id: _i, source_version: _v, first_seen: _f, last_seen: _l, ...row }) => row))
}

/** As they are stored. */
export async function storedRejects(directory: string, run_id: string): Promise<Record<string, unknown>[]> {
  const { quarantine } = flowOf(readStored(directory), run_id)
  if (quarantine === undefined) return []
  const root = join(directory, '.sluice', 'evidence')
  const rows: Record<string, unknown>[] = []
  for (const { key } of await quarantineFiles(openDirectoryStore(root), quarantine)) {
    const { buffer, byteOffset, byteLength } = readFileSync(join(root, key))
    rows.push(
      ...(await parquetReadObjects({ file: buffer.slice(byteOffset, byteOffset + byteLength), compressors })),
    )
  }
  return rows
}
