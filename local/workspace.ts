import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openEnginePool } from '../core/engine/engine.ts'
import { TerminalError } from '../core/errors.ts'
import type { Ports, Worker } from '../core/ports.ts'
import { openDirectoryStore } from '../core/stores/directory-object-store.ts'
import type { ObjectStore } from '../core/stores/object-store.ts'
import { openSqliteStore } from '../core/stores/sqlite-state-store.ts'

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

/**
 * DuckDB instances at work side by side, one dataflow each. Each may use every core; two of them keep the
 * cores busy while a dataflow waits for the disk, and bound memory to twice the limit below.
 */
const engineCount = 2

/** MiB per instance. The process needs about 300 MB besides (data-plane measurement: RSS exceeds the limit by that). */
const engineMemory = 384

/** A laptop's stand-in for the stack: a directory for each bucket and one SQLite file for the tables. */
export function openWorkspace(options: WorkspaceOptions): Workspace {
  const project = resolve(options.projectDirectory)
  const home = resolve(options.home ?? join(project, '.sluice'))
  mkdirSync(home, { recursive: true })
  const { state, catalog } = openSqliteStore(join(home, 'state.db'))
  const engines = openEnginePool({
    directory: join(home, 'scratch', randomUUID()),
    size: engineCount,
    memoryLimitMb: engineMemory,
  })
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
    worker: localWorker(),
  }
  return {
    ports,
    home,
    close: async () => {
      await engines.close()
      state.close()
    },
  }
}

function sourceDirectory(project: string, path: string): string {
  if (path.startsWith('file://')) return fileURLToPath(path)
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(path)) return resolve(project, path)
  throw new TerminalError({
    code: 'SOURCE_STORE_UNSUPPORTED',
    fact: `an embedded run cannot read ${path}`,
    consequence: 'Nothing was read',
    next: 'Use a directory (./landing or file:///…)',
  })
}

/** A process on this machine can be seen to be dead; its leases then need not expire. */
function localWorker(): Worker {
  const id = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
  return {
    id,
    isGone: (other) => {
      const [host, pid] = other.split('/')
      if (host !== hostname() || pid === undefined) return false
      try {
        process.kill(Number(pid), 0)
        return false
      } catch (error) {
        // EPERM: it lives and belongs to somebody else.
        return (error as NodeJS.ErrnoException).code === 'ESRCH'
      }
    },
  }
}
