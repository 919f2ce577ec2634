import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const main = fileURLToPath(new URL('main.ts', import.meta.url))

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly pid: number
  kill(signal: NodeJS.Signals): void
  /** Resolves when standard error has said it; rejects when the process ends without. */
  said(text: string): Promise<void>
  readonly finished: Promise<Finished>
}

export interface StartOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly node?: readonly string[]
}

/** Starts the real command line in a process of its own, without a terminal. */
export function startSluice(args: readonly string[], { cwd, env, node = [] }: StartOptions): Started {
  const {
    NO_COLOR: _noColor,
    FORCE_COLOR: _forceColor,
    NODE_OPTIONS: _nodeOptions,
    ...inherited
  } = process.env
  const child = spawn(process.execPath, [...node, main, ...args], { cwd, env: { ...inherited, ...env } })
  let stdout = ''
  let stderr = ''
  const waiting = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    for (const look of waiting) look()
  })
  const finished = new Promise<Finished>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
  return {
    pid: child.pid as number,
    kill: (signal) => child.kill(signal),
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = () => stderr.includes(text) && resolve()
        waiting.add(look)
        look()
        void finished.then(() => reject(new Error(`ended without saying ${text}: ${stdout}${stderr}`)))
      }),
    finished,
  }
}

export async function sluice(args: readonly string[], options: StartOptions): Promise<Finished> {
  return await startSluice(args, options).finished
}

/** A directory with these files, gone when the test file has ended. */
export function temporaryProject(files: Readonly<Record<string, string>> = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
  made.push(directory)
  for (const [name, text] of Object.entries(files)) writeProjectFile(directory, name, text)
  return directory
}

export function writeProjectFile(directory: string, name: string, text: string): void {
  const file = join(directory, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

const made: string[] = []
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true })
})

/** A manifest around these dataflows, each the lines of one list entry. */
export function manifestOf(...dataflows: readonly string[]): string {
  return `version: 1
project: shop
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
dataflows:
${dataflows.join('\n')}
`
}

/** Loads `landing/<name>-*.csv` with the columns id and amount into `bronze.<name>`. */
export function csvDataflow(name: string, more = ''): string {
  return `  - name: ${name}
    stage: bronze
    source: { connection: landing, path: "${name}-*.csv", format: csv }
    contract:
      enforcement: quarantine
      quarantine: { pii_policy: preserve }
      columns: { id: { type: integer, nullable: false }, amount: { type: decimal, precision: 9, scale: 2 } }
    sink: { connection: warehouse, table: bronze.${name}, load_type: append }
${more}`
}

export function sqlDataflow(name: string, sql: string, columns: string): string {
  return `  - name: ${name}
    stage: gold
    transform: { sql: "${sql}" }
    contract: { enforcement: strict, columns: { ${columns} } }
    sink: { connection: warehouse, table: gold.${name}, load_type: overwrite }
`
}
