import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Worker } from '../core/ports.ts'

/** Workspaces open in this process, by worker id: `host/pid/random`. */
const open = new Set<string>()

/** The worker of one open workspace; `close` says that it is at work no more. */
export function openWorker(): Worker & { close(): void } {
  const id = `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`
  open.add(id)
  return { id, isGone: (other) => workerState(other) === 'dead', close: () => void open.delete(id) }
}

/**
 * What can be seen of a worker from here: a process on this machine is alive or dead, of one elsewhere only its
 * lease can tell. A worker with this process's own number that is not open here had the number before us
 * (containers give out the same few numbers again and again).
 */
export function workerState(worker: string): 'alive' | 'dead' | 'elsewhere' {
  const [host, pid] = worker.split('/')
  if (host !== hostname() || pid === undefined) return 'elsewhere'
  if (Number(pid) === process.pid) return open.has(worker) ? 'alive' : 'dead'
  try {
    process.kill(Number(pid), 0)
    return 'alive'
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'dead' : 'alive'
  }
}
