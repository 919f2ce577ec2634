import { ManifestError } from '../core/errors.ts'
import { digestOf } from '../core/json.ts'
import { buildPlan } from '../core/planning/plan.ts'
import { parseRunOptions } from '../core/planning/run-options.ts'
import { loadRenderedManifest } from '../core/runs/manifest-store.ts'
import { requireProject } from '../core/runs/projects.ts'
import { checkRunId } from '../core/runs/runs.ts'
import { findProject, loadProject } from '../local/project.ts'
import { newRunId } from '../local/run.ts'
import type { StackPorts } from '../remote/ports.ts'
import type { Io } from './io.ts'
import type { Start } from './resume-stack.ts'
import type { RunCommandOptions } from './run.ts'

/**
 * What to start for a new run of a deployed project, or of a stored manifest that the caller has planned. It is planned here before, from the manifest that is deployed, so
 * that what the plan handler would refuse starts no execution. Throws `ManifestError`: `PROJECT_NOT_DEPLOYED`,
 * `PROJECT_AMBIGUOUS`, `RUN_ID_INVALID`, `USAGE`, and what {@link buildPlan} throws.
 */
export async function newRunOnStack(
  io: Io,
  ports: Pick<StackPorts, 'state' | 'evidence'>,
  options: Pick<RunCommandOptions, 'runId' | 'projectName'>,
  given: Readonly<Record<string, unknown>>,
): Promise<Start> {
  const { projectName } = options
  if (given.manifest !== undefined) {
    const run_id = checkRunId(options.runId)
    return { run_id, execution: run_id, input: given, doneBefore: new Set() }
  }
  if (projectName !== undefined && io.project !== '.') throw twoProjects(io.project)
  const local = projectName === undefined ? await localProject(io) : undefined
  const deployed = await requireProject(ports, projectName ?? local?.project)
  const run_id = checkRunId(options.runId ?? newRunId())
  const rendered = await loadRenderedManifest(ports.evidence, deployed.manifest)
  buildPlan(rendered, parseRunOptions(given))
  if (local !== undefined && digestOf(local) !== digestOf(rendered)) {
    io.err(
      `Note: ${deployed.project} is deployed in another version than ${io.project} has now. The deployed one runs.`,
    )
  }
  const input = { project: deployed.project, ...given }
  return { run_id, execution: run_id, input, doneBefore: new Set() }
}

/** Of the directory that the command is called in; where it has no manifest, the stack's only project is meant. */
async function localProject(io: Io) {
  try {
    findProject(io.project)
  } catch (error) {
    if (io.project === '.' && error instanceof ManifestError) return undefined
    throw error
  }
  return (await loadProject(io.project)).rendered
}

function twoProjects(project: string): ManifestError {
  return new ManifestError({
    code: 'USAGE',
    fact: `the project is named twice, by --project ${project} and by --project-name`,
    consequence: 'Nothing was started',
    next: 'Leave one of them out: --project is a directory here, --project-name the name of a deployed project',
  })
}
