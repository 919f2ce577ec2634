import { PolicyError } from '../core/errors.ts'
import type { Dataflow } from '../core/manifest/types.ts'
import { type ApprovalItem, readApproval } from '../core/runs/approvals.ts'
import type { EvolutionRecord } from '../core/runs/evolution-record.ts'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import type { DdlPlan, PhysicalDdlRecord } from '../core/runs/physical-ddl-record.ts'
import { type DdlStop, type DdlVerdict, judgeDdl } from '../core/sinks/ddl-apply.ts'
import { planDdl } from '../core/sinks/ddl-plan.ts'
import { gateHandler, type ReadTask } from './gate-handler.ts'

/**
 * Gate 6: plans what the table's definition becomes, and whether that may happen now. Everything that it lets
 * through is a change of metadata that happens in the commit itself: no file is rewritten, no reader is blocked.
 */
export async function physicalDdl(task: ReadTask): Promise<PhysicalDdlRecord> {
  const lineage = task.record('lineage')
  const plan = ddlOf(task.dataflow, lineage, task.record('evolution'))
  const { verdict, approval } = await judgePlan(task, plan)
  const { apply } = modeOf(task.dataflow)
  if (!verdict.apply) throw stopped(task, plan, verdict)
  return {
    ...plan,
    apply,
    why: verdict.why,
    approval: verdict.uses_approval && approval !== undefined ? approvalText(approval) : null,
    schema: lineage.schema,
    ...lineage.physical.after,
  }
}

export function ddlOf(dataflow: Dataflow, lineage: LineageRecord, evolution: EvolutionRecord): DdlPlan {
  const { sink } = dataflow
  return planDdl(sink.table, lineage, evolution.decisions, sink.load_type === 'overwrite')
}

/** The verdict as it would be now; it reads the approval and changes nothing. */
export async function judgePlan(
  { dataflow, ports, project }: Pick<ReadTask, 'dataflow' | 'ports' | 'project'>,
  plan: DdlPlan,
): Promise<{ readonly verdict: DdlVerdict; readonly approval: ApprovalItem | undefined }> {
  const approval = await readApproval(ports, project, dataflow.name, plan.digest)
  const verdict = judgeDdl(plan, {
    ...modeOf(dataflow),
    apply_safe: dataflow.schema_evolution.apply_safe,
    approved: approval !== undefined && approval.consumed_by === null,
    now: ports.clock(),
  })
  return { verdict, approval }
}

function approvalText({ plan, approved_by, approved_at }: ApprovalItem) {
  return { plan, approved_by, approved_at }
}

function modeOf({ sink }: Dataflow) {
  const { apply = 'online', window } = sink.physical ?? {}
  return { apply, ...(window === undefined ? {} : { window }) } as const
}

const nextSteps: Readonly<Record<DdlStop, string>> = {
  DDL_BLOCKED: 'Write to a new table, or have the engine that owns the table make the change',
  DDL_PLAN_ONLY: 'Read the plan in the evidence; to carry it out, set sink.physical.apply: online',
  DDL_APPROVAL_REQUIRED: 'Read the plan in the evidence, approve it, and run again',
  DDL_OUTSIDE_WINDOW: 'Run again within the window',
}

function stopped(task: ReadTask, plan: DdlPlan, verdict: Extract<DdlVerdict, { apply: false }>): PolicyError {
  const { name, sink } = task.dataflow
  const statements = plan.operations.map(({ statement }) => statement).join('; ')
  const approve =
    verdict.code === 'DDL_APPROVAL_REQUIRED' ? `: sluice schema approve ${name} --plan ${plan.digest}` : ''
  return new PolicyError({
    code: verdict.code,
    fact: `the definition of ${sink.table} would change (${statements}), but ${verdict.why}`,
    consequence: 'Nothing was written to the table, and nothing of it changed',
    next: `${nextSteps[verdict.code]}${approve}`,
    details: { ...plan, why: verdict.why },
  })
}

export const handler = gateHandler('physical_ddl', physicalDdl)
