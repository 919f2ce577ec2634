import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { cached, copyJars, missingProgram, pythonEnvironment, runProgram } from '../support/programs.ts'

const here = import.meta.dirname

/** How a reader is started, or why it is not. */
export type Reader = { readonly command: readonly [string, ...string[]] } | { readonly skipped: string }

declare module 'vitest' {
  export interface ProvidedContext {
    pyiceberg: Reader
    java: Reader
  }
}

/**
 * Brings both readers from their registries, once. One that this machine cannot run is named, and its cases are
 * skipped; with `SLUICE_TEST_READERS=all` that is an error.
 */
export async function setup(project: TestProject): Promise<void> {
  const [pyiceberg, java] = await Promise.all([bringPyIceberg(), bringJava()])
  project.provide('pyiceberg', named('PyIceberg', pyiceberg))
  project.provide('java', named('Iceberg’s Java library', java))
}

/** PyIceberg from PyPI, at the versions of `pyiceberg.txt`. */
async function bringPyIceberg(): Promise<Reader> {
  const missing = await missingProgram(['python3', '-c', 'import venv, ensurepip'])
  if (missing !== undefined) return { skipped: 'there is no python3 with the venv module on the PATH' }
  const requirements = join(here, 'pyiceberg.txt')
  const folder = await pythonEnvironment('pyiceberg', requirements, await readFile(requirements, 'utf8'))
  return { command: [join(folder, 'bin', 'python'), join(here, 'read-tables.py')] }
}

/** Iceberg's own library from Maven Central, at the versions of `java/pom.xml`. */
async function bringJava(): Promise<Reader> {
  const missing = await missingProgram(['javac', '-version'], ['java', '-version'], ['mvn', '-version'])
  if (missing !== undefined) return { skipped: `there is no ${missing} on the PATH` }
  const pom = join(here, 'java', 'pom.xml')
  const source = join(here, 'java', 'ReadTables.java')
  const jars = await cached('iceberg-jars', await readFile(pom, 'utf8'), (folder) => copyJars(pom, folder))
  const content = (await readFile(pom, 'utf8')) + (await readFile(source, 'utf8'))
  const classes = await cached('iceberg-reader', content, (folder) =>
    runProgram('javac', ['-cp', join(jars, '*'), '-d', folder, source]),
  )
  const path = `${classes}:${join(jars, '*')}`
  const options = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']
  return { command: ['java', ...options, '-cp', path, 'ReadTables'] }
}

function named(name: string, reader: Reader): Reader {
  if ('command' in reader) return reader
  const message = `${name} is not started: ${reader.skipped}. What it would read is skipped.`
  if (process.env.SLUICE_TEST_READERS === 'all') throw new Error(message)
  process.stderr.write(`\n${message}\n\n`)
  return reader
}
