import { ManifestError } from '../core/errors.ts'
import type { RenderedManifest } from '../core/manifest/types.ts'
import { literalPrefix } from '../core/sources/files.ts'
import type { Stack } from './stack.ts'

/**
 * Refuses a manifest with sources that the functions of the stack may not read: every run would fail at its first gate.
 * A source may be read where each key that its path can match lies below one of the stack's locations. Throws
 * `ManifestError` `SOURCE_NOT_READABLE`.
 */
export function checkReadable(stack: Pick<Stack, 'name' | 'Sources'>, manifest: RenderedManifest): void {
  const locations = JSON.parse(stack.Sources) as readonly string[]
  const missing = sourcesOf(manifest).filter(
    ({ begins }) => !locations.some((location) => begins.startsWith(location)),
  )
  if (missing.length === 0) return
  const said = missing.slice(0, 10).map(({ dataflow, uri }) => `${dataflow} (${uri})`)
  if (missing.length > said.length) said.push(`${missing.length - said.length} more`)
  const needed = missing.map(({ folder }) => folder)
  const all = [...new Set([...locations, ...needed])].map((location) => location.replace(/\/$/, ''))
  throw new ManifestError({
    code: 'SOURCE_NOT_READABLE',
    fact: `the stack ${stack.name} may not read the sources of ${said.join(', ')}; it may read ${locations.length === 0 ? 'none' : locations.map((location) => `s3://${location}*`).join(', ')}`,
    consequence: 'Nothing was deployed',
    next: `Correct the paths, or let the stack read them: npx cdk deploy -c sluice:sources=${all.join(',')}`,
  })
}

interface FilesAt {
  readonly dataflow: string
  /** As the manifest has it. */
  readonly uri: string
  /** `bucket/key`, as far as every match of the path begins with it. */
  readonly begins: string
  /** `bucket/prefix/` of the connection. */
  readonly folder: string
}

/** Of the dataflows that a run may select. */
function sourcesOf({ dataflows, connections }: RenderedManifest): FilesAt[] {
  return dataflows.flatMap(({ name, source, is_active }) => {
    const connection = source === undefined ? undefined : connections[source.connection]
    if (source === undefined || connection?.type !== 'files' || is_active === false) return []
    if (!connection.path.startsWith('s3://')) return []
    const folder = `${connection.path.slice('s3://'.length).replace(/\/$/, '')}/`
    const uri = `s3://${folder}${source.path}`
    return [{ dataflow: name, uri, begins: folder + literalPrefix(source.path), folder }]
  })
}
