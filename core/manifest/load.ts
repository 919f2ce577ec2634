import { checkWritten } from './check-written.ts'
import { readConnections, readDataflows, readParts, readTop } from './parts.ts'
import { manifestError, type Problem, tidyProblems } from './problems.ts'
import type { Provenance } from './provenance.ts'
import { checkTogether } from './together.ts'
import type { RenderedManifest } from './types.ts'
import type { JudgeTexts } from './written-texts.ts'

export interface LoadedManifest {
  readonly manifest: RenderedManifest
  /** Where every value came from; for `why`. */
  readonly provenance: Provenance
}

/**
 * Reads a manifest and its included files, merges `defaults` under every dataflow, fills the schema's defaults
 * in and checks every rule, the graph included. Reads those files only: no connection need be up. SQL, expressions and
 * patterns are the engine's to read, and checked where there is a `judge`. Throws
 * `ManifestError` `MANIFEST_INVALID` with all problems at once (`details.problems`, a list of `Problem`),
 * whatever the file holds.
 */
export async function loadManifest(file: string, judge?: JudgeTexts): Promise<LoadedManifest> {
  const problems: Problem[] = []
  const parts = await readParts(file, problems)
  const top = readTop(parts, problems)
  const connections = readConnections(parts.trees, problems)
  const found = await readDataflows(parts, problems)
  if (parts.complete) {
    checkTogether(found, connections, problems)
    if (judge !== undefined) await checkWritten(found, judge, problems)
    if (found.length === 0 && problems.length === 0) {
      problems.push({
        file,
        path: 'dataflows',
        message: 'there is no dataflow',
        hint: 'Add one under dataflows',
      })
    }
  }
  if (problems.length > 0 || top === undefined) throw manifestError(tidyProblems(problems, parts.files))
  return {
    manifest: {
      version: 1,
      project: top.project,
      connections: Object.fromEntries([...connections].map(([name, { connection }]) => [name, connection!])),
      dataflows: found.map(({ flow }) => flow!),
    },
    provenance: {
      files: parts.files,
      root: parts.root,
      connections: new Map([...connections].map(([name, { tree }]) => [name, tree])),
      dataflows: new Map(found.map(({ flow, tree }) => [flow!.name, tree])),
    },
  }
}
