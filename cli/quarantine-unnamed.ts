import { SluiceError } from '../core/errors.ts'
import type { FlowItem, RunItem } from '../core/runs/items.ts'
import { metaKey, runKey } from '../core/runs/keys.ts'
import { loadDataflow } from '../core/runs/manifest-store.ts'
import { namedRejected } from '../core/runs/named-rejected.ts'
import { defaultRetentionDays } from '../core/runs/quarantine.ts'
import { readFlows } from '../core/runs/runs.ts'
import type { ObjectInfo } from '../core/stores/object-store.ts'
import type { Records } from './home.ts'
import type { Places } from './quarantine-places.ts'
import type { Block } from './report.ts'
import { holderOf, leaseOf, runStateOf } from './run-state.ts'
import { bytes, number, plural } from './words.ts'

/** Files of rejected rows of one dataflow in one run that no index and no record names, beyond their time. */
export interface Unnamed {
  readonly run_id: string
  readonly dataflow: string
  readonly bytes: number
  readonly files: readonly ObjectInfo[]
}

const day = 86_400_000

/**
 * What a process has stored that was killed before it wrote its index, or a call of a gate that was given up. Without an
 * index there is no `expires_at`: their time counts from when they were stored.
 */
export async function findUnnamed(records: Records, places: Places, now: Date): Promise<Unnamed[]> {
  const found: Unnamed[] = []
  for (const [place, objects] of places) {
    const [run_id, dataflow] = place.split('/') as [string, string]
    // No retention is shorter than a day; corrected rows of a replay are not called by a number.
    const old = objects.filter((info) => /\/\d[^/]*\.parquet$/.test(info.key) && age(info, now) >= day)
    if (old.length === 0) continue
    const run = (await records.state.get(runKey(run_id), metaKey)) as RunItem | undefined
    if (run === undefined) continue
    const files = await unnamedOf(records, run, dataflow, old, now)
    const size = files.reduce((sum, file) => sum + file.size, 0)
    if (files.length > 0) found.push({ run_id, dataflow, bytes: size, files })
  }
  return found
}

/**
 * First that nothing of the run is at work any more, then what is named: in the other order an index that is written in
 * between would lose its files.
 */
async function unnamedOf(
  records: Records,
  run: RunItem,
  dataflow: string,
  old: readonly ObjectInfo[],
  now: Date,
): Promise<readonly ObjectInfo[]> {
  const flows = await readFlows(records, run.run_id)
  const flow = flows.find((each) => each.dataflow === dataflow)
  if (flow === undefined || !(await isOver(records, run, flows, flow, now))) return []
  const days = await retentionDays(records, run, dataflow)
  if (days === undefined) return []
  const due = old.filter((info) => age(info, now) >= days * day)
  const named = due.length === 0 ? undefined : await namedRejected(records, run, flow)
  return named === undefined ? [] : due.filter(({ key }) => !named.has(key))
}

/**
 * A lease that has run out is still one that its holder can renew, say after its machine has slept: only a lease that
 * was given back or taken over, or a holder that is known to be dead, ends an attempt.
 */
async function isOver(
  { state }: Records,
  run: RunItem,
  flows: readonly FlowItem[],
  { dataflow }: FlowItem,
  now: Date,
): Promise<boolean> {
  if ((await runStateOf(state, run, flows, now.getTime())) === 'running') return false
  const lease = await leaseOf(state, run.project, dataflow)
  return lease?.run_id !== run.run_id || holderOf(lease, now.getTime()) === 'dead'
}

/** `undefined` where the run's manifest is gone or was changed: `evidence verify` tells of that. */
async function retentionDays(
  { evidence }: Records,
  run: RunItem,
  dataflow: string,
): Promise<number | undefined> {
  try {
    const { contract } = await loadDataflow(evidence, run.manifest, dataflow)
    return contract.quarantine.retention_days ?? defaultRetentionDays
  } catch (error) {
    if (error instanceof SluiceError) return undefined
    throw error
  }
}

function age({ last_modified }: ObjectInfo, now: Date): number {
  return now.getTime() - Date.parse(last_modified)
}

/** How many rows are in them nobody has written down. */
export function unnamedBlocks(unnamed: readonly Unnamed[], isDone: boolean): Block[] {
  const count = unnamed.reduce((sum, { files }) => sum + files.length, 0)
  const text = `${plural(count, 'file')} of rejected rows that no index names ${isDone ? 'removed' : 'to be removed'}`
  return [
    { kind: 'title', text },
    {
      kind: 'table',
      columns: [
        { title: 'run' },
        { title: 'dataflow' },
        { title: 'files', align: 'right' },
        { title: 'size', align: 'right' },
      ],
      rows: unnamed.map(({ run_id, dataflow, files, bytes: size }) => [
        run_id,
        dataflow,
        number(files.length),
        bytes(size),
      ]),
    },
  ]
}
