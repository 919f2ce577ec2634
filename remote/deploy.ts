import { ManifestError } from '../core/errors.ts'
import { digestOf } from '../core/json.ts'
import type { RenderedManifest } from '../core/manifest/types.ts'
import { checkPreserve, parseEnvironment } from '../core/runs/environments.ts'
import { loadRenderedManifest, storeRenderedManifest } from '../core/runs/manifest-store.ts'
import { pointProject, readProject } from '../core/runs/projects.ts'
import type { StackPorts } from './ports.ts'
import { checkReadable } from './readable-sources.ts'
import type { Stack } from './stack.ts'
import { checkTriggers, syncTriggers, type TriggerChange, type TriggerClients } from './triggers.ts'

export interface Deployment {
  readonly project: string
  readonly stack: string
  /** The version that was deployed before; 0 where there was none. */
  readonly previous_version: number
  readonly version: number
  /** SHA-256 of the manifest. */
  readonly manifest: string
  /** Names of dataflows. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly changed: readonly string[]
  readonly triggers: readonly TriggerChange[]
}

/**
 * Makes a project what the stack runs: stores its manifest under its own digest, points the project at it, and
 * makes schedules and rules equal to it. Everything that can be refused is refused before anything is changed;
 * an interruption leaves a manifest that nothing points to, or triggers of the version before, and deploying
 * again mends both. Throws `ManifestError` `SOURCE_NOT_ON_S3`, `SOURCE_NOT_READABLE`, `PRESERVE_IN_PRODUCTION`, what
 * `checkTriggers` throws, and `PROJECT_MOVED`.
 */
export async function deployProject(
  stack: Stack,
  ports: StackPorts,
  manifest: RenderedManifest,
  clients: TriggerClients,
): Promise<Deployment> {
  refuseLocalSources(manifest)
  checkPreserve(parseEnvironment(stack.Environment, 'production'), manifest.dataflows)
  checkReadable(stack, manifest)
  await checkTriggers(stack, manifest, clients)
  const before = await readProject(ports, manifest.project)
  const old = before === undefined ? undefined : await loadRenderedManifest(ports.evidence, before.manifest)
  const ref = await storeRenderedManifest(ports.evidence, manifest)
  const { version } = await pointProject(ports, manifest.project, ref)
  const triggers = await syncTriggers(stack, manifest, clients)
  return {
    project: manifest.project,
    stack: stack.name,
    previous_version: before?.version ?? 0,
    version,
    manifest: ref.sha256,
    ...compare(old, manifest),
    triggers,
  }
}

/** A directory of this machine is none of a function's. */
function refuseLocalSources({ connections }: RenderedManifest): void {
  const local = Object.entries(connections).flatMap(([name, connection]) =>
    connection.type === 'files' && !connection.path.startsWith('s3://')
      ? [`${name} (${connection.path})`]
      : [],
  )
  if (local.length === 0) return
  throw new ManifestError({
    code: 'SOURCE_NOT_ON_S3',
    fact: `on AWS, connections of type files need a path s3://bucket/prefix, and these have another: ${local.join(', ')}`,
    consequence: 'Nothing was deployed',
    next: 'Put the files into a bucket and name it; the stack must be told that it may be read: npx cdk deploy -c sluice:sources=bucket/prefix',
  })
}

function compare(old: RenderedManifest | undefined, now: RenderedManifest) {
  const before = byName(old)
  const after = byName(now)
  const names = [...after.keys()]
  return {
    added: names.filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: names.filter((name) => before.has(name) && before.get(name) !== after.get(name)),
  }
}

/** With the connections in each digest: a dataflow that reads from elsewhere is another one. */
function byName(manifest: RenderedManifest | undefined): ReadonlyMap<string, string> {
  const dataflows = manifest?.dataflows ?? []
  return new Map(
    dataflows.map((dataflow) => {
      const source = dataflow.source && manifest?.connections[dataflow.source.connection]
      return [dataflow.name, digestOf({ dataflow, source: source ?? null })]
    }),
  )
}
