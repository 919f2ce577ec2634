import { PolicyError } from '../core/errors.ts'
import type { SchemaEvolutionMode } from '../core/manifest/types.ts'
import type { EvolutionDecision, EvolutionRecord, SchemaDifference } from '../core/runs/records.ts'
import { type GateTask, gateHandler } from './gate-handler.ts'

/** Gate 4: decides each difference between the draft and the table by the dataflow's policy. */
export async function evolution(task: GateTask): Promise<EvolutionRecord> {
  const { mode } = task.dataflow.schema_evolution
  const decisions = task.record('lineage').differences.map((difference) => decide(difference, mode))
  const refused = decisions.filter((decision) => decision.action === 'refuse')
  if (refused.length === 0) return { mode, decisions }
  throw new PolicyError({
    code: 'EVOLUTION_REFUSED',
    fact: `${task.dataflow.sink.table} would change: ${refused.map(words).join('; ')}`,
    consequence: `schema_evolution.mode: ${mode} does not allow that, so the table stays as it is`,
    next: nextStep(refused, mode),
    details: { mode, decisions },
  })
}

function decide(difference: SchemaDifference, mode: SchemaEvolutionMode): EvolutionDecision {
  const apply = (why: string): EvolutionDecision => ({ ...difference, action: 'apply', why })
  const refuse = (why: string): EvolutionDecision => ({ ...difference, action: 'refuse', why })
  switch (difference.change) {
    case 'add_column':
      return mode === 'strict' ? refuse('strict allows no change') : apply('old rows read NULL in it')
    case 'widen_type':
      return mode === 'widening'
        ? apply('every old value fits the wider type')
        : refuse(`${mode} changes no type`)
    case 'drop_column':
      return mode === 'widening'
        ? apply('all rows are replaced, none of the new ones has it')
        : refuse(`${mode} drops no column`)
    case 'change_type':
      return refuse('no old value would be read the same way')
    case 'missing_column':
      return refuse('the rows that stay have it, the new ones would not')
  }
}

/** A mode is named only where it would let everything through that was refused. */
function nextStep(refused: readonly SchemaDifference[], mode: SchemaEvolutionMode): string {
  const modes = (['additive', 'widening'] as const).filter(
    (wider) => wider !== mode && refused.every((difference) => decide(difference, wider).action === 'apply'),
  )
  const allow = modes[0] === undefined ? '' : `, or set schema_evolution.mode: ${modes[0]}`
  return `Correct the source${allow}, or write to a new table`
}

function words(decision: EvolutionDecision): string {
  const types = [decision.from, decision.to].filter((type) => type !== undefined).join(' → ')
  return `${decision.change} ${decision.column}${types === '' ? '' : ` (${types})`}: ${decision.why}`
}

export const handler = gateHandler('evolution', evolution)
