import type { FlowItem, RunItem } from '../core/runs/items.ts'
import { buildResult } from '../core/runs/result.ts'
import { readFlows, readRun } from '../core/runs/runs.ts'
import { exitCodes } from './fail.ts'
import { flowBlocks } from './flow-table.ts'
import { openRecords, type Records, withRecords } from './home.ts'
import type { Io } from './io.ts'
import { type Block, type Cell, emit, type Tone } from './report.ts'
import { type RunState, runStateOf } from './run-state.ts'
import { duration, instant } from './words.ts'

const defaultLimit = 10

/** Shows the newest runs, or the dataflows of one. Creates nothing where nothing has run. */
export async function status(
  io: Io,
  runId: string | undefined,
  options: { readonly limit?: number },
): Promise<number> {
  if (runId === undefined) await showRuns(io, options.limit ?? defaultLimit)
  else await withRecords(io, runId, (records) => showRun(io, records, runId))
  return exitCodes.success
}

interface RunRow {
  readonly run_id: string
  readonly project: string
  readonly status: RunState
  readonly started_at: string
  readonly finished_at: string | null
  readonly duration_seconds: number | null
  readonly total: number
  readonly succeeded: number
  readonly skipped: number
  readonly failed: number
  /** Not begun, or begun and without a verdict. */
  readonly open: number
}

async function showRuns(io: Io, limit: number): Promise<void> {
  const records = await openRecords(io)
  const rows: RunRow[] = []
  try {
    for (const item of (await records?.state.listRuns(limit)) ?? []) {
      rows.push(await runRow(records as Records, item as RunItem))
    }
  } finally {
    records?.close()
  }
  emit(io, { schema: 'sluice.runs.v1', runs: rows }, runBlocks(io, rows))
}

async function runRow(records: Records, run: RunItem): Promise<RunRow> {
  const flows = await readFlows(records, run.run_id)
  const count = (...wanted: FlowItem['status'][]) =>
    flows.filter((flow) => wanted.includes(flow.status)).length
  const state = await runStateOf(records.state, run, flows, Date.now())
  const ended = run.status === 'running' ? undefined : run.finished_at
  return {
    run_id: run.run_id,
    project: run.project,
    status: state,
    started_at: run.started_at,
    finished_at: ended ?? null,
    duration_seconds: ended === undefined ? null : secondsBetween(run.started_at, ended),
    total: flows.length,
    succeeded: count('succeeded'),
    skipped: count('skipped'),
    failed: count('failed'),
    open: count('pending', 'running'),
  }
}

const tones: Readonly<Record<RunState, Tone>> = {
  succeeded: 'good',
  failed: 'bad',
  interrupted: 'warn',
  running: 'dim',
}

function runBlocks(io: Io, rows: readonly RunRow[]): Block[] {
  if (rows.length === 0) {
    return [{ kind: 'text', text: `No run yet. Start one with: ${io.command('run')}` }]
  }
  const right = (title: string) => ({ title, align: 'right' }) as const
  const blocks: Block[] = [
    {
      kind: 'table',
      columns: [
        { title: 'run' },
        { title: 'started' },
        { title: 'status' },
        ...['dataflows', 'succeeded', 'skipped', 'failed', 'open', 'time'].map(right),
      ],
      rows: rows.map((row): Cell[] => [
        row.run_id,
        instant(row.started_at),
        { text: row.status, tone: tones[row.status] },
        ...[row.total, row.succeeded, row.skipped, row.failed, row.open].map(String),
        row.duration_seconds === null ? '' : duration(row.duration_seconds),
      ]),
    },
  ]
  const interrupted = rows.find((row) => row.status === 'interrupted')
  if (interrupted !== undefined) blocks.push(resumeHint(io, interrupted.run_id))
  return blocks
}

async function showRun(io: Io, records: Records, runId: string): Promise<void> {
  const run = await readRun(records, runId)
  const flows = await readFlows(records, runId)
  const now = new Date()
  const state = await runStateOf(records.state, run, flows, now.getTime())
  const ended = run.status === 'running' || run.finished_at === undefined ? now : new Date(run.finished_at)
  const names = flows.map((flow) => flow.dataflow)
  const result = buildResult(run, names, flows, ended)
  const isOver = run.status !== 'running'
  const data = {
    ...result,
    schema: 'sluice.status.v1',
    status: state,
    finished_at: isOver ? result.finished_at : null,
    duration_seconds: isOver ? result.duration_seconds : null,
  }
  const time = isOver ? `, ${duration(result.duration_seconds)}` : ''
  const blocks: Block[] = [
    { kind: 'title', text: `Run ${runId} of ${run.project}: ${state}` },
    { kind: 'text', text: `started ${instant(run.started_at)}${time}` },
    ...flowBlocks(result.dataflows, true),
  ]
  if (state === 'interrupted' || state === 'failed') blocks.push(resumeHint(io, runId))
  emit(io, data, blocks)
}

function resumeHint(io: Io, runId: string): Block {
  return { kind: 'code', title: 'Go on with it', lines: [io.command(`run --resume ${runId}`)] }
}

function secondsBetween(from: string, to: string): number {
  return Math.max(0, Date.parse(to) - Date.parse(from)) / 1000
}
