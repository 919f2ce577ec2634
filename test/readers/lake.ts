import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import type { Dataflow } from '../../core/manifest/types.ts'
import type { Evidence } from '../../core/runs/evidence.ts'
import type { DdlPlan } from '../../core/runs/physical-ddl-record.ts'
import type { ExecutionResult } from '../../core/runs/result.ts'
import { previewSchema, type SchemaPreview } from '../../local/schema-plan.ts'
import { openWorkspace } from '../../local/workspace.ts'
import { loadProject, makeProject, runProject } from '../support/project.ts'

/** What the dataflow of a table says of it, as YAML flow mappings. */
export interface Says {
  readonly contract: string
  readonly physical?: string
  readonly evolution?: string
  readonly type?: 'append' | 'overwrite'
}

/** A project with one lake, whose manifest has the dataflow of one table at a time. */
export interface Lake {
  readonly directory: string
  /** The SQLite file with the catalog. */
  readonly catalog: string
  /** Sets the manifest, and what lies in the landing folder: nothing but these rows. */
  deliver(table: string, says: Says, csv: string): void
  /** What a run would decide, as `sluice schema plan` asks. */
  plan(): Promise<SchemaPreview>
  run(): Promise<Ran>
  /** Delivers, runs, and throws where the run fails. */
  load(table: string, says: Says, csv: string): Promise<void>
  metadata(table: string): TableJson | undefined
  close(): void
}

export type Ran = ExecutionResult['dataflows'][number] & {
  /** What gate 6 planned, where it was reached: whether it passed or stopped the attempt. */
  readonly ddl: DdlPlan | undefined
}

/** A metadata file as plain `JSON.parse` reads it. */
export interface TableJson {
  readonly 'current-snapshot-id'?: number
  readonly 'last-column-id': number
  readonly 'last-partition-id': number
  readonly 'current-schema-id': number
  readonly 'default-spec-id': number
  readonly 'default-sort-order-id': number
  readonly schemas: readonly { readonly 'schema-id': number; readonly fields: readonly FieldJson[] }[]
  readonly 'partition-specs': readonly {
    readonly 'spec-id': number
    readonly fields: readonly {
      readonly 'source-id': number
      readonly 'field-id': number
      readonly name: string
      readonly transform: string
    }[]
  }[]
  readonly 'sort-orders': readonly { readonly 'order-id': number; readonly fields: readonly object[] }[]
}

export interface FieldJson {
  readonly id: number
  readonly name: string
  readonly required: boolean
  readonly type: string | object
}

export function openLake(): Lake {
  const directory = makeProject('')
  const landing = join(directory, 'landing')
  const catalog = join(directory, '.sluice', 'state.db')
  let deliveries = 0
  const deliver: Lake['deliver'] = (table, { contract, physical, evolution, type = 'append' }, csv) => {
    const folder = join(landing, table)
    mkdirSync(folder, { recursive: true })
    for (const name of readdirSync(folder)) rmSync(join(folder, name))
    deliveries += 1
    writeFileSync(join(folder, `${deliveries}.csv`), csv)
    writeFileSync(
      join(directory, 'sluice.yaml'),
      `version: 1
project: readers
connections: { landing: { type: files, path: ./landing }, warehouse: { type: lake } }
dataflows:
  - name: ${table}_${type}
    source: { connection: landing, path: "${table}/*.csv", format: csv }
    contract: ${contract.replaceAll('\n', ' ')}
${evolution === undefined ? '' : `    schema_evolution: ${evolution}\n`}    sink:
      connection: warehouse
      table: t.${table}
      load_type: ${type}
${physical === undefined ? '' : `      physical: ${physical}\n`}`,
    )
  }
  const run = async (): Promise<Ran> => {
    const { result } = await runProject(directory, {})
    const flow = result.dataflows[0] as ExecutionResult['dataflows'][number]
    const path = join(directory, '.sluice', 'evidence', flow.evidence?.key as string)
    const evidence = JSON.parse(readFileSync(path, 'utf8')) as Evidence
    const gate = evidence.gates.find((entry) => entry.gate === 'physical_ddl')
    return { ...flow, ddl: (gate?.record ?? gate?.error?.details) as DdlPlan | undefined }
  }
  const plan = async () => {
    const manifest = await loadProject(directory)
    const workspace = openWorkspace({ projectDirectory: directory })
    try {
      return await previewSchema(workspace.ports, manifest, manifest.dataflows[0] as Dataflow)
    } finally {
      await workspace.close()
    }
  }
  return {
    directory,
    catalog,
    deliver,
    plan,
    run,
    load: async (table, says, csv) => {
      deliver(table, says, csv)
      const { status, error } = await run()
      if (status !== 'succeeded') throw new Error(`${table} ${status}: ${error?.message}`)
    },
    metadata: (table) => {
      if (!existsSync(catalog)) return undefined
      const database = new DatabaseSync(catalog, { readOnly: true })
      const row = database
        .prepare('SELECT metadata_location AS location FROM iceberg_tables WHERE table_name = ?')
        .get(table)
      database.close()
      return row === undefined
        ? undefined
        : (JSON.parse(readFileSync(fileURLToPath(row.location as string), 'utf8')) as TableJson)
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** The snapshot that readers see now, as text. */
export function currentSnapshot(metadata: TableJson | undefined): string {
  return String(metadata?.['current-snapshot-id'])
}
