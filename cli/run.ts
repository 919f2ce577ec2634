import { ManifestError } from '../core/errors.ts'
import { parseRunOptions } from '../core/planning/run-options.ts'
import { selectDataflows } from '../core/planning/select.ts'
import { checkRunId } from '../core/runs/runs.ts'
import { findProject, loadProject } from '../local/project.ts'
import { exitCodes } from './fail.ts'
import type { Io } from './io.ts'
import { printPlan } from './plan.ts'
import { requireStack } from './require-stack.ts'
import { runOptionsOf, type SelectionOptions } from './run-options.ts'

export interface RunCommandOptions extends SelectionOptions {
  readonly runId?: string
  readonly resume?: string
  /** Only with `--stack`. */
  readonly detach?: boolean
  readonly projectName?: string
}

/**
 * Runs the project, or goes on with a run. What is wrong before the plan is written is refused with exit code 2;
 * from then on the run ends with a result: 0, 1, or 130 where it was interrupted.
 */
export async function run(io: Io, options: RunCommandOptions): Promise<number> {
  if (io.stack !== undefined) {
    const given = runOptionsOf(options)
    if (parseRunOptions(given).dry_run) throw dryRunOnStack()
    const { runOnStack } = await import('./run-stack.ts')
    return await runOnStack(io, io.stack, options, given)
  }
  if (options.detach === true) requireStack(io, 'run --detach')
  if (options.projectName !== undefined) requireStack(io, 'run --project-name')
  if (options.resume !== undefined) {
    // The manifest that counts is the one that the run began with: the file as it is now is not even read.
    const { directory } = findProject(io.project)
    const { resumeRun } = await import('./run-execute.ts')
    return await resumeRun(io, directory, options.resume)
  }
  const project = await loadProject(io.project)
  const given = runOptionsOf(options)
  const parsed = parseRunOptions(given)
  if (parsed.dry_run) {
    printPlan(io, project.rendered, parsed)
    io.err('A dry run: nothing was read from a source, and nothing was written.')
    return exitCodes.success
  }
  // Also a request that is refused leaves nothing behind, so it is tried before there is a workspace.
  if (options.runId !== undefined) checkRunId(options.runId)
  selectDataflows(project.rendered.dataflows, parsed)
  const { startRun } = await import('./run-execute.ts')
  const request = { manifest: project.rendered, options: given }
  return await startRun(io, project.directory, {
    ...request,
    ...(options.runId !== undefined && { run_id: options.runId }),
  })
}

function dryRunOnStack(): ManifestError {
  return new ManifestError({
    code: 'RUN_OPTIONS_INVALID',
    fact: 'an execution is never a dry run',
    consequence: 'Nothing was started',
    next: 'What it would do is shown by: sluice plan',
  })
}
