import type { Ports } from '../core/ports.ts'
import { readGateLog } from '../core/runs/gate-log.ts'
import type { FlowItem } from '../core/runs/items.ts'
import { isDone, readFlow, readFlows } from '../core/runs/runs.ts'
import type { HistoryEvent } from '../local/asl/index.ts'
import type { Io } from './io.ts'
import { type Change, createProgress, foldEvent, setRows } from './progress.ts'
import { endLine } from './progress-lines.ts'
import { drawLive, type LiveView } from './progress-live.ts'
import { plural } from './words.ts'

export interface RunWatch {
  /** Runs `work` and shows its events while it lasts. */
  during<T>(work: (onEvent: (event: HistoryEvent) => void) => Promise<T>): Promise<T>
  /** Whether the plan was written: from then on there is a run. */
  hasStarted(): boolean
  /** Something to say to the person who watches. */
  notice(text: string): void
}

/** A drawing on a terminal, a line for each beginning and end without one, nothing under `--format json`. */
export function watchRun(io: Io, ports: Ports): RunWatch {
  const progress = createProgress()
  const view: LiveView = { progress, total: 0, done: 0, failed: 0, failures: [], notice: undefined }
  /** Of a run that is resumed: they are only looked at again. */
  const doneBefore = new Set<string>()
  const mode = io.format === 'json' ? 'silent' : io.isTerminal ? 'live' : 'lines'
  const say = (line: string): void => {
    if (mode === 'lines') io.err(`${new Date().toISOString().slice(11, 19)} ${line}`)
  }
  // Answers come from the state store, so lines are printed in the order of their events, one after the other.
  let told: Promise<void> = Promise.resolve()
  const onEvent = (event: HistoryEvent): void => {
    const before = progress.executions.get(event.executionId)
    const began = before === undefined ? undefined : progress.active.get(before)?.started_at
    const change = foldEvent(progress, event)
    if (change === undefined || mode === 'silent') return
    const seconds = began === undefined ? 0 : (event.timestamp - began) / 1000
    told = told.then(() => tell(change, seconds)).catch(() => undefined)
  }

  const tell = async (change: Change, seconds: number): Promise<void> => {
    if (change.kind === 'planned') {
      const flows = await readFlows(ports, change.run_id)
      for (const flow of flows.filter(isDone)) doneBefore.add(flow.dataflow)
      view.total = flows.length
      const before = doneBefore.size === 0 ? '' : `, ${doneBefore.size} of them done before`
      say(`run ${change.run_id} started: ${plural(flows.length, 'dataflow')}${before}`)
    } else if (change.kind === 'began') {
      say(`${change.dataflow} started${change.attempt > 1 ? `, attempt ${change.attempt}` : ''}`)
    } else if (change.kind === 'passed' && change.gate === 'contract' && mode === 'live') {
      await showRows(change.dataflow, change.attempt)
    } else if (change.kind === 'again') {
      say(`${change.dataflow} failed, and tries again in ${change.delay_seconds} s`)
    } else if (change.kind === 'ended' && progress.run_id !== undefined) {
      await showEnd(await readFlow(ports, progress.run_id, change.dataflow), seconds)
    }
  }

  const showRows = async (dataflow: string, attempt: number): Promise<void> => {
    const log = await readGateLog(ports, progress.run_id as string, dataflow, attempt)
    const rows = log.get('contract')?.record?.rows
    if (rows !== undefined) setRows(progress, dataflow, rows)
  }

  const showEnd = async (flow: FlowItem, seconds: number): Promise<void> => {
    const line = endLine(flow, seconds)
    view.done += 1
    if (flow.status === 'failed') {
      view.failed += 1
      view.failures.push(line)
    }
    if (!doneBefore.has(flow.dataflow)) say(line)
  }

  return {
    hasStarted: () => progress.run_id !== undefined,
    notice: (text) => {
      if (mode === 'live') view.notice = text
      else io.err(text)
    },
    during: async (work) => {
      const whole = async () => {
        const result = await work(onEvent)
        await told
        return result
      }
      return mode === 'live' ? await drawLive(view, io.colors.err, whole) : await whole()
    },
  }
}
