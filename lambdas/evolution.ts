import { PolicyError } from '../core/errors.ts'
import type { SchemaEvolution } from '../core/manifest/types.ts'
import type { EvolutionDecision, EvolutionRecord } from '../core/runs/evolution-record.ts'
import type { LineageRecord } from '../core/runs/lineage-record.ts'
import { schemaColumns } from '../core/sinks/draft-schema.ts'
import { decide } from '../core/sinks/evolution-policy.ts'
import { gateHandler, type ReadTask } from './gate-handler.ts'

/** Gate 4: decides each difference between the draft and the table by the dataflow's policy. */
export async function evolution(task: ReadTask): Promise<EvolutionRecord> {
  const record = evolutionOf(task.record('lineage'), task.dataflow.schema_evolution)
  const refused = record.decisions.filter((decision) => decision.action === 'refuse')
  if (refused.length === 0) return record
  const policies = [...new Set(refused.map(({ policy }) => policy))].filter((policy) => policy !== 'none')
  throw new PolicyError({
    code: 'EVOLUTION_REFUSED',
    fact: `${task.dataflow.sink.table} would change: ${refused.map(words).join('; ')}`,
    consequence: `${policies.length === 0 ? 'No policy allows that' : `${policies.join(' and ')} does not allow that`}, so the table stays as it is`,
    next: nextStep(refused, task.dataflow.schema_evolution),
    details: { ...record },
  })
}

/** The gate's record, whether it passes or not. */
export function evolutionOf(
  { differences, base, schema }: Pick<LineageRecord, 'differences' | 'base' | 'schema'>,
  policy: SchemaEvolution,
): EvolutionRecord {
  const decisions = differences.map((difference) => decide(difference, policy))
  return {
    mode: policy.mode,
    policy,
    before: base === null ? null : schemaColumns(base),
    after: schemaColumns(schema),
    decisions,
    ignored: decisions.filter(({ action }) => action === 'ignore').map(({ column }) => column),
  }
}

/** A mode is named only where it would let everything through that was refused. */
function nextStep(refused: readonly EvolutionDecision[], policy: SchemaEvolution): string {
  const modes = (['additive', 'widening'] as const).filter(
    (mode) =>
      mode !== policy.mode && refused.every((each) => decide(each, { ...policy, mode }).action !== 'refuse'),
  )
  const narrowed = refused.every(({ change }) => change === 'narrow_type')
  const allow =
    modes[0] !== undefined
      ? `, or set schema_evolution.mode: ${modes[0]}`
      : narrowed
        ? ', or set schema_evolution.narrowing: quarantine'
        : ''
  return `Correct the source${allow}, or write to a new table`
}

function words(decision: EvolutionDecision): string {
  const types = [decision.from, decision.to].filter((type) => type !== undefined).join(' → ')
  return `${decision.change} ${decision.column}${types === '' ? '' : ` (${types})`}: ${decision.why}`
}

export const handler = gateHandler('evolution', evolution)
