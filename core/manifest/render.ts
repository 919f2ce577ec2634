import { stringify } from 'yaml'
import type { RenderedManifest } from './types.ts'

/**
 * The effective manifest as YAML: no `defaults`, no `include`, every default written out, aliases expanded.
 * Loading this text from the same directory gives the same manifest, and the text depends on nothing else.
 */
export function renderYaml(manifest: RenderedManifest): string {
  const { version, project, connections, dataflows } = manifest
  const options = { lineWidth: 0, aliasDuplicateObjects: false, indentSeq: true } as const
  return stringify({ version, project, connections, dataflows }, options)
}
