import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSizedPool } from '../core/engine/sized-pool.ts'
import { TerminalError } from '../core/errors.ts'
import type { Ports } from '../core/ports.ts'
import { openAttemptMemory } from '../core/runs/attempt-memory.ts'
import { type Environment, parseEnvironment } from '../core/runs/environments.ts'
import { openDirectoryStore } from '../core/stores/directory-object-store.ts'
import type { ObjectStore } from '../core/stores/object-store.ts'
import { openSqliteStore } from '../core/stores/sqlite-state-store.ts'
import { openWorker, workerState } from './worker.ts'

export interface WorkspaceOptions {
  /** Where `sluice.yaml` lies; relative connection paths start here. */
  readonly projectDirectory: string
  /** Where lake, evidence and state are kept. Default: `.sluice` in the project. */
  readonly home?: string
  readonly clock?: () => Date
}

export interface Workspace {
  readonly ports: Ports
  readonly home: string
  close(): Promise<void>
}

/** DuckDB instances for small dataflows, one each: two keep the cores busy while a dataflow waits for the disk. */
const engineCount = 2

/** MiB per instance. The process needs about 300 MB besides (data-plane measurement: RSS exceeds the limit by that). */
const engineMemory = 384

/** A laptop's stand-in for the stack: a directory for each bucket and one SQLite file for the tables. */
export function openWorkspace(options: WorkspaceOptions): Workspace {
  const project = resolve(options.projectDirectory)
  const home = resolve(options.home ?? join(project, '.sluice'))
  const environment = localEnvironment()
  makeHome(home)
  const { state, catalog } = openSqliteStore(join(home, 'state.db'))
  const worker = openWorker()
  const scratch = join(home, 'scratch', worker.id.replaceAll('/', '.'))
  const engines = openSizedPool({ directory: scratch, small: engineCount, memoryLimitMb: engineMemory })
  removeAbandoned(join(home, 'scratch'))
  const sources = new Map<string, ObjectStore>()
  const ports: Ports = {
    lake: openDirectoryStore(join(home, 'lake')),
    evidence: openDirectoryStore(join(home, 'evidence')),
    state,
    catalog,
    engines,
    openSource: (path) => {
      const directory = sourceDirectory(project, path)
      const known = sources.get(directory) ?? openDirectoryStore(directory)
      sources.set(directory, known)
      return known
    },
    clock: options.clock ?? (() => new Date()),
    worker,
    environment,
    attempts: openAttemptMemory(),
  }
  return {
    ports,
    home,
    close: async () => {
      await engines.close()
      rmSync(scratch, { recursive: true, force: true })
      state.close()
      worker.close()
    },
  }
}

/** Of this machine: what `SLUICE_ENVIRONMENT` says, or development. Throws `TerminalError` `ENVIRONMENT_INVALID`. */
export function localEnvironment(): Environment {
  return parseEnvironment(process.env.SLUICE_ENVIRONMENT, 'development')
}

function makeHome(home: string): void {
  try {
    mkdirSync(join(home, 'scratch'), { recursive: true })
  } catch (error) {
    throw new TerminalError({
      code: 'WORKSPACE_UNWRITABLE',
      fact: `${home} cannot be made or written (${(error as NodeJS.ErrnoException).code})`,
      consequence: 'Nothing was started',
      next: 'Give this user the right to write there, or choose another place with --home',
      cause: error,
    })
  }
}

/** Scratch folders bear their worker's id; those of processes that were killed are removed by whoever comes next. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder, { withFileTypes: true })) {
    const worker = name.name.split('.').slice(-2)
    const host = name.name.slice(0, name.name.length - worker.join('.').length - 1)
    if (workerState([host, ...worker].join('/')) !== 'dead') continue
    rmSync(join(folder, name.name), { recursive: true, force: true })
  }
}

/** Of a `files` connection of this machine. Throws `TerminalError` `SOURCE_STORE_UNSUPPORTED`. */
export function sourceDirectory(project: string, path: string): string {
  if (path.startsWith('file://')) return fileURLToPath(path)
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return resolve(project, path)
  throw new TerminalError({
    code: 'SOURCE_STORE_UNSUPPORTED',
    fact: `an embedded run cannot read ${path}`,
    consequence: 'Nothing was read',
    next: 'Use a directory (./landing or file:///…)',
  })
}
