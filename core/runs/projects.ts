import { ConditionFailedError, ManifestError } from '../errors.ts'
import type { Ports, ReadPorts } from '../ports.ts'
import type { ObjectRef } from '../stores/object-ref.ts'
import type { Item } from '../stores/state-store.ts'
import { projectsKey } from './keys.ts'

type State = Pick<Ports, 'state' | 'clock'>

/** Which manifest an execution runs that names none itself. */
export interface ProjectItem extends Item {
  readonly project: string
  /** Content-addressed: the manifest of an earlier version stays where it is. */
  readonly manifest: ObjectRef
  /** From 1; grows with every deployment of another manifest. */
  readonly version: number
  /** ISO 8601, UTC. */
  readonly deployed_at: string
}

export async function readProject(
  ports: Pick<ReadPorts, 'state'>,
  project: string,
): Promise<ProjectItem | undefined> {
  return (await ports.state.get(projectsKey, project)) as ProjectItem | undefined
}

/** In code-point order of their names. */
export async function listProjects(ports: Pick<ReadPorts, 'state'>): Promise<ProjectItem[]> {
  const projects: ProjectItem[] = []
  for await (const item of ports.state.query(projectsKey)) projects.push(item as ProjectItem)
  return projects
}

/**
 * The deployed project that is meant: the one of that name, or the only one. Throws `ManifestError`
 * `PROJECT_NOT_DEPLOYED` and `PROJECT_AMBIGUOUS`.
 */
export async function requireProject(
  ports: Pick<ReadPorts, 'state'>,
  name: string | undefined,
): Promise<ProjectItem> {
  const found = name === undefined ? await onlyProject(ports) : await readProject(ports, name)
  if (found !== undefined) return found
  const others = name === undefined ? [] : (await listProjects(ports)).map(({ project }) => project)
  const fact =
    name === undefined ? 'no project is deployed' : `no project ${JSON.stringify(name)} is deployed`
  throw new ManifestError({
    code: 'PROJECT_NOT_DEPLOYED',
    fact: others.length === 0 ? fact : `${fact}; there are ${others.join(', ')}`,
    consequence: 'Nothing was started',
    next: 'Deploy it with: sluice deploy --project <directory> --stack <name>',
  })
}

async function onlyProject(ports: Pick<ReadPorts, 'state'>): Promise<ProjectItem | undefined> {
  const projects = await listProjects(ports)
  if (projects.length < 2) return projects[0]
  throw new ManifestError({
    code: 'PROJECT_AMBIGUOUS',
    fact: `${projects.length} projects are deployed (${projects.map(({ project }) => project).join(', ')}), and none of them is named`,
    consequence: 'Nothing was started',
    next: 'Name one: --project-name <name> on the command line, "project": "<name>" in the input of an execution',
  })
}

/**
 * Points the project at a manifest that is stored already. Deploying the same one again changes nothing.
 * Of two deployments at once the second fails with `ManifestError` `PROJECT_MOVED`: it saw an older version.
 */
export async function pointProject(ports: State, project: string, manifest: ObjectRef): Promise<ProjectItem> {
  const current = await readProject(ports, project)
  if (current?.manifest.sha256 === manifest.sha256) return current
  const item: ProjectItem = {
    pk: projectsKey,
    sk: project,
    project,
    manifest,
    version: (current?.version ?? 0) + 1,
    deployed_at: ports.clock().toISOString(),
  }
  try {
    const expect = current === undefined ? 'absent' : { version: current.version }
    await ports.state.transact([{ kind: 'put', item, expect }])
  } catch (error) {
    if (!(error instanceof ConditionFailedError)) throw error
    throw new ManifestError({
      code: 'PROJECT_MOVED',
      fact: `somebody else has deployed ${project} at the same time`,
      consequence: 'Their manifest is the deployed one; yours is stored, but nothing points to it',
      next: 'Deploy again if yours is the one to keep',
      cause: error,
    })
  }
  return item
}
