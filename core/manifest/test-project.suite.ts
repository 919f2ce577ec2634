import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'
import { type LoadedManifest, loadManifest } from './load.ts'

const directories: string[] = []

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** Writes files into a new temporary directory and gives it back; it goes when the test file ends. */
export function projectOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-manifest-'))
  directories.push(directory)
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), content)
  }
  return directory
}

export async function load(files: Readonly<Record<string, string | Uint8Array>>): Promise<LoadedManifest> {
  return await loadManifest(join(projectOf(files), 'sluice.yaml'))
}

/** The lines of the error that the manifest gives, without the directory. */
export async function problemsOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<string[]> {
  const directory = projectOf(files)
  try {
    await loadManifest(join(directory, 'sluice.yaml'))
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    if (code !== 'MANIFEST_INVALID') throw error
    const lines = message.replaceAll(`${directory}/`, '').split('\n').slice(1, -1)
    return lines.map((line) => line.trim())
  }
  return []
}
