import { ConditionFailedError } from '../errors.ts'
import type { ReportLine } from '../ports.ts'
import type { MirrorCatalog, MirrorEntry } from '../stores/mirror-catalog.ts'
import type { ObjectStore } from '../stores/object-store.ts'
import type { Catalog, TableIdentifier } from '../stores/state-store.ts'
import {
  createTableMetadata,
  logPrevious,
  printTableMetadata,
  type TableMetadata,
} from '../tables/metadata.ts'
import type { Schema } from '../tables/types.ts'
import type { MirrorPorts } from './mirror-table.ts'

export const flights: TableIdentifier = { namespace: 'bronze', name: 'flights' }
export const now = Date.parse('2026-03-01T12:00:00Z')

export const idOnly: Schema = {
  schemaId: 0,
  fields: [{ id: 1, name: 'id', required: true, type: { kind: 'long' } }],
}

/** A mirror in memory, with the rules of Glue: versions that are compared, and creation that refuses what is there. */
export interface MemoryMirror extends MirrorCatalog {
  readonly entries: Map<string, MirrorEntry & { readonly version: string }>
}

const textOf = ({ namespace, name }: TableIdentifier) => `${namespace}.${name}`

export function memoryMirror(): MemoryMirror {
  const entries: MemoryMirror['entries'] = new Map()
  const made = new Set<string>()
  // Glue counts anew when a table is created again.
  const versions = (text: string, entry: MirrorEntry, n: number) =>
    void entries.set(text, { ...entry, version: String(n) })
  const moved = (): ConditionFailedError =>
    new ConditionFailedError({ code: 'MIRROR_ENTRY_MOVED', fact: 'the entry was written by somebody else' })
  return {
    entries,
    load: async (table) => entries.get(textOf(table)),
    create: async (table, entry) => {
      if (entries.has(textOf(table))) throw moved()
      made.add(table.namespace)
      versions(textOf(table), entry, 0)
    },
    replace: async (table, version, entry) => {
      if (entries.get(textOf(table))?.version !== version) throw moved()
      versions(textOf(table), entry, Number(version) + 1)
    },
    delete: async (table) => void entries.delete(textOf(table)),
    namespaces: async () => [...made],
    list: async (namespace) =>
      [...entries].flatMap(([text, entry]) => {
        const [space, name = ''] = text.split('.')
        return space === namespace ? [{ name, ...entry }] : []
      }),
  }
}

/** A store under a prefix of another one: each test has a lake of its own. */
export function below(store: ObjectStore, prefix: string): ObjectStore {
  return {
    ...store,
    uri: `${store.uri}/${prefix}`,
    get: (key) => store.get(`${prefix}/${key}`),
    put: (key, body, condition) => store.put(`${prefix}/${key}`, body, condition),
  }
}

/** A catalog in memory over a real store: commits write metadata files as tables have them. */
export interface MemoryLake {
  readonly ports: MirrorPorts
  readonly mirror: MemoryMirror
  readonly lines: ReportLine[]
  /** The next version of the table, with `table-uuid` anew after a drop. Returns its location. */
  commit(table: TableIdentifier, change?: Partial<TableMetadata>): Promise<string>
  drop(table: TableIdentifier): void
  pointer(table: TableIdentifier): string | undefined
}

export function memoryLake(store: ObjectStore): MemoryLake {
  const mirror = memoryMirror()
  const pointers = new Map<string, { location: string; metadata: TableMetadata }>()
  const lines: ReportLine[] = []
  let count = 0
  const catalog: Catalog = {
    load: async (table) => pointers.get(textOf(table))?.location,
    list: async () =>
      [...pointers.keys()].sort().map((text) => {
        const [namespace = '', name = ''] = text.split('.')
        return { namespace, name }
      }),
  }
  return {
    ports: {
      lake: store,
      catalog,
      mirror,
      owner: 'catalog-table',
      clock: () => new Date(now),
      report: (line) => void lines.push(line),
    },
    mirror,
    lines,
    commit: async (table, change = {}) => {
      const before = pointers.get(textOf(table))
      const root = `${table.namespace}/${table.name}`
      const base =
        before?.metadata ??
        createTableMetadata({
          uuid: '00000000-0000-4000-8000-000000000000',
          location: `${store.uri}/${root}`,
          schema: idOnly,
          timestampMs: now - 3_600_000,
          properties: {},
        })
      const metadata = { ...(before === undefined ? base : logPrevious(base, before, 100)), ...change }
      const key = `${root}/metadata/${String(count++).padStart(5, '0')}-x.metadata.json`
      await store.put(key, printTableMetadata(metadata), 'absent')
      const location = `${store.uri}/${key}`
      pointers.set(textOf(table), { location, metadata })
      return location
    },
    drop: (table) => void pointers.delete(textOf(table)),
    pointer: (table) => pointers.get(textOf(table))?.location,
  }
}
