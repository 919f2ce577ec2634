import { SourceError } from '../core/errors.ts'
import { digestOf } from '../core/json.ts'
import { checkTables } from '../core/planning/check-refs.ts'
import { refTables } from '../core/planning/refs.ts'
import { readSourceState } from '../core/runs/commit.ts'
import type { ControlCount, ExtractRecord, FilesPinned, TablePin } from '../core/runs/extract-record.ts'
import type { SourceStateItem } from '../core/runs/items.ts'
import { checkReplayable, type Replay } from '../core/runs/replay.ts'
import { readControlCounts } from '../core/sources/control-counts.ts'
import { pinFiles } from '../core/sources/files.ts'
import { planShards, shardLimit } from '../core/sources/shards.ts'
import {
  checkSourceState,
  inputsDigest,
  notLoaded,
  readLoaded,
  sourceStateKind,
  watermarkColumns,
} from '../core/sources/source-state.ts'
import { pinTables } from '../core/sources/tables.ts'
import { readRef } from '../core/stores/object-ref.ts'
import { gateHandler, type ReadTask } from './gate-handler.ts'

/**
 * Gate 1: pins exactly what will be read, so that every later gate, and every repetition of one, reads the
 * same bytes: versions of objects, or snapshots of tables, and from which watermark on; and the snapshots of tables
 * and the counts that checks compare with. What is more than one call of gate 3 can hold is divided into shards.
 */
export async function extract(task: ReadTask): Promise<ExtractRecord> {
  const stored = await readSourceState(task.ports, task.project, task.dataflow.name)
  checkSourceState(task.dataflow, stored)
  if (task.manifest.replay !== undefined) return await extractReplay(task, task.manifest.replay, stored)
  return task.dataflow.source === undefined
    ? await extractTables(task, stored)
    : await extractFiles(task, stored)
}

async function extractFiles(task: ReadTask, stored: SourceStateItem | undefined): Promise<ExtractRecord> {
  const { dataflow, manifest, ports } = task
  const source = dataflow.source as NonNullable<typeof dataflow.source>
  const connection = manifest.connections[source.connection] as { readonly path: string }
  const store = ports.openSource(connection.path)
  const found = await pinFiles(store, source.path)
  if (found.length === 0 && !source.allow_missing) throw missing(dataflow.name, `${store.uri}/${source.path}`)
  const pins =
    sourceStateKind(dataflow) === 'objects'
      ? notLoaded(dataflow, found, await readLoaded(ports, stored?.state))
      : found
  const pinned: FilesPinned = {
    kind: 'files',
    path: connection.path,
    pins,
    already_loaded: found.length - pins.length,
  }
  const inputs = inputsDigest(dataflow, found)
  const nothing = pins.length === 0 || sameWatermarkInputs(stored, inputs)
  const shards = nothing ? [] : planShards(dataflow, pins, shardLimit(dataflow, pins, ports))
  if (shards.length > 0 && dataflow.transformers?.deduplicate !== undefined) {
    throw divided(dataflow.name, shards.length)
  }
  const verdict = nothing ? 'nothing_new' : 'passed'
  const { checks } = dataflow.contract
  const tables = nothing ? [] : await pinTables(ports, checkTables(checks))
  const counts = nothing ? [] : await readControlCounts(store, checks, pins)
  return { verdict, source: pinned, ...besides(tables, counts), inputs, ...remembered(task, stored), shards }
}

/** What checks compare with. */
function besides(
  tables: readonly TablePin[],
  counts: readonly ControlCount[] = [],
): Pick<ExtractRecord, 'check_tables' | 'control_counts'> {
  return {
    ...(tables.length === 0 ? {} : { check_tables: tables }),
    ...(counts.length === 0 ? {} : { control_counts: counts }),
  }
}

/**
 * The corrected rows, all of them, wherever a watermark stands. What the dataflow remembers of its source is read for
 * the commit, which hands it on as it is.
 */
async function extractReplay(
  task: ReadTask,
  { plan }: Replay,
  stored: SourceStateItem | undefined,
): Promise<ExtractRecord> {
  const { dataflow, manifest, ports } = task
  await checkReplayable(ports, manifest, dataflow, plan.run_id)
  const { key } = plan.input.object
  const info = await ports.evidence.head(key)
  if (info === undefined) throw inputGone(dataflow.name, plan)
  await readRef(ports.evidence, plan.input.object)
  const pins = [{ key, size: info.size, etag: info.etag }]
  return {
    verdict: 'passed',
    source: { kind: 'files', path: 'evidence', in_evidence: true, pins, already_loaded: 0 },
    inputs: inputsDigest(dataflow, pins),
    state_version: stored?.version ?? 0,
    after: Object.fromEntries(watermarkColumns(dataflow).map((column) => [column, null])),
    ...besides(await pinTables(ports, checkTables(dataflow.contract.checks))),
    shards: [],
    replay: { plan: digestOf(plan), run_id: plan.run_id },
  }
}

async function extractTables(task: ReadTask, stored: SourceStateItem | undefined): Promise<ExtractRecord> {
  const transform = task.dataflow.transform as NonNullable<typeof task.dataflow.transform>
  const checked = checkTables(task.dataflow.contract.checks)
  const read = refTables(transform.sql)
  // At once, so that a table which is both read and checked against is the same snapshot for both.
  const all = await pinTables(task.ports, [...new Set([...read, ...checked])])
  const pinsOf = (tables: readonly string[]) => all.filter(({ table }) => tables.includes(table))
  const pins = pinsOf(read)
  const inputs = inputsDigest(task.dataflow, pins)
  const nothing = sameWatermarkInputs(stored, inputs)
  return {
    verdict: nothing ? 'nothing_new' : 'passed',
    source: { kind: 'tables', pins },
    ...besides(nothing ? [] : pinsOf(checked)),
    inputs,
    ...remembered(task, stored),
    // A query may put any row of its tables together with any other: it is one piece of work.
    shards: [],
  }
}

/** The same inputs under the same definition hold nothing beyond a watermark that they have already set. */
function sameWatermarkInputs(stored: SourceStateItem | undefined, inputs: string): boolean {
  return stored?.state.kind === 'watermark' && stored.state.inputs === inputs
}

function remembered(
  task: ReadTask,
  stored: SourceStateItem | undefined,
): Pick<ExtractRecord, 'state_version' | 'after'> {
  const values = stored?.state.kind === 'watermark' ? stored.state.values : {}
  const columns = sourceStateKind(task.dataflow) === 'watermark' ? watermarkColumns(task.dataflow) : []
  const after = Object.fromEntries(columns.map((column) => [column, values[column] ?? null]))
  return { state_version: stored?.version ?? 0, after }
}

/** Which row is the latest is a matter of the whole load, and a shard sees only its own. */
function divided(dataflow: string, shards: number): SourceError {
  return new SourceError({
    code: 'DEDUPLICATE_IN_SHARDS',
    fact: `${dataflow} deduplicates, and what it is to read would be read in ${shards} shards`,
    consequence: 'Rows of different shards cannot be compared, so nothing was read',
    next: 'Raise source.max_shard_bytes where it was set, load less at a time, or deduplicate in a transform over the table',
  })
}

function inputGone(dataflow: string, { run_id }: Replay['plan']): SourceError {
  return new SourceError({
    code: 'REPLAY_INPUT_GONE',
    fact: `the corrected rows of this replay of ${dataflow} are gone: they are kept until it has ended, and it had`,
    consequence: 'Nothing was read or written',
    next: `Replay them again: sluice quarantine replay ${run_id} ${dataflow} --from …`,
  })
}

function missing(dataflow: string, where: string): SourceError {
  return new SourceError({
    code: 'SOURCE_MISSING',
    fact: `nothing matches ${where}, the source of ${dataflow}`,
    consequence: 'Nothing was read or written',
    next: 'Check the connection and the path; if an empty source is normal, set source.allow_missing: true',
  })
}

export const handler = gateHandler('extract', extract)
