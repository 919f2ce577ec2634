import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fillLanding, projectDirectory } from '../../examples/flights/landing.ts'

export interface ExampleCopy {
  readonly directory: string
  readonly landing: string
  /** `.sluice` of the copy. */
  readonly home: string
  remove(): void
}

/** The example's manifest with its real files in a directory of its own, so that nobody's lake is touched. */
export async function copyExample(): Promise<ExampleCopy> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-flights-'))
  for (const name of ['sluice.yaml', 'dataflows']) {
    cpSync(join(projectDirectory, name), join(directory, name), { recursive: true })
  }
  const landing = await fillLanding(join(directory, 'landing'))
  const remove = () => rmSync(directory, { recursive: true, force: true })
  return { directory, landing, home: join(directory, '.sluice'), remove }
}
