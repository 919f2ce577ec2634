import { buildPlan } from '../core/planning/plan.ts'
import { parseRunOptions } from '../core/planning/run-options.ts'
import { checkRunId } from '../core/runs/runs.ts'
import { newRunId } from '../local/run.ts'
import type { StackReaders } from '../remote/ports.ts'
import { deployedProject } from './deployed-project.ts'
import type { Io } from './io.ts'
import type { Start } from './resume-stack.ts'
import type { RunCommandOptions } from './run.ts'

/**
 * What to start for a new run of a deployed project, or of a stored manifest that the caller has planned. It is planned
 * here before, from the manifest that is deployed, so that what the plan handler would refuse starts no execution.
 * Throws `ManifestError` `RUN_ID_INVALID`, and what {@link deployedProject} and {@link buildPlan} throw.
 */
export async function newRunOnStack(
  io: Io,
  ports: Pick<StackReaders, 'state' | 'evidence'>,
  options: Pick<RunCommandOptions, 'runId' | 'projectName'>,
  given: Readonly<Record<string, unknown>>,
): Promise<Start> {
  if (given.manifest !== undefined) {
    const run_id = checkRunId(options.runId)
    return { run_id, execution: run_id, input: given, doneBefore: new Set() }
  }
  const rendered = await deployedProject(io, ports, options.projectName)
  const run_id = checkRunId(options.runId ?? newRunId())
  buildPlan(rendered, parseRunOptions(given))
  const input = { project: rendered.project, ...given }
  return { run_id, execution: run_id, input, doneBefore: new Set() }
}
