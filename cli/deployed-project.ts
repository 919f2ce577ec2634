import { ManifestError } from '../core/errors.ts'
import { digestOf } from '../core/json.ts'
import type { RenderedManifest } from '../core/manifest/types.ts'
import { loadRenderedManifest } from '../core/runs/manifest-store.ts'
import { requireProject } from '../core/runs/projects.ts'
import { findProject, loadProject } from '../local/project.ts'
import type { StackReaders } from '../remote/ports.ts'
import type { Io } from './io.ts'

/**
 * The project in the version that is deployed: the one of that name, or of the directory that the command is about, or
 * the stack's only one. Says so where the directory has another version. Throws `ManifestError` `PROJECT_NOT_DEPLOYED`,
 * `PROJECT_AMBIGUOUS` and, where it is named twice, `USAGE`.
 */
export async function deployedProject(
  io: Io,
  ports: Pick<StackReaders, 'state' | 'evidence'>,
  projectName?: string,
): Promise<RenderedManifest> {
  if (projectName !== undefined && io.project !== '.') throw twoProjects(io.project)
  const local = projectName === undefined ? await localProject(io) : undefined
  const deployed = await requireProject(ports, projectName ?? local?.project)
  const rendered = await loadRenderedManifest(ports.evidence, deployed.manifest)
  if (local !== undefined && digestOf(local) !== digestOf(rendered)) {
    io.err(
      `Note: ${deployed.project} is deployed in another version than ${io.project} has now. The deployed one counts.`,
    )
  }
  return rendered
}

/** Of the directory that the command is called in; where it has no manifest, the stack's only project is meant. */
async function localProject(io: Io): Promise<RenderedManifest | undefined> {
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
