import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { sha256 } from '../../core/json.ts'

const cache = resolve(import.meta.dirname, '..', '..', '.cache')
const run = promisify(execFile)

/** The first of the programs that is not on the PATH. */
export async function missingProgram(...programs: readonly (readonly [string, ...string[]])[]) {
  for (const [program, ...args] of programs) {
    const isThere = await run(program, args, { timeout: 60_000 }).then(
      () => true,
      () => false,
    )
    if (!isThere) return program
  }
  return undefined
}

/** A folder of the cache that belongs to exactly this content, filled once. */
export async function cached(name: string, content: string, fill: (folder: string) => Promise<void>) {
  const folder = join(cache, `${name}-${sha256(content).slice(0, 12)}`)
  const mark = join(folder, '.complete')
  if (existsSync(mark)) return folder
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  await fill(folder)
  await writeFile(mark, '')
  return folder
}

/** An environment of Python of its own, with the packages of a requirements file. */
export async function pythonEnvironment(name: string, requirements: string, content: string) {
  return await cached(name, content, async (folder) => {
    await runProgram('python3', ['-m', 'venv', folder])
    await runProgram(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', '-q', '-r', requirements])
  })
}

/** Copies what a `pom.xml` names, with all that it needs, into the folder. */
export async function copyJars(pom: string, folder: string): Promise<void> {
  await runProgram('mvn', [
    '-B',
    '-q',
    '-f',
    pom,
    'dependency:copy-dependencies',
    `-DoutputDirectory=${folder}`,
  ])
}

export async function runProgram(program: string, args: readonly string[]): Promise<void> {
  await run(program, args, { timeout: 600_000, maxBuffer: 64 * 1024 * 1024 })
}
