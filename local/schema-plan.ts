import type { ErrorSummary } from '../core/errors.ts'
import { SluiceError, summarizeError } from '../core/errors.ts'
import type { Dataflow, RenderedManifest } from '../core/manifest/types.ts'
import type { ReadPorts } from '../core/ports.ts'
import type { CompatibilityProof } from '../core/runs/compatibility-record.ts'
import type { EvolutionRecord } from '../core/runs/evolution-record.ts'
import type { ExtractRecord } from '../core/runs/extract-record.ts'
import { emptyLog } from '../core/runs/gate-log.ts'
import type { DdlPlan, PhysicalState } from '../core/runs/physical-ddl-record.ts'
import type { DdlVerdict } from '../core/sinks/ddl-apply.ts'
import { proveTypes } from '../lambdas/compatibility.ts'
import { evolutionOf } from '../lambdas/evolution.ts'
import { extract } from '../lambdas/extract.ts'
import type { ReadTask } from '../lambdas/gate-handler.ts'
import { lineage } from '../lambdas/lineage.ts'
import { ddlOf, judgePlan } from '../lambdas/physical-ddl.ts'

/** `not_needed`: the plan is carried out without one, or cannot be. */
export type ApprovalStatus = 'given' | 'waited_for' | 'not_needed'

/** What gates 2 and 4 to 6 would decide of one dataflow, as far as they would get. */
export interface SchemaPreview {
  readonly dataflow: string
  readonly table: string
  /** `unknown`: there is nothing yet by which to tell, such as a table that another dataflow has still to make. */
  readonly outcome: 'passes' | 'refused' | 'unknown'
  readonly why: string
  readonly evolution?: EvolutionRecord
  readonly compatibility?: readonly CompatibilityProof[]
  readonly ddl?: DdlPlan & { readonly physical: PhysicalState; readonly approval: ApprovalStatus }
  readonly error?: ErrorSummary
}

/**
 * Asks the gates' own functions what a run would decide of what it would read; where nothing is new, of everything
 * that the source has. It reads headers, footers and the table's metadata; it stores nothing and judges no row.
 */
export async function previewSchema(
  ports: ReadPorts,
  manifest: RenderedManifest,
  dataflow: Dataflow,
  signal: AbortSignal = new AbortController().signal,
): Promise<SchemaPreview> {
  const { name, sink } = dataflow
  const preview = (rest: Omit<SchemaPreview, 'dataflow' | 'table'>): SchemaPreview => ({
    dataflow: name,
    table: sink.table,
    ...rest,
  })
  try {
    const run = await extract(taskOf(ports, manifest, dataflow, signal))
    const isNew = run.verdict === 'passed'
    const source = isNew ? run : await extract(taskOf(forgetful(ports), manifest, dataflow, signal))
    if (source.source.pins.length === 0)
      return preview({ outcome: 'unknown', why: 'the source has nothing to read' })
    const task = taskOf(ports, manifest, dataflow, signal, source)
    const drafted = await lineage(task)
    const evolution = evolutionOf(drafted, dataflow.schema_evolution)
    const refused = evolution.decisions.filter(({ action }) => action === 'refuse')
    if (refused.length > 0)
      return preview({
        outcome: 'refused',
        why: refusals(refused.map((r) => `${r.change} ${r.column}: ${r.why}`)),
        evolution,
      })
    const compatibility = proveTypes(drafted, dataflow.schema_evolution)
    const misfits = compatibility.filter(({ compatible }) => !compatible)
    if (misfits.length > 0)
      return preview({
        outcome: 'refused',
        why: refusals(misfits.map((m) => `${m.column}: ${m.why}`)),
        evolution,
        compatibility,
      })
    const plan = ddlOf(dataflow, drafted, evolution)
    const { verdict } = await judgePlan(task, plan)
    const ddl = { ...plan, physical: drafted.physical.after, approval: approvalOf(verdict) }
    return preview({
      outcome: verdict.apply ? 'passes' : 'refused',
      why: verdict.why,
      evolution,
      compatibility,
      ddl,
    })
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    const unknown = error.code === 'SOURCE_TABLE_MISSING'
    const why = unknown ? `${error.message.split('.')[0]} yet` : error.message
    return preview({ outcome: unknown ? 'unknown' : 'refused', why, error: summarizeError(error) })
  }
}

function approvalOf(verdict: DdlVerdict): ApprovalStatus {
  if (verdict.apply) return verdict.uses_approval ? 'given' : 'not_needed'
  return verdict.code === 'DDL_APPROVAL_REQUIRED' ? 'waited_for' : 'not_needed'
}

function refusals(texts: readonly string[]): string {
  return texts.join('; ')
}

/** As if nothing had been loaded before. */
function forgetful(ports: ReadPorts): ReadPorts {
  return { ...ports, state: { ...ports.state, get: async () => undefined } }
}

function taskOf(
  ports: ReadPorts,
  manifest: RenderedManifest,
  dataflow: Dataflow,
  signal: AbortSignal,
  source?: ExtractRecord,
): ReadTask {
  const run_id = 'schema-plan'
  const ref = { key: '', size: 0, sha256: '' }
  return {
    ref: { run_id, manifest: ref, dataflow: dataflow.name, attempt: 0, fence: 0, round: 0 },
    project: manifest.project,
    manifest,
    dataflow,
    ports,
    signal,
    record: () => source as never,
    log: emptyLog,
  }
}
