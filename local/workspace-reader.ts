import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { openEnginePool } from '../core/engine/engine.ts'
import type { ReadPorts } from '../core/ports.ts'
import { openDirectoryReader } from '../core/stores/directory-object-store.ts'
import { openSqliteReader } from '../core/stores/sqlite-state-store.ts'
import type { Catalog, StateReader } from '../core/stores/state-store.ts'
import { localEnvironment, sourceDirectory, type WorkspaceOptions } from './workspace.ts'

export interface WorkspaceReader {
  readonly ports: ReadPorts
  close(): Promise<void>
}

/** MiB: headers, footers and expressions are looked at, not rows. */
const engineMemory = 256

/**
 * A workspace to look at, and the sources of its project: nothing can be changed through it, and opening it makes no
 * workspace where nothing has run. Files at work lie in the workspace, where there is one, so that objects are linked
 * and not copied.
 */
export function openWorkspaceReader(options: WorkspaceOptions): WorkspaceReader {
  const project = resolve(options.projectDirectory)
  const home = resolve(options.home ?? join(project, '.sluice'))
  const stores = openSqliteReader(join(home, 'state.db')) ?? emptyStores
  const scratch = join(home, 'scratch')
  const work = mkdtempSync(join(existsSync(scratch) ? scratch : tmpdir(), 'sluice-look-'))
  const engines = openEnginePool({ directory: work, size: 1, memoryLimitMb: engineMemory })
  return {
    ports: {
      ...stores,
      lake: openDirectoryReader(join(home, 'lake')),
      evidence: openDirectoryReader(join(home, 'evidence')),
      engines,
      openSource: (path) => openDirectoryReader(sourceDirectory(project, path)),
      clock: options.clock ?? (() => new Date()),
      environment: localEnvironment(),
    },
    close: async () => {
      await engines.close()
      rmSync(work, { recursive: true, force: true })
      stores.state.close()
    },
  }
}

const emptyStores: { readonly state: StateReader; readonly catalog: Catalog } = {
  state: {
    get: async () => undefined,
    query: async function* () {},
    listRuns: async () => [],
    close: () => undefined,
  },
  catalog: { load: async () => undefined, list: async () => [] },
}
