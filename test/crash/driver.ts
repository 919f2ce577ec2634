/**
 * One process that is to die: it runs the project of its first argument and kills itself at the given boundary.
 * It ends by itself only when that boundary never came.
 */
import type { RenderedManifest } from '../../core/manifest/types.ts'
import { atBoundary, type Boundary } from '../support/boundaries.ts'
import { runProject } from '../support/project.ts'

export interface Drive {
  readonly directory: string
  readonly manifest: RenderedManifest
  readonly run_id: string
  readonly boundary: Boundary
}

const { directory, boundary, ...run } = JSON.parse(process.argv[2] as string) as Drive
// SIGKILL cannot be handled: nothing is flushed, closed or written after it.
const onEvent = atBoundary(boundary, () => process.kill(process.pid, 'SIGKILL'))
await runProject(directory, { ...run, onEvent })
