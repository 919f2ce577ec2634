import { mkdirSync, openAsBlob, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { icebergRead } from 'icebird'
import { relationSelect } from '../../core/contract/readers.ts'
import type { Ports } from '../../core/ports.ts'
import type { Evidence } from '../../core/runs/evidence.ts'
import type { GateName } from '../../core/runs/gates.ts'
import type { GateRecords } from '../../core/runs/records.ts'
import type { ExecutionResult } from '../../core/runs/result.ts'
import { linkTables } from '../../core/sources/inputs.ts'
import { pinTables } from '../../core/sources/tables.ts'
import { newSnapshotId, uuidFrom } from '../../core/tables/attempt.ts'
import { currentSchema, printTableMetadata, type TableMetadata } from '../../core/tables/metadata.ts'
import { type LiveFile, listDataFiles, loadTable } from '../../core/tables/scan.ts'
import { prepareSnapshot } from '../../core/tables/snapshot.ts'
import { type Schema, typeText } from '../../core/tables/types.ts'
import { openWorkspace } from '../../local/workspace.ts'
import { makeProject, runProject } from '../support/project.ts'

export type Row = Readonly<Record<string, unknown>>

/** One dataflow, `flow`, that loads `landing/<name>.csv` (or Parquet) into `bronze.flow`, in a project of its own. */
export interface Flow {
  readonly directory: string
  /** Sets what the dataflow says besides its source and its table, as YAML flow mappings. */
  says(
    keys: Readonly<Record<string, string>>,
    load?: { readonly format?: string; readonly type?: string },
  ): void
  deliver(name: string, text: string): void
  run(clock?: () => Date, decorate?: (ports: Ports) => Ports): Promise<Ran>
  /** The table as another writer would have made it, without a row. */
  makeTable(schema: Schema, change?: (metadata: TableMetadata) => TableMetadata): Promise<void>
  table(): Promise<Table>
  remove(): void
}

export interface Ran {
  readonly flow: ExecutionResult['dataflows'][number]
  readonly evidence: Evidence
  /** A gate's record as the evidence has it; of a gate that stopped, its error's details. */
  gate<N extends GateName>(name: N): GateRecords[N]
  /** Rules for which rows were set aside. */
  readonly reasons: readonly string[]
}

export interface Table {
  readonly metadata: TableMetadata
  /** `name type`, with `required` behind it. */
  readonly columns: readonly string[]
  readonly files: readonly LiveFile[]
  /** Through the project's own reader, which goes by field id; without the columns that Sluice adds. */
  readonly rows: readonly Row[]
  /** Through icebird, which shares no line with it and resolves columns by name. */
  icebird(): Promise<Row[]>
}

export function openFlow(): Flow {
  const directory = makeProject('')
  const says: Flow['says'] = (keys, { format = 'csv', type = 'append' } = {}) => {
    const { sink = '', source = '', ...others } = keys
    const lines = Object.entries(others).map(([key, value]) => `    ${key}: ${value}`)
    writeFileSync(
      join(directory, 'sluice.yaml'),
      `version: 1
project: evolving
connections: { landing: { type: files, path: ./landing }, warehouse: { type: lake } }
dataflows:
  - name: flow
    source: { connection: landing, path: "*.${format}", format: ${format}${source} }
    sink: { connection: warehouse, table: bronze.flow, load_type: ${type}${sink} }
${lines.join('\n')}
`,
    )
  }
  says({})
  return {
    directory,
    says,
    deliver: (name, text) => {
      mkdirSync(join(directory, 'landing'), { recursive: true })
      writeFileSync(join(directory, 'landing', `${name}.csv`), text)
    },
    run: async (clock, decorate) => {
      const options = {
        ...(clock === undefined ? {} : { clock }),
        ...(decorate === undefined ? {} : { decorate }),
      }
      const { result } = await runProject(directory, options)
      const flow = result.dataflows[0] as Ran['flow']
      const evidence = JSON.parse(
        readFileSync(join(directory, '.sluice/evidence', flow.evidence?.key as string), 'utf8'),
      ) as Evidence
      const entry = (name: GateName) => evidence.gates.find(({ gate }) => gate === name)
      return {
        flow,
        evidence,
        gate: (name) => (entry(name)?.record ?? entry(name)?.error?.details) as never,
        reasons:
          (entry('contract')?.record as GateRecords['contract'] | undefined)?.by_reason.map(
            ({ column, rule, count }) => `${column} ${rule} ${count}`,
          ) ?? [],
      }
    },
    makeTable: (schema, change = (metadata) => metadata) =>
      withPorts(directory, async (ports) => {
        const table = { namespace: 'bronze', name: 'flow' }
        const { location } = await prepareSnapshot({
          store: ports.lake,
          table,
          operation: 'append',
          schema,
          added: [],
          snapshotId: newSnapshotId('other'),
          attempt: uuidFrom('other'),
          timestampMs: Date.UTC(2020, 0, 1),
          summary: {},
        })
        const path = fileURLToPath(location)
        const { metadata } = await loadTable(ports.lake, location)
        writeFileSync(path, printTableMetadata(change(metadata)))
        await ports.state.transact([{ kind: 'pointer', table, base: undefined, next: location }])
      }),
    table: () => withPorts(directory, readTable),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

async function withPorts<T>(directory: string, work: (ports: Ports) => Promise<T>): Promise<T> {
  const workspace = openWorkspace({ projectDirectory: directory })
  try {
    return await work(workspace.ports)
  } finally {
    await workspace.close()
  }
}

async function readTable(ports: Ports): Promise<Table> {
  const [pin] = await pinTables(ports, ['bronze.flow'])
  if (pin === undefined) throw new Error('no table')
  const { metadata } = await loadTable(ports.lake, pin.metadata_location)
  const rows = await ports.engines.use(async (engine) => {
    const relation = (await linkTables(ports, engine, [pin]))['bronze.flow']
    if (relation === undefined) throw new Error('no relation')
    return await engine.rows(`SELECT * FROM (${relationSelect(relation)}) ORDER BY ALL`)
  })
  return {
    metadata,
    columns: currentSchema(metadata)
      .fields.filter(({ name }) => !name.startsWith('_sluice_'))
      .map(({ name, type, required }) => `${name} ${typeText(type)}${required ? ' required' : ''}`),
    files: await listDataFiles(ports.lake, metadata),
    rows: rows.map(withoutOwn),
    icebird: async () => (await icebird(metadata)).map(withoutOwn),
  }
}

function withoutOwn(row: Row): Row {
  const plain = (value: unknown) => (typeof value === 'bigint' ? Number(value) : (value ?? null))
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) =>
      name.startsWith('_sluice_') ? [] : [[name, plain(value)]],
    ),
  )
}

/** What plain `JSON.parse` makes of the metadata, as any JavaScript reader would; `file:` URLs are ours to fetch. */
async function icebird(metadata: TableMetadata): Promise<Row[]> {
  const json = JSON.parse(printTableMetadata(metadata))
  const { fetch } = globalThis
  globalThis.fetch = fetchFile
  try {
    return (await icebergRead({ tableUrl: metadata.location, metadata: json })) as Row[]
  } finally {
    globalThis.fetch = fetch
  }
}

async function fetchFile(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const blob = await openAsBlob(fileURLToPath(url as string))
  const range = /bytes=(\d+)-(\d*)/.exec(new Headers(init?.headers).get('range') ?? '')
  if (range === null) return new Response(blob)
  const end = range[2] === '' ? blob.size : Number(range[2]) + 1
  return new Response(blob.slice(Number(range[1]), end), { status: 206 })
}
