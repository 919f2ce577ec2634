import { mkdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { TerminalError } from '../errors.ts'
import { type Instance, openInstance } from './instance.ts'

/** One locked-down DuckDB instance, exclusively the caller's until the lease ends. */
export interface Engine {
  /**
   * Absolute, new for each lease; the only place to read and write. Removed when the lease ends. Inputs
   * are hard-linked or copied into it: a symbolic link is resolved before it is judged, and refused.
   */
  readonly directory: string
  /**
   * Runs one or more statements and forgets their rows. A statement that fails also undoes what this lease
   * made in the catalog before (views, tables): a lease is one transaction.
   */
  run(sql: string): Promise<void>
  /**
   * Rows as plain objects: BIGINT and HUGEINT as `bigint`, DECIMAL, dates and timestamps as text, LIST as
   * array, STRUCT as object, MAP as array of `[key, value]`, BLOB as bytes.
   */
  rows<T extends Record<string, unknown> = Record<string, unknown>>(sql: string): Promise<T[]>
  /** Runs one `COPY … (…, RETURN_STATS)`. */
  copy(sql: string): Promise<CopyOutcome>
  /**
   * Says that no statement follows: the instance may serve the next lease while this one still stores its files.
   * The directory stays until the lease ends. Later statements throw `ENGINE_LEASE_ENDED`.
   */
  done(): Promise<void>
}

export interface CopyOutcome {
  readonly files: readonly CopyStats[]
  readonly operators: OperatorRows
}

/**
 * Rows counted by the engine's operators while the statement ran: evidence that does not come from the
 * statement's own result. The profile is written to a file inside `directory` by a setting made before the
 * configuration was locked; it costs about 0.2 ms a statement.
 */
export interface OperatorRows {
  /** Left the table readers (READ_CSV, READ_PARQUET …), summed. */
  readonly scanned: number
  /** Entered the COPY. */
  readonly copied: number
}

/** One Parquet file that a COPY wrote. */
export interface CopyStats {
  /** Absolute local path. */
  readonly file: string
  readonly rows: number
  readonly bytes: number
  readonly footer_bytes: number
  /**
   * By column name; bounds are DuckDB's text of the value. String bounds may be truncated (max upwards) or
   * absent.
   */
  readonly columns: Readonly<Record<string, ColumnStats>>
  /**
   * Of what is nested in columns, by DuckDB's quoted path: `"point"."x"`, `"tags"."element"`, `"m"."key"`. In lists and
   * maps an empty or missing one counts as one value, NULL. Absent where no column is nested.
   */
  readonly nested?: Readonly<Record<string, ColumnStats>>
  /** Values of the PARTITION_BY columns, as text. */
  readonly partition: Readonly<Record<string, string>>
}

export interface ColumnStats {
  /** Compressed bytes in the file. */
  readonly size?: number
  readonly min?: string
  readonly max?: string
  readonly nulls?: number
  readonly values?: number
  readonly has_nan?: boolean
}

export interface EnginePoolOptions {
  /** Working directory of all instances; one sub-directory each. */
  readonly directory: string
  /** At most so many instances at a time. */
  readonly size: number
  /** Worker threads of each instance; default: the machine's processors shared out over `size`, at least 1. */
  readonly threads?: number
  /** Of each instance; default 512. Peak RSS of a scan is some 250 MB above what it uses of this. */
  readonly memoryLimitMb?: number
}

export interface UseOptions {
  readonly signal?: AbortSignal
  /** How much the work will read; a pool may choose the instance by it. */
  readonly bytes?: number
}

export interface EnginePool {
  /**
   * Leases an instance for the time of `work`. When `signal` fires, the running statement is interrupted
   * and throws the signal's reason, as does every later one.
   */
  use<T>(work: (engine: Engine) => Promise<T>, options?: UseOptions): Promise<T>
  /** Waits for the running leases, then frees all instances. Later leases throw `ENGINE_CLOSED`. */
  close(): Promise<void>
}

/**
 * Instances are made when first needed (10 to 30 ms each, the first with the binding's load, 60 ms and
 * more) and kept: nothing of DuckDB is loaded before the first lease. Each lease starts with an empty
 * directory and an empty catalog.
 */
export function openEnginePool(options: EnginePoolOptions): EnginePool {
  const size = Math.max(1, Math.floor(options.size))
  const settings = {
    threads: options.threads ?? Math.max(1, Math.floor(availableParallelism() / size)),
    memoryLimitMb: options.memoryLimitMb ?? 512,
  }
  const idle: Instance[] = []
  const waiting: (() => void)[] = []
  /** Instances out of the pool. */
  let live = 0
  /** Leases that are waited for, or have not ended, with an instance or without one any more. */
  let works = 0
  let made = 0
  let closed = false
  let drained: (() => void) | undefined

  const closedError = () =>
    new TerminalError({
      code: 'ENGINE_CLOSED',
      fact: 'The engine pool was closed',
      consequence: 'No statement runs',
    })

  async function acquire(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (closed) throw closedError()
    if (live < size) {
      live++
      return
    }
    await new Promise<void>((resolve, reject) => {
      const grant = () => {
        signal?.removeEventListener('abort', cancel)
        resolve()
      }
      const cancel = () => {
        waiting.splice(waiting.indexOf(grant), 1)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', cancel, { once: true })
      waiting.push(grant)
    })
  }

  function release(): void {
    const next = waiting.shift()
    if (next) next()
    else live--
  }

  const folder = (number: number) => join(options.directory, `engine-${number}`)

  async function make(): Promise<Instance> {
    const directory = folder(++made)
    mkdirSync(directory, { recursive: true })
    return openInstance({ directory, ...settings })
  }

  /** One instance out of the pool, and the way back. */
  async function take(signal: AbortSignal | undefined) {
    await acquire(signal)
    try {
      const instance = idle.pop() ?? (await make())
      const lease = await instance.lease(signal)
      let returned: Promise<void> | undefined
      const giveBack = async () => {
        try {
          if (await lease.end()) idle.push(instance)
          else instance.close()
        } finally {
          release()
        }
      }
      const done = () => {
        returned ??= giveBack()
        return returned
      }
      return { engine: { ...lease.engine, done }, done, remove: lease.remove }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Folders that are still being removed. One that cannot be goes with the pool's directory. */
  const clearing = new Set<Promise<void>>()

  function clear(remove: () => Promise<void>): void {
    const cleared: Promise<void> = remove()
      .catch(() => undefined)
      .finally(() => clearing.delete(cleared))
    clearing.add(cleared)
  }

  return {
    async use(work, { signal } = {}) {
      works++
      try {
        const { engine, done, remove } = await take(signal)
        try {
          return await work(engine)
        } finally {
          await done()
          clear(remove)
        }
      } finally {
        if (--works === 0) drained?.()
      }
    },
    async close() {
      closed = true
      if (works > 0) {
        await new Promise<void>((resolve) => {
          drained = resolve
        })
      }
      await Promise.all(clearing)
      for (const instance of idle.splice(0)) instance.close()
      for (let i = 1; i <= made; i++) rmSync(folder(i), { recursive: true, force: true })
    },
  }
}
