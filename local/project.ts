import { existsSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { ManifestError } from '../core/errors.ts'
import type { Provenance } from '../core/manifest/provenance.ts'
import type { RenderedManifest } from '../core/manifest/types.ts'
import { judgeTexts } from './judge-texts.ts'

/** What a project's manifest is called. */
export const manifestName = 'sluice.yaml'

/** Where a project lies: both paths absolute. */
export interface ProjectPlace {
  /** Relative connection paths start here. */
  readonly directory: string
  readonly file: string
}

export interface Project extends ProjectPlace {
  readonly rendered: RenderedManifest
  /** Where every value came from. */
  readonly provenance: Provenance
}

/**
 * The manifest that a path names: the file itself, or `sluice.yaml` in a directory. Reads no content. Throws
 * `ManifestError` `PROJECT_NOT_FOUND`; parent directories are not searched.
 */
export function findProject(path: string): ProjectPlace {
  const target = resolve(path)
  const stat = statSync(target, { throwIfNoEntry: false })
  if (stat === undefined) throw notFound(`there is no ${path}`, 'Name a project directory or its manifest')
  if (!stat.isDirectory()) return { directory: dirname(target), file: target }
  const file = join(target, manifestName)
  if (existsSync(file)) return { directory: target, file }
  if (existsSync(join(target, 'sluice.yml'))) {
    throw notFound(`${target} has a sluice.yml and no ${manifestName}`, `Rename it to ${manifestName}`)
  }
  const next = `Go to the project's directory, name it with --project, or begin one with: sluice init`
  throw notFound(`there is no ${manifestName} in ${target}`, next)
}

/**
 * Finds, reads and checks a project's manifest; no source is touched. Throws `ManifestError`
 * `PROJECT_NOT_FOUND`, or `MANIFEST_INVALID` with every problem at once.
 */
export async function loadProject(path: string): Promise<Project> {
  const place = findProject(path)
  // Reading manifests loads zod and yaml, about 100 ms that commands without one do not spend.
  const { loadManifest } = await import('../core/manifest/load.ts')
  const { manifest, provenance } = await loadManifest(shown(place.file), judgeTexts)
  return { ...place, rendered: manifest, provenance }
}

/** As people and editors like to read it: from here where it lies below, else absolute. */
function shown(file: string): string {
  const path = relative(process.cwd(), file)
  return path.startsWith('..') || isAbsolute(path) ? file : path
}

function notFound(fact: string, next: string): ManifestError {
  return new ManifestError({ code: 'PROJECT_NOT_FOUND', fact, consequence: 'Nothing was read', next })
}
