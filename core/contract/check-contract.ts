import { checkColumn } from './check-column.ts'
import type { ContractProblem } from './contract-problem.ts'
import type { ColumnContract, ContractSpec, RowRule } from './types.ts'

/** What no schema of keys and kinds can say about a contract. Empty: nothing is wrong. Reads nothing. */
export function checkContract(spec: ContractSpec): ContractProblem[] {
  const problems: ContractProblem[] = []
  for (const [name, column] of Object.entries(spec.columns)) {
    for (const { path, ...rest } of [...checkColumn(column), ...checkSeverity(spec, column)])
      problems.push({ path: ['columns', name, ...path], ...rest })
  }
  problems.push(...checkRules(spec))
  const { max_rows, max_ratio } = spec.quarantine ?? {}
  if (max_rows !== undefined && (!Number.isSafeInteger(max_rows) || max_rows < 0)) {
    problems.push({
      path: ['quarantine', 'max_rows'],
      message: `max_rows ${max_rows} is not a whole number from 0 up`,
      hint: 'Give the number of rejected rows that are still all right',
    })
  }
  if (max_ratio !== undefined && !(max_ratio >= 0 && max_ratio <= 1)) {
    problems.push({
      path: ['quarantine', 'max_ratio'],
      message: `max_ratio ${max_ratio} is not between 0 and 1`,
      hint: 'Give a share: 0.01 is one row in a hundred',
    })
  }
  return problems
}

/** Their expressions are the engine's to check, once the load's columns are known (row-rules.ts). */
function checkRules(spec: ContractSpec): ContractProblem[] {
  const { rules = [] } = spec
  return rules.flatMap((rule, i) => {
    const problems: ContractProblem[] = checkSeverity(spec, rule)
    if (rules.findIndex(({ name }) => name === rule.name) !== i) {
      const message = `the name ${rule.name} is taken by another rule of this contract`
      problems.push({
        path: ['name'],
        message,
        hint: 'Counts and reasons are told by name: choose another one',
      })
    }
    return problems.map(({ path, ...rest }) => ({ path: ['rules', i, ...path], ...rest }))
  })
}

/** Under `warn` nothing that a rule says is an error; a severity that says otherwise would be ignored. */
function checkSeverity(
  { enforcement }: ContractSpec,
  { severity }: Pick<ColumnContract | RowRule, 'severity'>,
): ContractProblem[] {
  if (enforcement !== 'warn' || severity !== 'error') return []
  const message = 'severity: error has no meaning with enforcement: warn'
  return [{ path: ['severity'], message, hint: 'Remove it, or use another enforcement with severity: warn' }]
}
