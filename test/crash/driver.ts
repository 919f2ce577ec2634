/**
 * One process that is to die: it runs the project of its first argument, once for every delivery, and kills
 * itself at the given boundary of the last run. It ends by itself only when that boundary never came.
 */
import { atBoundary, type Boundary } from '../support/boundaries.ts'
import { deliver, runProject } from '../support/project.ts'

export interface Drive {
  readonly directory: string
  /** The run that dies is the last one. */
  readonly runs: readonly string[]
  readonly boundary: Boundary
}

const drive = JSON.parse(process.argv[2] as string) as Drive
for (const [i, run_id] of drive.runs.entries()) {
  deliver(drive.directory, i + 1)
  const isLast = i === drive.runs.length - 1
  // SIGKILL cannot be handled: nothing is flushed, closed or written after it.
  const onEvent = atBoundary(drive.boundary, () => process.kill(process.pid, 'SIGKILL'))
  await runProject(drive.directory, { run_id, ...(isLast ? { onEvent } : {}) })
}
