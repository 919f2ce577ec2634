import { acknowledgedRows, type QuarantineItem, readQuarantineItem } from '../core/runs/acknowledgements.ts'
import { type QuarantineIndex, readQuarantineIndex } from '../core/runs/quarantine.ts'
import { readRun } from '../core/runs/runs.ts'
import { exitCodes } from './fail.ts'
import { type FlowEvidence, readFlowEvidence, reasonsOf, selectFlows } from './flow-evidence.ts'
import { type Records, withRecords } from './home.ts'
import type { Io } from './io.ts'
import { listPending } from './quarantine-pending.ts'
import { type ShowOptions, showQuarantine } from './quarantine-show.ts'
import { type Block, emit } from './report.ts'
import { instant, number } from './words.ts'

/** The short form: what all runs or one of them set aside, or the rows of one dataflow. */
export async function quarantine(
  io: Io,
  runId: string | undefined,
  dataflow: string | undefined,
  options: ShowOptions,
): Promise<number> {
  if (runId === undefined || dataflow === undefined) return await listQuarantine(io, runId, options)
  return await showQuarantine(io, runId, dataflow, options)
}

/** Lists what a run set aside, why, and how much of it is still to be looked at; without a run, what is pending of all. */
export async function listQuarantine(
  io: Io,
  runId: string | undefined,
  { limit }: Pick<ShowOptions, 'limit'>,
): Promise<number> {
  if (runId === undefined) return await listPending(io, limit)
  return await withRecords(io, runId, async (records) => {
    const run = await readRun(records, runId)
    const held: Held[] = []
    for (const flow of await selectFlows(records, runId, undefined)) {
      if (flow.quarantine === undefined) continue
      held.push(await look(records, runId, await readFlowEvidence(records, run, flow)))
    }
    const data = {
      schema: 'sluice.quarantine.v1',
      run_id: runId,
      directory: records.evidence.uri,
      dataflows: held.map(entryOf),
    }
    emit(io, data, held.length === 0 ? nothing(runId) : blocksOf(io, runId, held))
    return exitCodes.success
  })
}

interface Held {
  readonly found: FlowEvidence
  readonly item: QuarantineItem | undefined
  /** Absent for one that an earlier version has written. */
  readonly index: QuarantineIndex | undefined
}

async function look(records: Records, runId: string, found: FlowEvidence): Promise<Held> {
  const { flow } = found
  const ref = flow.quarantine
  const index = ref?.key.endsWith('.json') ? await readQuarantineIndex(records.evidence, ref) : undefined
  const item = await readQuarantineItem(records, runId, flow.dataflow)
  return { found, item, index }
}

function entryOf({ found: { flow, log }, item, index }: Held) {
  const rows = flow.rows?.quarantined ?? null
  const acknowledged = acknowledgedRows(item)
  return {
    dataflow: flow.dataflow,
    status: flow.status,
    rows,
    acknowledged,
    pending: rows === null ? null : rows - acknowledged,
    by_reason: reasonsOf(log),
    reasons: index?.reasons ?? [],
    pii_policy: index?.pii_policy ?? null,
    contract_sha256: index?.contract_sha256 ?? null,
    expires_at: index?.expires_at ?? null,
    removed: item?.removed ?? null,
    acknowledgements: item?.acknowledged ?? [],
    file: flow.quarantine,
  }
}

function nothing(runId: string): Block[] {
  return [{ kind: 'text', text: `Run ${runId} has nothing in quarantine` }]
}

function blocksOf(io: Io, runId: string, held: readonly Held[]): Block[] {
  const entries = held.map(entryOf)
  const first = entries[0]?.dataflow ?? ''
  return [
    { kind: 'title', text: `Quarantine of run ${runId}` },
    {
      kind: 'table',
      columns: [
        { title: 'dataflow' },
        { title: 'status' },
        { title: 'rows', align: 'right' },
        { title: 'pending', align: 'right' },
        { title: 'rejected for' },
        { title: 'kept until' },
        { title: 'index' },
      ],
      rows: entries.map((entry) => [
        entry.dataflow,
        entry.status,
        entry.rows === null ? '' : number(entry.rows),
        entry.removed !== null ? 'removed' : entry.pending === null ? '' : number(entry.pending),
        entry.by_reason
          .map(({ column, rule, name, count }) => `${column ?? 'row'} ${name ?? rule} ${number(count)}`)
          .join(', '),
        entry.expires_at === null ? '' : instant(entry.expires_at),
        entry.file?.key ?? '',
      ]),
    },
    {
      kind: 'code',
      title: 'How to go on',
      lines: [
        ...entries.slice(0, 3).map(({ dataflow }) => io.command(`quarantine show ${runId} ${dataflow}`)),
        io.command(`quarantine replay ${runId} ${first} --from corrected.csv`),
        io.command(`quarantine ack ${runId} ${first} --reason '…'`),
      ],
    },
  ]
}
