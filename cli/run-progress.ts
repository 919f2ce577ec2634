import { setTimeout as sleep } from 'node:timers/promises'
import type { RunItem } from '../core/runs/items.ts'
import { findPosition, type GatePosition } from './gate-position.ts'
import type { Io } from './io.ts'
import { type Change, createProgress, foldSnapshot, setPosition } from './progress.ts'
import { changeLine, endLine } from './progress-lines.ts'
import { drawLive, type LiveView, roomFor } from './progress-live.ts'
import { openSnapshots, type WatchedRun, waitingText } from './run-snapshot.ts'

export interface RunWatch {
  /** Looks once, and shows what is new. Returns the run, or `undefined` before it has begun. */
  look(): Promise<Look | undefined>
  /** Runs `work`, on a terminal with a drawing of what was seen last. */
  during<T>(work: () => Promise<T>): Promise<T>
  /** Something to say to the person who watches. */
  notice(text: string): void
}

export interface Look {
  readonly run: RunItem
  /** Whether anything is different from the look before. */
  readonly isNews: boolean
}

/**
 * Shows a run as it goes on, by what its handlers record in the state store: the same for one in this process and one
 * on a stack. A drawing on a terminal, a line for each beginning and end without one, nothing under `--format json`.
 */
export function watchRun(io: Io, watched: WatchedRun): RunWatch {
  const progress = createProgress()
  const view: LiveView = { progress, failures: [], notice: undefined, waits: undefined }
  const mode = io.format === 'json' ? 'silent' : io.isTerminal ? 'live' : 'lines'
  const takeSnapshot = openSnapshots(watched)
  const positions = new Map<string, GatePosition>()
  let seen = ''

  const line = (text: string): void => io.err(`${new Date().toISOString().slice(11, 19)} ${text}`)

  const tell = (change: Change): void => {
    if (mode === 'lines') line(changeLine(watched.run_id, change))
    if (change.kind === 'ended' && change.flow.status === 'failed')
      view.failures.push(endLine(change.flow, change.seconds))
  }

  /** Of those that the drawing has room for: each costs a read of its own. */
  const findGates = async (): Promise<void> => {
    const shown = [...progress.active.values()].slice(0, roomFor(view, process.stderr.rows))
    const found = await Promise.all(
      shown.map(async (flow) => {
        if (flow.status === 'waiting') return
        const known = positions.get(flow.dataflow)
        const position = await findPosition(watched.stores, watched.run_id, flow, known)
        positions.set(flow.dataflow, position)
        setPosition(progress, flow.dataflow, position)
        return position.gate
      }),
    )
    seen += found.join(' ')
  }

  return {
    look: async () => {
      const snapshot = await takeSnapshot()
      if (snapshot === undefined) return undefined
      for (const change of foldSnapshot(progress, snapshot, watched.doneBefore)) tell(change)
      const isIdle = mode !== 'silent' && progress.phase === 'running' && progress.active.size === 0
      const waits = isIdle ? await waitingText(watched.stores, snapshot) : undefined
      if (mode === 'lines' && waits !== undefined && waits !== view.waits) line(waits)
      view.waits = waits
      const before = seen
      seen = snapshot.flows.map(({ status, attempt }) => `${status} ${attempt}`).join()
      if (mode === 'live') await findGates()
      return { run: snapshot.run, isNews: seen !== before }
    },
    during: async (work) => (mode === 'live' ? await drawLive(view, io.colors.err, work) : await work()),
    notice: (text) => {
      if (mode === 'live') view.notice = text
      else io.err(text)
    },
  }
}

/** Milliseconds between two looks at the stores of this machine. */
const nearby = 200
/** Share of the time that looking may take of the work: reading thousands of items is not free. */
const share = 0.05

/** Shows a run that `work` carries out in this process, until that has ended. */
export async function watchWhile<T>(watch: RunWatch, work: () => Promise<T>): Promise<T> {
  const done = new AbortController()
  const looking = (async () => {
    while (!done.signal.aborted) {
      const began = performance.now()
      // What cannot be shown now can be shown later; the work itself says what is wrong with its stores.
      await watch.look().catch(() => undefined)
      const pause = Math.max(nearby, (performance.now() - began) / share)
      await sleep(pause, undefined, { signal: done.signal }).catch(() => undefined)
    }
  })()
  try {
    return await work()
  } finally {
    done.abort()
    await looking
    await watch.look().catch(() => undefined)
  }
}
