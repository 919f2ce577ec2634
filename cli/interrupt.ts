import { writeSync } from 'node:fs'
import { exitCodes } from './fail.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
const showCursor = '\u001b[?25h'

export interface Interruption {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal
  release(): void
}

/** The first Ctrl-C ends the showing of a run that is somebody else's to carry out. */
export function detachOnSignals(): Interruption {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(exitCodes.interrupted)
    controller.abort()
  }
  for (const name of signals) process.on(name, onSignal)
  return {
    signal: controller.signal,
    release: () => {
      for (const name of signals) process.off(name, onSignal)
    },
  }
}

/**
 * The first Ctrl-C (or SIGTERM, or a closed terminal) asks the run to stop: what is at work is cut off, settled
 * and sealed. The second one ends the process where it stands, which is what the fences are there for.
 */
export function stopOnSignals(notice: (text: string) => void): Interruption {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) {
      // Past process.stderr, whose writes the live display holds back.
      if (process.stderr.isTTY) writeSync(process.stderr.fd, showCursor)
      process.exit(exitCodes.interrupted)
    }
    notice('Stopping: what is at work is cut off and settled. Once more to end at once.')
    controller.abort(new Error('interrupted by the user'))
  }
  for (const name of signals) process.on(name, onSignal)
  return {
    signal: controller.signal,
    release: () => {
      for (const name of signals) process.off(name, onSignal)
    },
  }
}
