import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Ports, ReadPorts } from '../core/ports.ts'
import { openDirectoryReader, openDirectoryStore } from '../core/stores/directory-object-store.ts'
import { openSqliteReader, openSqliteStore } from '../core/stores/sqlite-state-store.ts'
import { findProject } from '../local/project.ts'
import type { Stack } from '../remote/stack.ts'
import type { Io } from './io.ts'

type Stores = 'state' | 'catalog' | 'lake' | 'evidence'

interface Place {
  /** Where they are those of a stack. */
  readonly stack?: Stack
  /** A directory of this machine for files at work. */
  readonly home: string
  close(): void
}

/** What runs have left behind, to look at: enough for that, not enough to run or to change anything. */
export interface Records extends Place, Pick<ReadPorts, Stores> {}

/** For the commands that add to what a run has left: `cancel`, and `quarantine ack`, `replay` and `prune`. */
export interface WritableRecords extends Place, Pick<Ports, Stores> {}

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
  if (io.stack === undefined) return openHome(io)
  const { stack, openStackReaders } = await loadStack(io.stack)
  return onStack(stack, openStackReaders(stack))
}

export async function openWritableRecords(
  io: Pick<Io, 'project' | 'home' | 'stack'>,
): Promise<WritableRecords | undefined> {
  if (io.stack === undefined) return openWritableHome(io)
  const { stack, openStackPorts } = await loadStack(io.stack)
  return onStack(stack, openStackPorts(stack))
}

/** Loads the SDK's clients, which looking at a workspace has no use for. */
async function loadStack(name: string) {
  const [{ findStack }, ports] = await Promise.all([
    import('../remote/stack.ts'),
    import('../remote/ports.ts'),
  ])
  return { stack: await findStack(name), ...ports }
}

function onStack<P extends Pick<ReadPorts, 'state'>>(stack: Stack, ports: P): P & Place {
  return { ...ports, stack, home: join(tmpdir(), 'sluice'), close: () => ports.state.close() }
}

/** `undefined` where nothing has ever run. Looking creates nothing. */
export function openHome(io: Pick<Io, 'project' | 'home'>): Records | undefined {
  const home = homeOf(io)
  const opened = openSqliteReader(join(home, 'state.db'))
  if (opened === undefined) return undefined
  return {
    home,
    ...opened,
    lake: openDirectoryReader(join(home, 'lake')),
    evidence: openDirectoryReader(join(home, 'evidence')),
    close: () => opened.state.close(),
  }
}

function openWritableHome(io: Pick<Io, 'project' | 'home'>): WritableRecords | undefined {
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
  return await using(await openRecords(io), runId, work)
}

/** As {@link withRecords}, for what adds to them. */
export async function withWritableRecords<T>(
  io: Pick<Io, 'project' | 'home' | 'stack'>,
  runId: string,
  work: (records: WritableRecords) => Promise<T>,
): Promise<T> {
  return await using(await openWritableRecords(io), runId, work)
}

async function using<R extends Place, T>(
  records: R | undefined,
  runId: string,
  work: (records: R) => Promise<T>,
): Promise<T> {
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
