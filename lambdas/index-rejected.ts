import { digestOnce } from '../core/json.ts'
import type { Dataflow } from '../core/manifest/types.ts'
import type { Ports } from '../core/ports.ts'
import type { QuarantineFile, ReasonCount } from '../core/runs/contract-record.ts'
import type { HeadItem } from '../core/runs/items.ts'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import { defaultRetentionDays, writeQuarantineIndex } from '../core/runs/quarantine.ts'
import { carriedFiles, knownFiles } from '../core/runs/seen-files.ts'
import { portionTag } from '../core/runs/uncommitted.ts'
import { rowIdColumn } from '../core/sources/column-names.ts'
import type { ObjectRef } from '../core/stores/object-ref.ts'

/** The passage through gate 3 that has set rows aside. */
export interface Passage {
  readonly ref: {
    readonly run_id: string
    readonly attempt: number
    readonly round: number
  }
  readonly project: string
  readonly dataflow: Dataflow
  /** What the dataflow has set aside before is found through it. */
  readonly head: Pick<HeadItem, 'quarantine'>
  readonly ports: Pick<Ports, 'evidence' | 'clock'>
}

/** One index of everything that this passage has set aside; nothing where it has set nothing aside. */
export async function indexRejected(
  { ref, project, dataflow, head, ports }: Passage,
  lineage: LineageRecord,
  files: readonly QuarantineFile[],
  by_reason: readonly ReasonCount[],
): Promise<{ readonly quarantine?: ObjectRef; readonly bytes: number }> {
  if (files.length === 0) return { bytes: 0 }
  const before = head.quarantine
  // Rows of a query have no place by which they would be known again.
  const known =
    before === undefined || dataflow.transform !== undefined
      ? []
      : await knownFiles(ports.evidence, before, ports.clock())
  const earlier = carriedFiles(known, new Set(files.flatMap(({ supersedes = [] }) => supersedes)))
  const { pii_policy, retention_days } = dataflow.contract.quarantine
  const { index, bytes } = await writeQuarantineIndex(ports, quarantineName({ ref, dataflow }), {
    project,
    run_id: ref.run_id,
    dataflow: dataflow.name,
    attempt: ref.attempt,
    round: ref.round,
    contract_sha256: digestOnce(dataflow.contract),
    pii_policy,
    hidden_columns: hiddenColumns(lineage),
    retention_days: retention_days ?? defaultRetentionDays,
    by_reason,
    files,
    ...(earlier.length === 0 ? {} : { earlier }),
  })
  return { quarantine: index, bytes }
}

/** Of a source whose columns are not in the record (Parquet), those that transformers hide. */
function hiddenColumns({ inputs, columns, unexpected, transformers }: LineageRecord): string[] {
  const kept = new Set(
    transformers?.shown ?? [...columns, ...unexpected].map(({ source }) => source as string),
  )
  const delivered = inputs.flatMap((input) => ('columns' in input ? input.columns : []))
  const read = transformers?.reads.map(({ name }) => name) ?? []
  const hidden = [...delivered, ...read].filter((name) => !kept.has(name) && name !== rowIdColumn)
  return [...new Set(hidden)].sort()
}

/** Of the object, without its end. */
export function quarantineName({ ref, dataflow }: Pick<Passage, 'ref' | 'dataflow'>, shard?: number): string {
  const { run_id, attempt, round } = ref
  const number = `${String(attempt).padStart(4, '0')}-${portionTag(round, shard)}`
  return `quarantine/${run_id}/${dataflow.name}/${number}`
}
