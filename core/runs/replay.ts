import { ConditionFailedError, ContractError, ManifestError, PolicyError } from '../errors.ts'
import { canonicalJson, digestOf, sha256 } from '../json.ts'
import type { CsvOptions, Dataflow, RenderedManifest, SourceFormat } from '../manifest/types.ts'
import type { Ports, ReadPorts } from '../ports.ts'
import { checkSourceState } from '../sources/source-state.ts'
import { type ObjectRef, readRef, writeJson } from '../stores/object-ref.ts'
import type { Put } from '../stores/state-store.ts'
import { counted } from '../words.ts'
import { acknowledgeWrite, type Covers, type QuarantineItem, readQuarantineItem } from './acknowledgements.ts'
import { readCommit, readSourceState } from './commit.ts'
import { definitionDigest } from './evidence.ts'
import type { RowCounts, SourceStateItem } from './items.ts'
import type { QuarantineIndex } from './quarantine.ts'

/**
 * What a replay will do; written once, never changed. Its digest is its name: equal plans are one plan, with one run
 * and one commit. There is no time in it, and nobody's name.
 */
export interface ReplayPlan {
  readonly schema: 'sluice.replay_plan.v1'
  readonly project: string
  readonly dataflow: string
  readonly table: string
  /** Whose rejected rows are replayed. */
  readonly run_id: string
  readonly index: ObjectRef & Pick<QuarantineIndex, 'fingerprint' | 'rows' | 'expires_at'>
  /** Of what had been acknowledged when the plan was made; the commit demands that it still is. */
  readonly version: number
  /** The rows that the commit acknowledges, and how many they are: so many the input must have. */
  readonly covers: Covers
  readonly rows: number
  /** Under which they were rejected, and under which they will be judged. */
  readonly contract: { readonly rejected_under: string; readonly judged_under: string }
  readonly definition_sha256: string
  readonly input: ReplayInput
}

export interface ReplayInput {
  /** In the evidence store; removed when the run has ended, unless the policy keeps raw rows. */
  readonly object: ObjectRef
  readonly format: SourceFormat
  readonly csv?: CsvOptions
  /** `raw`: the rejected rows as they were. */
  readonly origin: 'file' | 'raw'
}

/** In the manifest of a replay's run, which is the project's manifest otherwise. */
export interface Replay {
  readonly plan: ReplayPlan
  /** `user@machine`, of who asked for it. */
  readonly by: string
}

/** The run of a plan: the same plan always has the same one, so it commits once. */
export function replayRunId(plan: ReplayPlan): string {
  return `replay-${digestOf(plan).slice(0, 24)}`
}

/** What must lie there once the plan was written. */
export function replayPlanRef(plan: ReplayPlan): ObjectRef {
  const body = Buffer.from(`${canonicalJson(plan)}\n`, 'utf8')
  return { key: `plans/${replayRunId(plan)}/replay.json`, size: body.byteLength, sha256: sha256(body) }
}

/** Writes the plan, or finds it. Throws `IntegrityError` `OBJECT_DIGEST_MISMATCH` where something else lies there. */
export async function storeReplayPlan(
  { evidence }: Pick<Ports, 'evidence'>,
  plan: ReplayPlan,
): Promise<void> {
  const ref = replayPlanRef(plan)
  try {
    await writeJson(evidence, ref.key, plan, 'absent')
  } catch (error) {
    if (!(error instanceof ConditionFailedError)) throw error
    await readRef(evidence, ref)
  }
}

/** The dataflow as a replay reads it: from the input of its plan, all of it; everything else is the dataflow's own. */
export function replayedDataflow(dataflow: Dataflow, { input }: ReplayPlan): Dataflow {
  const { source } = dataflow
  if (source === undefined) return dataflow
  const { max_shard_bytes: _inOnePiece, csv: _itsOwn, ...kept } = source
  return {
    ...dataflow,
    source: {
      ...kept,
      path: input.object.key,
      format: input.format,
      compression: 'none',
      allow_missing: false,
      ...(input.csv === undefined ? {} : { csv: input.csv }),
    },
  }
}

/**
 * Whether the rejected rows of a run may be replayed into the dataflow as it is now, and what its source state is.
 * Throws `ManifestError` `REPLAY_REFUSED`, and what `checkSourceState` throws.
 */
export async function checkReplayable(
  ports: Pick<ReadPorts, 'state'>,
  manifest: RenderedManifest,
  dataflow: Dataflow,
  runId: string,
): Promise<SourceStateItem> {
  const { name, sink, source } = dataflow
  if (source === undefined)
    throw refused(
      name,
      'it is a query: its rows are made of tables, not delivered',
      'Correct the tables that it reads, or the query, and run it again',
    )
  if (sink.load_type === 'overwrite')
    throw refused(
      name,
      `it overwrites ${sink.table}: its next run would replace what a replay adds`,
      'Correct the source, and run it again',
    )
  const commit = await readCommit(ports, manifest.project, name, runId)
  if (commit === undefined)
    throw refused(
      name,
      `run ${runId} has not committed it: none of its rows is in the table, and its next run reads them all again`,
      'Correct the source or the contract, and run it again',
    )
  const stored = await readSourceState(ports, manifest.project, name)
  if (stored === undefined) throw refused(name, 'it has no source state', 'Run it once')
  checkSourceState(dataflow, stored)
  return stored
}

function refused(name: string, why: string, next: string): ManifestError {
  return new ManifestError({
    code: 'REPLAY_REFUSED',
    fact: `${name} cannot be replayed: ${why}`,
    consequence: 'Nothing was planned or written',
    next,
  })
}

/** Facts about the plan that do not depend on what is replayed. */
export function planReplay(
  manifest: RenderedManifest,
  dataflow: Dataflow,
  quarantine: { readonly ref: ObjectRef; readonly index: QuarantineIndex; readonly version: number },
  chosen: { readonly covers: Covers; readonly rows: number; readonly input: ReplayInput },
): ReplayPlan {
  const { ref, index, version } = quarantine
  return {
    schema: 'sluice.replay_plan.v1',
    project: manifest.project,
    dataflow: dataflow.name,
    table: dataflow.sink.table,
    run_id: index.run_id,
    index: { ...ref, fingerprint: index.fingerprint, rows: index.rows, expires_at: index.expires_at },
    version,
    covers: chosen.covers,
    rows: chosen.rows,
    contract: { rejected_under: index.contract_sha256, judged_under: digestOf(dataflow.contract) },
    definition_sha256: definitionDigest(dataflow),
    input: chosen.input,
  }
}

/** Every row of the plan is accounted for, or nothing becomes visible: a row that the input lacks would be acknowledged. */
export function checkReplayRows(plan: ReplayPlan, rows: RowCounts): void {
  if (rows.read === plan.rows) return
  throw new ContractError({
    code: 'REPLAY_ROWS_DIFFER',
    fact: `the replay of ${plan.dataflow} is of ${counted(plan.rows, 'rejected row')}, and its input has ${rows.read}`,
    consequence: 'Nothing was written to the table, and nothing is acknowledged',
    next: 'Give the input one row for each of them; acknowledge those that stay out (sluice quarantine ack), or choose rows with --row or --code',
  })
}

/**
 * The write by which the commit of a replay acknowledges its rows: in the same transaction, so neither is without the
 * other. Throws `PolicyError` `REPLAY_OUTDATED` where other rows were acknowledged since the plan was made.
 */
export async function replayAcknowledgement(
  ports: Pick<ReadPorts, 'state' | 'clock'>,
  { plan, by }: Replay,
  runId: string,
): Promise<Put> {
  const known = await readQuarantineItem(ports, plan.run_id, plan.dataflow)
  if ((known?.version ?? 0) !== plan.version || known?.removed !== undefined) throw outdated(plan)
  const { fingerprint: _inThePlan, rows, expires_at, ...ref } = plan.index
  const { run_id, dataflow } = plan
  return acknowledgeWrite(
    known,
    { ref, run_id, dataflow, rows, expires_at },
    {
      covers: plan.covers,
      rows: plan.rows,
      by,
      at: ports.clock().toISOString(),
      replay: { plan: digestOf(plan), run_id: runId, input_sha256: plan.input.object.sha256 },
    },
  )
}

export function outdated(plan: ReplayPlan, cause?: unknown): PolicyError {
  return new PolicyError({
    code: 'REPLAY_OUTDATED',
    fact: `rows of ${plan.dataflow} in run ${plan.run_id} were acknowledged or removed since this replay was planned`,
    consequence: 'Nothing of it is visible: rows that are in the table already could come a second time',
    next: 'Look at what is pending (sluice quarantine list), and plan again',
    cause,
  })
}

/** The same rows under the same file have been replayed: what a repetition finds. */
export function replayedBefore(item: QuarantineItem | undefined, input_sha256: string) {
  return item?.acknowledged.find(({ replay }) => replay?.input_sha256 === input_sha256)
}
