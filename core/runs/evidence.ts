import { ConditionFailedError, type ErrorSummary } from '../errors.ts'
import { digestOf, digestOnce, sha256 } from '../json.ts'
import type { Dataflow, FileSource } from '../manifest/types.ts'
import type { Ports, ReadPorts } from '../ports.ts'
import { type ObjectRef, writeJson } from '../stores/object-ref.ts'
import { withoutValues } from './evidence-files.ts'
import type { GateLog } from './gate-log.ts'
import { type GateName, gateNames } from './gates.ts'
import type { FlowReason, RowCounts, RunItem } from './items.ts'
import type { GateEntry } from './records.ts'

/** `passed`: every gate before the commit did; whether the commit followed, the commit record says. */
export type EvidenceOutcome = 'passed' | 'failed' | FlowReason

/** What an auditor reads: one file per outcome, written once, never changed. */
export interface Evidence {
  readonly schema: 'sluice.evidence.v1'
  readonly run_id: string
  readonly project: string
  readonly dataflow: string
  readonly attempt: number
  readonly round: number
  readonly outcome: EvidenceOutcome
  readonly created_at: string
  readonly manifest: ObjectRef
  readonly definition_sha256: string
  readonly contract_sha256: string
  readonly target: { readonly table: string; readonly load_type: string }
  readonly rows: RowCounts | null
  /** In the order of the gates; those that were not reached are absent. Files without values ({@link withoutValues}). */
  readonly gates: readonly GateEntry[]
  /** Data files in the lake, then table metadata. */
  readonly files: readonly ObjectRef[]
  readonly quarantine: ObjectRef | null
  /** What the commit would make current. */
  readonly commit: {
    readonly base_location: string | null
    readonly metadata_location: string
    readonly snapshot_id: string | null
  } | null
  readonly error: (ErrorSummary & { readonly gate: string }) | null
  /** What this run wrote about this dataflow before: an earlier round, attempt or outcome. */
  readonly previous: ObjectRef | null
}

export interface EvidenceRequest {
  readonly run: Pick<RunItem, 'run_id' | 'project' | 'manifest'>
  readonly dataflow: Dataflow
  readonly attempt: number
  readonly round: number
  readonly outcome: EvidenceOutcome
  readonly log: GateLog
  readonly error?: ErrorSummary & { readonly gate: string }
  /** The evidence of this dataflow in this run from before the attempt; the attempt's own is in its log. */
  readonly previous: ObjectRef | undefined
  /** Where the log of the contract gate does not name it. */
  readonly quarantine?: ObjectRef | null
}

/** The part of a dataflow that decides which rows it makes; words for people, and how much is read at a time, are left out. */
export function definitionDigest(dataflow: Dataflow): string {
  const known = definitions.get(dataflow)
  if (known !== undefined) return known
  const { transform, transformers, column_names, contract, schema_evolution, sink } = dataflow
  const source = dataflow.source === undefined ? undefined : rowsOfSource(dataflow.source)
  const digest = digestOf({ source, transform, transformers, column_names, contract, schema_evolution, sink })
  definitions.set(dataflow, digest)
  return digest
}

const definitions = new WeakMap<Dataflow, string>()

function rowsOfSource({
  max_shard_bytes: _inParts,
  ...source
}: FileSource): Omit<FileSource, 'max_shard_bytes'> {
  return source
}

/**
 * Writes the evidence under a name of its own per attempt, round and outcome. A repeated call finds the
 * first one's file and names that; its own, with another clock reading, is not needed.
 */
export async function writeEvidence(
  ports: Pick<Ports, 'evidence' | 'clock'>,
  request: EvidenceRequest,
): Promise<ObjectRef> {
  const { run, dataflow, attempt, round, outcome, log } = request
  const contract = log.get('contract')
  const finalize = log.get('finalize')?.record
  const evidence: Evidence = {
    schema: 'sluice.evidence.v1',
    run_id: run.run_id,
    project: run.project,
    dataflow: dataflow.name,
    attempt,
    round,
    outcome,
    created_at: ports.clock().toISOString(),
    manifest: run.manifest,
    definition_sha256: definitionDigest(dataflow),
    contract_sha256: digestOnce(dataflow.contract),
    target: { table: dataflow.sink.table, load_type: dataflow.sink.load_type },
    rows: contract?.record?.rows ?? rowsOf(contract?.error),
    gates: gateNames.flatMap((gate: GateName) => {
      const entry = log.get(gate) as GateEntry | undefined
      return entry === undefined ? [] : [withoutValues(entry)]
    }),
    files: [...(contract?.record?.files ?? []).map((file) => file.object), ...(finalize?.written ?? [])],
    quarantine: request.quarantine ?? contract?.record?.quarantine ?? quarantineOf(contract?.error),
    commit:
      finalize === undefined
        ? null
        : {
            base_location: finalize.base_location,
            metadata_location: finalize.metadata_location,
            snapshot_id: finalize.snapshot_id,
          },
    error: request.error ?? null,
    previous: log.get('evidence')?.record?.evidence ?? request.previous ?? null,
  }
  // What happened before there was an attempt has only its time to tell it from what happened before another one.
  const part = attempt === 0 ? evidence.created_at.replace(/[^0-9]/g, '') : round
  const number = `${String(attempt).padStart(4, '0')}-${part}`
  const key = `evidence/${run.run_id}/${dataflow.name}/${number}-${outcome}.json`
  try {
    return await writeJson(ports.evidence, key, evidence, 'absent')
  } catch (error) {
    if (!(error instanceof ConditionFailedError)) throw error
    return await refOf(ports, key)
  }
}

async function refOf(ports: Pick<ReadPorts, 'evidence'>, key: string): Promise<ObjectRef> {
  const { body } = await ports.evidence.get(key)
  return { key, size: body.byteLength, sha256: sha256(body) }
}

/**
 * What an earlier passage of the same attempt through gate 3 has counted and set aside. Its rows are of the same pins, so
 * they are evidence as long as a later one, which stops before it has judged, has none of its own.
 */
export function keptBefore(entry: GateEntry<'contract'> | undefined): Readonly<Record<string, unknown>> {
  const rows = entry?.record?.rows ?? rowsOf(entry?.error)
  const quarantine = entry?.record?.quarantine ?? quarantineOf(entry?.error)
  return { ...(rows === null ? {} : { rows }), ...(quarantine === null ? {} : { quarantine }) }
}

/** A contract that stops the attempt tells its counts and its rejects in the error's details. */
export function rowsOf(error: ErrorSummary | undefined): RowCounts | null {
  return (error?.details?.rows as RowCounts | undefined) ?? null
}

export function quarantineOf(error: ErrorSummary | undefined): ObjectRef | null {
  return (error?.details?.quarantine as ObjectRef | undefined) ?? null
}
