import type { SchemaEvolution } from '../manifest/types.ts'
import type { EvolutionDecision } from '../runs/evolution-record.ts'
import type { SchemaDifference } from '../runs/lineage-record.ts'

/** What a manifest that says nothing means. */
export const defaultEvolution: SchemaEvolution = {
  mode: 'widening',
  columns: 'evolve',
  data_type: 'evolve',
  nullability: 'relax',
  narrowing: 'fail',
  column_order: 'table',
  apply_safe: true,
}

/**
 * What becomes of one difference: a function of the difference and the policy alone, so that the gate, the draft
 * of the files and `sluice schema plan` cannot come to different answers. A scope that is frozen comes before the
 * mode, and the mode before what is left.
 */
export function decide(difference: SchemaDifference, policy: SchemaEvolution): EvolutionDecision {
  const decision = decideColumn(difference, policy)
  if (!difference.nested || decision.action === 'apply' || decision.action === 'refuse') return decision
  const why = 'inside of a list, struct or map a change is made or refused, nothing else in this version'
  return { ...decision, action: 'refuse', why }
}

function decideColumn(difference: SchemaDifference, policy: SchemaEvolution): EvolutionDecision {
  const { mode } = policy
  type Scope = Exclude<keyof SchemaEvolution, 'apply_safe'>
  const because = (action: EvolutionDecision['action'], scope: Scope | undefined, why: string) => ({
    ...difference,
    action,
    policy: scope === undefined ? 'none' : `schema_evolution.${scope}: ${policy[scope]}`,
    why,
  })
  if (difference.problem !== undefined) return because('refuse', undefined, difference.problem)
  switch (difference.change) {
    case 'add_column':
      return addColumn()
    case 'drop_column':
    case 'rename_column':
      if (policy.columns === 'freeze') return because('refuse', 'columns', 'columns are frozen')
      if (mode !== 'widening') {
        const verb = difference.change === 'drop_column' ? 'drops' : 'renames'
        return because('refuse', 'mode', `${mode} ${verb} no column`)
      }
      return difference.change === 'drop_column'
        ? because('apply', 'mode', 'all rows are replaced, none of the new ones has it')
        : because('apply', 'mode', 'the contract says so; the field id stays, and with it every old value')
    case 'missing_column':
      return because('refuse', undefined, 'the rows that stay have it, the new ones would not')
    case 'reorder_columns':
      return mode === 'strict'
        ? because('refuse', 'mode', 'strict allows no change')
        : because('apply', 'column_order', 'columns are read by field id, wherever they stand')
    case 'widen_type':
      if (policy.data_type === 'freeze') return because('refuse', 'data_type', 'types are frozen')
      if (policy.data_type === 'quarantine') {
        return because('quarantine', 'data_type', 'rows whose value does not fit the table are set aside')
      }
      if (mode === 'widening') return because('apply', 'mode', 'every old value fits the wider type')
      return policy.narrowing === 'quarantine'
        ? because('quarantine', 'narrowing', 'rows whose value does not fit the table are set aside')
        : because('refuse', 'mode', `${mode} changes no type`)
    case 'convert_type':
      return policy.data_type === 'freeze'
        ? because('refuse', 'data_type', 'types are frozen')
        : because('convert', 'data_type', 'every value is one of the table’s type, too')
    case 'narrow_type':
      if (policy.data_type === 'freeze') return because('refuse', 'data_type', 'types are frozen')
      return policy.narrowing === 'quarantine'
        ? because('quarantine', 'narrowing', 'rows whose value does not fit the table are set aside')
        : because('refuse', 'narrowing', 'the table’s type cannot hold every value')
    case 'change_type':
      return policy.data_type === 'quarantine'
        ? because('quarantine', 'data_type', 'rows whose text is no value of the table’s type are set aside')
        : because('refuse', 'data_type', 'no old value would be read the same way')
    case 'relax_nullability':
      if (policy.nullability === 'freeze')
        return because('refuse', 'nullability', 'the table has no NULL in it, the contract lets NULL in')
      return mode === 'strict'
        ? because('refuse', 'mode', 'strict allows no change')
        : because('apply', 'nullability', 'every old row has a value, new ones need none')
    case 'tighten_nullability':
      return mode === 'strict'
        ? because('refuse', 'mode', 'strict allows no change')
        : because('apply', 'nullability', 'all rows are replaced, and the contract lets no NULL in')
  }

  function addColumn(): EvolutionDecision {
    const { origin } = difference
    if (policy.columns === 'freeze') return because('refuse', 'columns', 'columns are frozen')
    if (policy.columns === 'ignore' || policy.columns === 'quarantine') {
      if (origin === 'contract')
        return because('refuse', 'columns', 'the contract names it, so it cannot be left out')
      if (policy.columns === 'ignore' || origin === 'sluice')
        return because('ignore', 'columns', 'it is not loaded')
      return because('quarantine', 'columns', 'rows with a value in it are set aside')
    }
    return mode === 'strict'
      ? because('refuse', 'mode', 'strict allows no change')
      : because('apply', 'mode', 'old rows read NULL in it')
  }
}
