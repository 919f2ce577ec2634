import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'

/** Another process that runs a module of its own, for races and crashes that one process cannot show. */
export interface Child {
  /** Everything it printed, once it has ended by itself; rejects when it failed. */
  readonly output: Promise<string>
  /** Resolves when it has printed this many lines. */
  lines(count: number): Promise<void>
  /** SIGKILL: no handler runs and nothing is flushed. Returns what it had printed. */
  kill(): Promise<string>
}

/** Runs `source`, plain JavaScript; its imports from `./` are resolved in this folder. It does not outlive the test. */
export function startChild(source: string, ...args: readonly string[]): Child {
  const here = new URL('.', import.meta.url).href
  const module = source.replaceAll(/from '\.\//g, `from '${here}`)
  const child = spawn(process.execPath, ['--input-type=module', '-e', module, ...args])
  onTestFinished(() => void child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => {
    stdout += data
  })
  child.stderr.on('data', (data) => {
    stderr += data
  })
  const ended = once(child, 'close')
  const output = ended.then(([code]) => {
    if (code === 0) return stdout
    throw new Error(`The child process ended with ${code}: ${stderr}`)
  })
  output.catch(() => undefined)
  return {
    output,
    lines: async (count) => {
      while (stdout.split('\n').length <= count) {
        if (child.exitCode !== null) throw new Error(`The child process ended early: ${stderr}`)
        await Promise.race([once(child.stdout, 'data'), ended])
      }
    },
    kill: async () => {
      child.kill('SIGKILL')
      await ended
      return stdout
    },
  }
}
