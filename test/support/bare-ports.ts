import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Ports } from '../../core/ports.ts'
import { storeRenderedManifest } from '../../core/runs/manifest-store.ts'
import { openDirectoryStore } from '../../core/stores/directory-object-store.ts'
import { openSqliteStore } from '../../core/stores/sqlite-state-store.ts'
import { type PlannedRun, planRun } from '../../lambdas/plan.ts'
import { loadProject, makeProject } from './project.ts'

/** Real stores without an engine, for the handlers that need none: plan, admit, settle, seal and most gates. */
export interface Bare {
  readonly ports: Ports
  /** The ports of another process on the same stores. `gone`: which workers it knows to be dead. */
  another(id: string, gone?: readonly string[]): Ports
  /** Moves the clock of all of them. */
  advance(milliseconds: number): void
}

export function openBare(): Bare {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-bare-'))
  let now = Date.parse('2024-05-01T00:00:00Z')
  const { state, catalog } = openSqliteStore(join(directory, 'state.db'))
  const stores = {
    lake: openDirectoryStore(join(directory, 'lake')),
    evidence: openDirectoryStore(join(directory, 'evidence')),
  }
  onTestFinished(() => {
    state.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const another = (id: string, gone: readonly string[] = []): Ports => ({
    ...stores,
    state,
    catalog,
    engines: {
      use: async () => {
        throw new Error('there is no engine here')
      },
      close: async () => undefined,
    },
    openSource: (path) => openDirectoryStore(join(directory, path)),
    clock: () => new Date(now),
    worker: { id, isGone: (other) => gone.includes(other) },
  })
  return {
    ports: another('host/1/a'),
    another,
    advance: (milliseconds) => {
      now += milliseconds
    },
  }
}

/** Plans a run of the crash project, or goes on with it, as it was planned. */
export async function planned(
  ports: Ports,
  run_id: string,
  input: Readonly<Record<string, unknown>> = {},
): Promise<PlannedRun> {
  if (input.resume === true)
    return await planRun({ execution_name: run_id, input: { run_id, ...input } }, ports)
  const project = makeProject()
  const ref = await storeRenderedManifest(ports.evidence, await loadProject(project))
  rmSync(project, { recursive: true })
  return await planRun({ execution_name: run_id, input: { run_id, manifest: ref, ...input } }, ports)
}
