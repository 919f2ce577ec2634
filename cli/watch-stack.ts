import { setTimeout as sleep } from 'node:timers/promises'
import type { FlowItem, RunItem } from '../core/runs/items.ts'
import { metaKey, runKey } from '../core/runs/keys.ts'
import { isDone, readFlows } from '../core/runs/runs.ts'
import { type newExecutionsClient, throwIfEnded } from '../remote/executions.ts'
import type { StackPorts } from '../remote/ports.ts'
import type { Stack } from '../remote/stack.ts'
import type { Io } from './io.ts'
import { createProgress, type Progress } from './progress.ts'
import { endLine } from './progress-lines.ts'
import { drawLive, type LiveView } from './progress-live.ts'
import { plural } from './words.ts'

export interface Followed {
  readonly client: ReturnType<typeof newExecutionsClient>
  readonly stack: Stack
  readonly run_id: string
  readonly execution: string
  /** The execution goes on with a run that is older than itself. */
  readonly resumes: boolean
  /** Ends the following, not the run. */
  readonly signal: AbortSignal
}

/** Milliseconds between two looks at the state table; one look costs a run of a hundred dataflows 20 read units. */
const interval = 1000
/** Looks without any change after which Step Functions is asked whether the execution still lives. */
const patience = 15

/**
 * Shows a run on a stack as it goes on, from what its handlers record, and returns the run when it is sealed;
 * `undefined` when the signal came first. Throws what {@link throwIfEnded} says of an execution that ended otherwise.
 */
export async function followRun(io: Io, ports: StackPorts, followed: Followed): Promise<RunItem | undefined> {
  const view: LiveView = {
    progress: createProgress(),
    total: 0,
    done: 0,
    failed: 0,
    failures: [],
    notice: undefined,
  }
  const mode = io.format === 'json' ? 'silent' : io.isTerminal ? 'live' : 'lines'
  const say = (line: string): void => {
    if (mode === 'lines') io.err(`${new Date().toISOString().slice(11, 19)} ${line}`)
  }
  const work = () => follow(ports, followed, view, say)
  return mode === 'live' ? await drawLive(view, io.colors.err, work) : await work()
}

async function follow(
  ports: StackPorts,
  { client, stack, run_id, execution, resumes, signal }: Followed,
  view: LiveView,
  say: (line: string) => void,
): Promise<RunItem | undefined> {
  let seen = ''
  let quiet = 0
  while (!signal.aborted) {
    const run = (await ports.state.get(runKey(run_id), metaKey)) as RunItem | undefined
    // Before the execution has planned or reopened the run, its items are those of before.
    const isOurs = run !== undefined && run.execution === execution
    const flows = isOurs ? await readFlows(ports, run_id) : []
    if (isOurs) {
      if (view.progress.run_id === undefined) begun(view, run_id, flows, resumes, say)
      foldItems(view, flows, say)
    }
    if (isOurs && run.status !== 'running' && run.result !== undefined) return run
    const now = JSON.stringify([isOurs, flows.map(({ status, attempt }) => `${status}${attempt}`)])
    quiet = now === seen ? quiet + 1 : 0
    seen = now
    if (quiet >= patience || (!isOurs && quiet % 3 === 2)) {
      await throwIfEnded(client, stack, execution)
      if (quiet >= patience) quiet = 0
    }
    await sleep(interval, undefined, { signal }).catch(() => undefined)
  }
  return undefined
}

/** The first look. What a resumed run had done before is not told again; a new run may be quicker than the look. */
export function begun(
  view: LiveView,
  run_id: string,
  flows: readonly FlowItem[],
  resumes: boolean,
  say: (line: string) => void,
): void {
  const { progress } = view
  progress.run_id = run_id
  progress.phase = 'running'
  view.total = flows.length
  const before = resumes ? flows.filter(isDone) : []
  for (const flow of before) progress.ended.set(flow.dataflow, flow.status)
  const said = before.length === 0 ? '' : `, ${before.length} of them done before`
  say(`run ${run_id} started: ${plural(flows.length, 'dataflow')}${said}`)
}

/** Takes in what the items tell now, and says what has changed since the last time. */
export function foldItems(view: LiveView, flows: readonly FlowItem[], say: (line: string) => void): void {
  const { progress } = view
  for (const flow of flows) {
    if (flow.status === 'running') begin(progress, flow, say)
    else if (flow.finished_at !== undefined && flow.status !== 'pending') end(view, flow, say)
    else if (flow.reason === 'stopping') end(view, flow, say)
  }
  view.done = progress.ended.size
  view.failed = flows.filter(({ status }) => status === 'failed').length
}

function begin(progress: Progress, flow: FlowItem, say: (line: string) => void): void {
  const { dataflow, attempt } = flow
  if (progress.active.get(dataflow)?.attempt === attempt) return
  // A dataflow that failed is tried again.
  progress.ended.delete(dataflow)
  const started_at = flow.started_at === undefined ? Date.now() : Date.parse(flow.started_at)
  progress.active.set(dataflow, { dataflow, attempt, gate: 'at work', status: 'running', started_at })
  say(`${dataflow} started${attempt > 1 ? `, attempt ${attempt}` : ''}`)
}

function end(view: LiveView, flow: FlowItem, say: (line: string) => void): void {
  const { progress, failures } = view
  if (progress.ended.get(flow.dataflow) === flow.status) return
  progress.active.delete(flow.dataflow)
  progress.ended.set(flow.dataflow, flow.status)
  const line = endLine(flow, secondsOf(flow))
  if (flow.status === 'failed') failures.push(line)
  say(line)
}

function secondsOf({ started_at, finished_at }: FlowItem): number {
  if (started_at === undefined || finished_at === undefined) return 0
  return Math.max(0, Date.parse(finished_at) - Date.parse(started_at)) / 1000
}
