import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a TypeScript file of this repository in a process of its own, with this Node. */
export async function runChild(
  file: string,
  args: readonly string[],
  started?: (kill: (signal: NodeJS.Signals) => void) => void,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const path = fileURLToPath(new URL(`../../${file}`, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], {
    // Compiled modules are shared between the children: most of a start is compilation.
    env: {
      ...process.env,
      NODE_COMPILE_CACHE: join(tmpdir(), 'sluice-compile-cache'),
      NO_COLOR: '1',
      ...environment,
    },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  child.stderr.on('data', (data) => {
    stderr += data
  })
  started?.((signal) => child.kill(signal))
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, stdout, stderr }
}

/** At most `count` of the works at a time. */
export function limited(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = count
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    else free -= 1
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}

/** The command line on a project, as a person reads it. */
export function runCli(project: string, ...args: string[]) {
  return runChild('cli/main.ts', [...args, '--project', project, '--format', 'text'])
}
