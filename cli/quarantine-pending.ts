import { acknowledgedRows, readQuarantineItem } from '../core/runs/acknowledgements.ts'
import type { FlowItem, RunItem } from '../core/runs/items.ts'
import { flowKey, runKey } from '../core/runs/keys.ts'
import { readQuarantineIndex } from '../core/runs/quarantine.ts'
import { readRun } from '../core/runs/runs.ts'
import { exitCodes } from './fail.ts'
import { openRecords, type Records } from './home.ts'
import type { Io } from './io.ts'
import { listPlaces } from './quarantine-places.ts'
import { type Block, emit } from './report.ts'
import { instant, number, plural } from './words.ts'

/** Rows of which nobody has said what becomes of them. */
interface Pending {
  readonly run: RunItem
  readonly flow: FlowItem
  readonly rows: number
  readonly pending: number
  readonly expires_at: string
}

/** Reads of the state at a time. */
const atOnce = 20
const defaultLimit = 20

/** Lists what all runs have set aside and nobody has acknowledged, the newest run first. */
export async function listPending(io: Io, limit: number | undefined): Promise<number> {
  const found = await pendingOf(io)
  const shown = limit ?? (io.format === 'json' ? found.length : defaultLimit)
  const data = {
    schema: 'sluice.quarantine_pending.v1',
    total: found.length,
    quarantines: found.slice(0, shown).map(({ run, flow, rows, pending, expires_at }) => ({
      run_id: run.run_id,
      started_at: run.started_at,
      dataflow: flow.dataflow,
      status: flow.status,
      rows,
      pending,
      expires_at,
    })),
  }
  emit(io, data, blocksOf(io, found, shown))
  return exitCodes.success
}

async function pendingOf(io: Io): Promise<Pending[]> {
  const records = await openRecords(io)
  if (records === undefined) return []
  try {
    return await findPending(records)
  } finally {
    records.close()
  }
}

/** By what lies in quarantine: far fewer dataflows have set something aside than have run. */
async function findPending(records: Records): Promise<Pending[]> {
  const found: Pending[] = []
  const all = [...(await listPlaces(records)).keys()]
  for (let i = 0; i < all.length; i += atOnce) {
    const looked = await Promise.all(all.slice(i, i + atOnce).map((place) => look(records, place)))
    found.push(...looked.filter((each) => each !== undefined))
  }
  return found.sort(
    (a, b) =>
      b.run.started_at.localeCompare(a.run.started_at) || a.flow.dataflow.localeCompare(b.flow.dataflow),
  )
}

async function look(records: Records, place: string): Promise<Pending | undefined> {
  const [runId, dataflow] = place.split('/') as [string, string]
  const flow = (await records.state.get(runKey(runId), flowKey(dataflow))) as FlowItem | undefined
  // An earlier version kept no index.
  if (!flow?.quarantine?.key.endsWith('.json')) return undefined
  const item = await readQuarantineItem(records, runId, dataflow)
  if (item?.removed !== undefined) return undefined
  const { rows, expires_at } = item ?? (await readQuarantineIndex(records.evidence, flow.quarantine))
  const pending = rows - acknowledgedRows(item)
  return pending <= 0 ? undefined : { run: await readRun(records, runId), flow, rows, pending, expires_at }
}

function blocksOf(io: Io, found: readonly Pending[], shown: number): Block[] {
  const [first] = found
  if (first === undefined) return [{ kind: 'text', text: 'No rejected row is pending' }]
  const rows = found.reduce((sum, { pending }) => sum + pending, 0)
  const rest = found.length - shown
  return [
    { kind: 'title', text: `${plural(rows, 'rejected row')} pending` },
    {
      kind: 'table',
      columns: [
        { title: 'run' },
        { title: 'started' },
        { title: 'dataflow' },
        { title: 'status' },
        { title: 'rows', align: 'right' },
        { title: 'pending', align: 'right' },
        { title: 'kept until' },
      ],
      rows: found
        .slice(0, shown)
        .map(({ run, flow, rows: all, pending, expires_at }) => [
          run.run_id,
          instant(run.started_at),
          flow.dataflow,
          flow.status,
          number(all),
          number(pending),
          instant(expires_at),
        ]),
    },
    ...(rest > 0
      ? [
          {
            kind: 'text',
            text: `and ${plural(rest, 'dataflow')} of earlier runs; --limit shows more`,
          } as const,
        ]
      : []),
    {
      kind: 'code',
      title: 'How to go on',
      lines: [
        io.command(`quarantine list ${first.run.run_id}`),
        io.command(`quarantine show ${first.run.run_id} ${first.flow.dataflow}`),
      ],
    },
  ]
}
