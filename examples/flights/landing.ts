import { constants } from 'node:fs'
import { copyFile, mkdir, readFile, rename } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The four files that the example reads, as the npm package `vega-datasets` has them. */
export const landingFiles = ['flights-3m.parquet', 'airports.csv', 'birdstrikes.csv', 'movies.json'] as const

export const projectDirectory = dirname(fileURLToPath(import.meta.url))

/** The data folder of the installed package. Throws an `Error` that says what to do where it is not installed. */
export function datasetsDirectory(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '..', 'data')
  } catch (error) {
    const fact = 'The example reads files of the npm package vega-datasets, and it is not installed.'
    throw new Error(`${fact} Nothing was run. Run: npm ci`, { cause: error })
  }
}

/**
 * Delivers the files to `directory`, each whole and at once. One that is there with the same bytes is left
 * alone, so that for the project it stays the object that was loaded before. Copies, no links: a new
 * installation of the package must not change what was delivered.
 */
export async function fillLanding(directory = join(projectDirectory, 'landing')): Promise<string> {
  const datasets = datasetsDirectory()
  await mkdir(directory, { recursive: true })
  for (const name of landingFiles) await deliver(join(datasets, name), directory, name)
  return directory
}

async function deliver(source: string, directory: string, name: string): Promise<void> {
  const target = join(directory, name)
  const [wanted, present] = await Promise.all([readFile(source), readFile(target).catch(() => undefined)])
  if (present?.equals(wanted)) return
  const part = join(directory, `.${name}.part`)
  await copyFile(source, part, constants.COPYFILE_FICLONE)
  await rename(part, target)
}
