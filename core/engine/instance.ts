import { mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, unlinkSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api'
import { TerminalError } from '../errors.ts'
import { type CopyRow, parseCopyRow, parseProfile } from './copy-stats.ts'
import type { Engine } from './engine.ts'
import { breaksInstance, mapEngineError } from './engine-errors.ts'
import { quoteLiteral } from './sql.ts'

export interface InstanceOptions {
  readonly directory: string
  readonly threads: number
  readonly memoryLimitMb: number
}

export interface Instance {
  lease(signal: AbortSignal | undefined): Promise<Lease>
  close(): void
}

export interface Lease {
  readonly engine: Omit<Engine, 'done'>
  /** Undoes all statements; `false` when the instance must not be used again. */
  end(): Promise<boolean>
  /**
   * Empties the directory: files are gone at once, folders when the promise resolves. To remove one, a file system may
   * wait for its journal, and this thread need not wait with it.
   */
  remove(): Promise<void>
}

/**
 * A DuckDB instance that reads and writes nothing outside its directory, loads no extension and takes no
 * further setting. It has one connection, because profiling is a connection's setting that cannot be made
 * once the configuration is locked; a lease is one transaction on it, rolled back at its end, so that no
 * table, view or macro outlives it.
 *
 * DuckDB's cache of file contents is off, and each lease has a directory of its own: the cache tells files
 * apart by path, size and time, and once a file of the same name followed on a deleted one it gave wrong
 * values without an error (seen: 3 read as 259 in 65 of 200 tries, from the old file's statistics).
 */
export async function openInstance(options: InstanceOptions): Promise<Instance> {
  const api = await import('@duckdb/node-api')
  // DuckDB compares paths as text: a directory named through a symbolic link would lock itself out.
  const root = realpathSync(options.directory)
  const directory = join(root, 'work')
  const spill = join(root, 'spill')
  const profile = join(directory, profileName)
  rmSync(directory, { recursive: true, force: true })
  rmSync(spill, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  mkdirSync(spill, { recursive: true })
  const database = await api.DuckDBInstance.create(':memory:', {
    threads: String(options.threads),
    memory_limit: `${options.memoryLimitMb}MiB`,
    temp_directory: spill,
    preserve_insertion_order: 'false',
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
  })
  const connection = await database.connect()
  await connection.run(`
    SET GLOBAL TimeZone = 'UTC';
    SET partitioned_write_flush_threshold = 122880;
    SET enable_profiling = 'json';
    SET profiling_output = ${quoteLiteral(profile)};
    SET custom_profiling_settings = '{"OPERATOR_CARDINALITY": "true", "OPERATOR_TYPE": "true"}';
    SET allowed_directories = [${quoteLiteral(`${directory}/`)}, ${quoteLiteral(`${spill}/`)}];
    SET enable_external_file_cache = false;
    SET enable_external_access = false;
    SET lock_configuration = true`)

  let leases = 0
  const listValue = convertValue(api)
  const remove = async (own: string) => {
    for (const folder of removeFiles(own)) await rmdir(folder)
    emptied.push(own)
  }
  /**
   * Directories of former leases, for further ones under a new name. File systems look for a free place past all that
   * was freed of late (ext4: in the last minute), so that making and removing hundreds gets slower with each.
   */
  const emptied: string[] = []
  return {
    async lease(signal) {
      const own = join(directory, String(++leases))
      const old = emptied.pop()
      if (old === undefined) mkdirSync(own)
      else renameSync(old, own)
      await connection.run('BEGIN')
      return openLease({ connection, listValue, directory: own, profile, signal, remove })
    },
    close() {
      connection.closeSync()
      database.closeSync()
    },
  }
}

const profileName = '.profile.json'

/** The folders that are left, those inside of others first. */
function removeFiles(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return [...removeFiles(path), path]
    unlinkSync(path)
    return []
  })
}

interface LeaseParts {
  readonly connection: DuckDBConnection
  readonly listValue: (value: DuckDBValue) => unknown
  readonly directory: string
  readonly profile: string
  readonly signal: AbortSignal | undefined
  /** Empties the directory. */
  readonly remove: (directory: string) => Promise<void>
}

function openLease({ connection, listValue, directory, profile, signal, remove }: LeaseParts): Lease {
  let ended = false
  let broken = false
  const interrupt = () => connection.interrupt()
  signal?.addEventListener('abort', interrupt, { once: true })

  async function guarded<T>(statement: () => Promise<T>): Promise<T> {
    if (ended) {
      throw new TerminalError({ code: 'ENGINE_LEASE_ENDED', fact: 'This engine lease has ended' })
    }
    signal?.throwIfAborted()
    try {
      return await statement()
    } catch (error) {
      if (breaksInstance(error)) broken = true
      else await restart()
      signal?.throwIfAborted()
      throw mapEngineError(error)
    }
  }

  /** A failed statement leaves its transaction unusable. */
  async function restart(): Promise<void> {
    try {
      await connection.run('ROLLBACK')
      await connection.run('BEGIN')
    } catch {
      broken = true
    }
  }

  async function rows<T extends Record<string, unknown>>(sql: string): Promise<T[]> {
    const result = await connection.run(sql)
    const names = result.columnNames()
    const chunks = Array.from({ length: result.chunkCount }, (_, i) => result.getChunk(i).getRows())
    return chunks.flat().map((values) => {
      const row: Record<string, unknown> = {}
      names.forEach((name, i) => {
        row[name] = listValue(values[i] as DuckDBValue)
      })
      return row as T
    })
  }

  return {
    engine: {
      directory,
      run: (sql) => guarded(async () => void (await connection.run(sql))),
      rows: <T extends Record<string, unknown>>(sql: string) => guarded(() => rows<T>(sql)),
      copy: (sql) =>
        guarded(async () => {
          const files = (await rows<CopyRow>(sql)).map(parseCopyRow)
          return { files, operators: parseProfile(readFileSync(profile, 'utf8')) }
        }),
    },
    async end() {
      ended = true
      signal?.removeEventListener('abort', interrupt)
      try {
        await connection.run('ROLLBACK')
      } catch {
        broken = true
      }
      return !broken
    },
    remove: () => remove(directory),
  }
}

/** DuckDB's value objects as plain JavaScript, without loss. */
function convertValue(api: typeof import('@duckdb/node-api')): (value: DuckDBValue) => unknown {
  const convert = (value: DuckDBValue): unknown => {
    if (value === null || typeof value !== 'object') return value
    if (value instanceof api.DuckDBListValue || value instanceof api.DuckDBArrayValue)
      return value.items.map(convert)
    if (value instanceof api.DuckDBMapValue)
      return value.entries.map(({ key, value: v }) => [convert(key), convert(v)])
    if (value instanceof api.DuckDBStructValue) {
      return Object.fromEntries(Object.entries(value.entries).map(([k, v]) => [k, convert(v)]))
    }
    if (value instanceof api.DuckDBBlobValue) return value.bytes
    return value.toString()
  }
  return convert
}
