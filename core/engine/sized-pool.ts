import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type EnginePool, openEnginePool } from './engine.ts'

export interface SizedPoolOptions {
  readonly directory: string
  /** Single-threaded instances for small inputs, at work side by side. */
  readonly small: number
  /** MiB of each instance. */
  readonly memoryLimitMb: number
}

/**
 * Bytes of input from which a statement is worth more than one thread. Below, threads only cost: a thousand rows
 * take 10 ms of processor time on one and 12 ms on two (measured), and small inputs come by the hundred.
 */
const largeInput = 8 * 1024 * 1024

/** Small inputs run side by side on one thread each, large ones one at a time on all processors. */
export function openSizedPool({ directory, small, memoryLimitMb }: SizedPoolOptions): EnginePool {
  const narrow = openEnginePool({
    directory: join(directory, 'small'),
    size: small,
    threads: 1,
    memoryLimitMb,
  })
  const threads = availableParallelism()
  const wide = openEnginePool({ directory: join(directory, 'large'), size: 1, threads, memoryLimitMb })
  return {
    use: (work, options = {}) => ((options.bytes ?? 0) < largeInput ? narrow : wide).use(work, options),
    close: async () => {
      await Promise.all([narrow.close(), wide.close()])
    },
  }
}
