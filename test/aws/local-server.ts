import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout } from 'node:timers/promises'

export const here = import.meta.dirname

/** A server of a test on a loopback port, or why there is none. */
export type LocalServer = { readonly url: string; stop(): Promise<void> } | { readonly skipped: string }

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as { port: number }
  await new Promise((done) => server.close(done))
  return port
}

export interface ServerProcess {
  readonly child: ChildProcess
  /** What it printed so far. */
  output(): string
  stop(): Promise<void>
}

/** Starts a server that ends when its standard input does, so that it cannot outlive this process. */
export function startServer(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string | undefined>> },
): ServerProcess {
  const child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-20_000)
    })
  }
  child.on('error', (error) => {
    output += error.message
  })
  const ended = new Promise<void>((done) => child.once('close', () => done()))
  const endsWithin = async (ms: number) =>
    await Promise.race([ended.then(() => true), setTimeout(ms, false, { ref: false })])
  return {
    child,
    output: () => output,
    stop: async () => {
      child.stdin.end()
      if (await endsWithin(5000)) return
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** Waits until the server answers, or says with its own output why it does not. */
export async function untilReady(server: ServerProcess, isReady: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000
  while (Date.now() < deadline && server.child.exitCode === null) {
    if (await isReady().catch(() => false)) return
    await setTimeout(50)
  }
  await server.stop()
  throw new Error(`A test server did not start:\n${server.output()}`)
}
