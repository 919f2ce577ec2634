import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Ports } from '../core/ports.ts'
import { openDirectoryStore } from '../core/stores/directory-object-store.ts'
import { openSqliteStore } from '../core/stores/sqlite-state-store.ts'
import { findProject } from '../local/project.ts'
import type { Stack } from '../remote/stack.ts'
import type { Io } from './io.ts'

/** What runs have left behind, without an engine: enough to look, not enough to run. */
export interface Records extends Pick<Ports, 'state' | 'catalog' | 'lake' | 'evidence'> {
  /** Where they are those of a stack. */
  readonly stack?: Stack
  /** A directory of this machine for files at work. */
  readonly home: string
  close(): void
}

/**
 * Where lake, evidence and state lie: `--home`, or `.sluice` in the project. A project whose manifest is gone
 * can still be looked at. Throws `ManifestError` `PROJECT_NOT_FOUND`.
 */
export function homeOf(io: Pick<Io, 'project' | 'home'>): string {
  if (io.home !== undefined) return resolve(io.home)
  const beside = join(resolve(io.project), '.sluice')
  if (existsSync(beside)) return beside
  return join(findProject(io.project).directory, '.sluice')
}

/** Of the workspace, or of the stack that `--stack` names. */
export async function openRecords(io: Pick<Io, 'project' | 'home' | 'stack'>): Promise<Records | undefined> {
  return io.stack === undefined ? openHome(io) : await openStack(io.stack)
}

/** Loads the SDK's clients, which looking at a workspace has no use for. */
async function openStack(name: string): Promise<Records> {
  const [{ findStack }, { openStackPorts }] = await Promise.all([
    import('../remote/stack.ts'),
    import('../remote/ports.ts'),
  ])
  const stack = await findStack(name)
  const ports = openStackPorts(stack)
  return { ...ports, stack, home: join(tmpdir(), 'sluice'), close: () => ports.state.close() }
}

/** `undefined` where nothing has ever run. Looking creates nothing. */
export function openHome(io: Pick<Io, 'project' | 'home'>): Records | undefined {
  const home = homeOf(io)
  const file = join(home, 'state.db')
  if (!existsSync(file)) return undefined
  const { state, catalog } = openSqliteStore(file)
  return {
    home,
    state,
    catalog,
    lake: openDirectoryStore(join(home, 'lake')),
    evidence: openDirectoryStore(join(home, 'evidence')),
    close: () => state.close(),
  }
}

/** Runs `work` on the records of a run. Throws `ManifestError` `RUN_UNKNOWN` where there are no records at all. */
export async function withRecords<T>(
  io: Pick<Io, 'project' | 'home' | 'stack'>,
  runId: string,
  work: (records: Records) => Promise<T>,
): Promise<T> {
  const records = await openRecords(io)
  if (records === undefined) {
    const { unknownRun } = await import('../core/runs/runs.ts')
    throw unknownRun(runId)
  }
  try {
    return await work(records)
  } finally {
    records.close()
  }
}
