import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RenderedManifest } from '../core/manifest/types.ts'
import type { ReadPorts } from '../core/ports.ts'
import { type ApprovalItem, approvePlan } from '../core/runs/approvals.ts'
import { parseEnvironment } from '../core/runs/environments.ts'
import { readObjects } from '../core/stores/read-only.ts'
import { newS3Client } from '../core/stores/s3-object-store.ts'
import { openSqliteStore } from '../core/stores/sqlite-state-store.ts'
import { loadProject } from '../local/project.ts'
import { openWorkspaceReader } from '../local/workspace-reader.ts'
import { deployedProject } from './deployed-project.ts'
import { homeOf } from './home.ts'
import type { Io } from './io.ts'

/** A project whose tables are looked at: of a workspace, or as it is deployed on a stack. */
export interface SchemaProject {
  readonly rendered: RenderedManifest
  readonly ports: ReadPorts
  /** The one thing that is written, and only by who approves. */
  approve(approval: Pick<ApprovalItem, 'dataflow' | 'plan' | 'approved_by'>): Promise<ApprovalItem>
}

export async function withSchemaProject<T>(io: Io, work: (project: SchemaProject) => Promise<T>): Promise<T> {
  return io.stack === undefined ? await inWorkspace(io, work) : await onStack(io, io.stack, work)
}

async function inWorkspace<T>(io: Io, work: (project: SchemaProject) => Promise<T>): Promise<T> {
  const { directory, rendered } = await loadProject(io.project)
  const home = homeOf(io)
  const { ports, close } = openWorkspaceReader({ projectDirectory: directory, home })
  try {
    return await work({
      rendered,
      ports,
      approve: async (approval) => {
        const { state } = openSqliteStore(join(home, 'state.db'))
        try {
          return await approvePlan({ state, clock: ports.clock }, rendered.project, approval)
        } finally {
          state.close()
        }
      },
    })
  } finally {
    await close()
  }
}

/** MiB: headers, footers and expressions are looked at, not rows. */
const engineMemory = 256

async function onStack<T>(io: Io, name: string, work: (project: SchemaProject) => Promise<T>): Promise<T> {
  const [{ findStack }, { openStackPorts, openStackReaders }, { openBucket }, { openEnginePool }] =
    await Promise.all([
      import('../remote/stack.ts'),
      import('../remote/ports.ts'),
      import('../lambdas/environment.ts'),
      import('../core/engine/engine.ts'),
    ])
  const stack = await findStack(name)
  const readers = openStackReaders(stack)
  const directory = await mkdtemp(join(tmpdir(), 'sluice-look-'))
  const engines = openEnginePool({ directory, size: 1, memoryLimitMb: engineMemory })
  const client = newS3Client()
  try {
    const rendered = await deployedProject(io, readers)
    const ports: ReadPorts = {
      ...readers,
      engines,
      openSource: (path) => readObjects(openBucket(path, client)),
      environment: parseEnvironment(stack.Environment, 'production'),
    }
    return await work({
      rendered,
      ports,
      approve: async (approval) => await approvePlan(openStackPorts(stack), rendered.project, approval),
    })
  } finally {
    await engines.close()
    await rm(directory, { recursive: true, force: true })
    readers.state.close()
  }
}
