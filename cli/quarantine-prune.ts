import { ManifestError } from '../core/errors.ts'
import { sha256 } from '../core/json.ts'
import {
  acknowledgedRows,
  type QuarantineItem,
  readQuarantineItem,
  writeQuarantineItem,
} from '../core/runs/acknowledgements.ts'
import type { FlowItem } from '../core/runs/items.ts'
import { flowKey, runKey } from '../core/runs/keys.ts'
import { parseQuarantineIndex, type QuarantineIndex } from '../core/runs/quarantine.ts'
import { recordReplaced } from '../core/runs/replaced-quarantine.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'
import { exitCodes } from './fail.ts'
import { openWritableRecords, type Records, type WritableRecords } from './home.ts'
import type { Io } from './io.ts'
import { listPlaces, type Places } from './quarantine-places.ts'
import { findUnnamed, type Unnamed, unnamedBlocks } from './quarantine-unnamed.ts'
import { type Block, emit } from './report.ts'
import { whoAsks } from './who.ts'
import { instant, number, plural } from './words.ts'

/** An index whose files are to be removed, and what was said of its rows; of one that a later attempt has replaced nothing can be. */
interface Due {
  readonly ref: ObjectRef
  readonly index: QuarantineIndex
  readonly item?: QuarantineItem
}

/**
 * Removes the files of rejected rows whose time is over and that somebody has acknowledged, all of them, or that a later
 * attempt has read again, and those that no index names; without `--yes` it only says which. Indexes and evidence stay.
 * What an index names is recorded before it is removed, so that a repetition ends what was interrupted and
 * `evidence --verify` knows of it.
 */
export async function pruneQuarantine(io: Io, { yes }: { readonly yes?: boolean }): Promise<number> {
  const records = await openWritableRecords(io)
  if (records === undefined) {
    throw new ManifestError({
      code: 'RUN_UNKNOWN',
      fact: 'nothing has ever run here',
      next: 'Name the project with --project',
    })
  }
  try {
    const now = new Date()
    const places = await listPlaces(records)
    const due = await findDue(records, places, now)
    const unnamed = await findUnnamed(records, places, now)
    if (yes === true) {
      for (const each of due) await remove(records, each)
      await records.evidence.delete(unnamed.flatMap(({ files }) => files.map(({ key }) => key)))
    }
    const data = {
      schema: 'sluice.quarantine_prune.v1',
      removed: yes === true,
      quarantines: due.map(({ index: { run_id, dataflow, rows, bytes, expires_at, files }, item }) => ({
        run_id,
        dataflow,
        why: item === undefined ? 'replaced' : 'acknowledged',
        rows,
        bytes,
        expires_at,
        files: files.map(({ key }) => key),
      })),
      unnamed: unnamed.map(({ files, ...place }) => ({ ...place, files: files.map(({ key }) => key) })),
    }
    emit(io, data, blocksOf(io, due, unnamed, yes === true))
    return exitCodes.success
  } finally {
    records.close()
  }
}

/** By what lies in quarantine, and not by runs: an index that its run names no more is found, too. */
async function findDue(records: Records, places: Places, now: Date): Promise<Due[]> {
  const due: Due[] = []
  for (const [place, objects] of places) {
    const keys = objects.map(({ key }) => key).filter((key) => /\/\d[^/]*\.json$/.test(key))
    const [runId, dataflow] = place.split('/') as [string, string]
    const flow = (await records.state.get(runKey(runId), flowKey(dataflow))) as FlowItem | undefined
    if (flow === undefined || flow.status === 'running') continue
    const found: Due[] = []
    const kept = new Set<string>()
    for (const key of keys) {
      const entry = await readIndex(records, key)
      if (entry === undefined) continue
      const isLast = key === flow.quarantine?.key
      const item = isLast ? await readQuarantineItem(records, runId, dataflow) : undefined
      const isDone = !isLast || (item !== undefined && acknowledgedRows(item) >= item.rows)
      if (isDone && entry.index.expires_at <= now.toISOString())
        found.push({ ...entry, ...(item === undefined ? {} : { item }) })
      else for (const file of entry.index.files) kept.add(file.key)
    }
    // Two indexes of one round may name the same file of a shard.
    const whole = found.filter(({ index }) => !index.files.some(({ key }) => kept.has(key)))
    for (const entry of whole) if (await isLeft(records, entry)) due.push(entry)
  }
  return due
}

/** `undefined` for what is no index as it was written: `evidence verify` tells of that, and nothing is removed by it. */
async function readIndex({ evidence }: Records, key: string): Promise<Due | undefined> {
  const { body } = await evidence.get(key)
  const index = parseQuarantineIndex(body)
  if (index === undefined) return undefined
  return { ref: { key, size: body.byteLength, sha256: sha256(body) }, index }
}

/** Also after a removal that was interrupted between its record and its end. */
async function isLeft({ evidence }: Records, { item, index }: Due): Promise<boolean> {
  if (item !== undefined && item.removed === undefined) return true
  for (const { key } of index.files) if ((await evidence.head(key)) !== undefined) return true
  return false
}

async function remove(records: WritableRecords, { ref, item, index }: Due): Promise<void> {
  const removed = { by: whoAsks(), at: new Date().toISOString() }
  if (item === undefined) await recordReplaced(records, index, { index: ref, ...removed })
  else if (item.removed === undefined) {
    const next: QuarantineItem = { ...item, version: item.version + 1, removed }
    await writeQuarantineItem(records, { kind: 'put', item: next, expect: { version: item.version } })
  }
  const inputs: string[] = []
  // What a replay that was given up has left.
  const prefix = `quarantine/${index.run_id}/${index.dataflow}/replay-`
  if (item !== undefined) for await (const { key } of records.evidence.list(prefix)) inputs.push(key)
  await records.evidence.delete([...index.files.map(({ key }) => key), ...inputs])
}

function blocksOf(io: Io, due: readonly Due[], unnamed: readonly Unnamed[], isDone: boolean): Block[] {
  if (due.length === 0 && unnamed.length === 0)
    return [
      {
        kind: 'text',
        text: 'Nothing to remove: no quarantine is beyond its time and acknowledged, replaced by a later attempt, or without an index',
      },
    ]
  return [
    ...(due.length === 0 ? [] : dueBlocks(due, isDone)),
    ...(unnamed.length === 0 ? [] : unnamedBlocks(unnamed, isDone)),
    ...(isDone
      ? []
      : [{ kind: 'code', title: 'To remove them', lines: [io.command('quarantine prune --yes')] } as const]),
  ]
}

function dueBlocks(due: readonly Due[], isDone: boolean): Block[] {
  const rows = due.reduce((sum, { index }) => sum + index.rows, 0)
  return [
    { kind: 'title', text: `${plural(rows, 'rejected row')} ${isDone ? 'removed' : 'to be removed'}` },
    {
      kind: 'table',
      columns: [
        { title: 'run' },
        { title: 'dataflow' },
        { title: 'rows', align: 'right' },
        { title: 'kept until' },
        { title: 'why' },
      ],
      rows: due.map(({ index, item }) => [
        index.run_id,
        index.dataflow,
        number(index.rows),
        instant(index.expires_at),
        item === undefined ? 'replaced by a later attempt' : 'acknowledged',
      ]),
    },
  ]
}
