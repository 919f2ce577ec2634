import type { Engine } from '../engine/engine.ts'
import { ContractError, ManifestError } from '../errors.ts'
import { sqlType } from './lake-types.ts'
import { checkRowExpression, type RowExpression } from './row-expression.ts'
import type { ScanColumn } from './scan.ts'
import type { RowRule, Severity } from './types.ts'

/** A rule over the row whose expression was let through. */
export interface BoundRowRule {
  readonly name: string
  readonly severity: Severity
  readonly message: string
  /** SQL over the columns by their names: true or false, never NULL, and never an error. */
  readonly sql: string
  /** The columns that it names; where one has no value of its type there is nothing to judge. */
  readonly columns: readonly string[]
}

/**
 * Checks the rules against the columns of a load. A row keeps a rule where its expression is true: NULL, and what
 * cannot be computed for the row (an overflow, a cast that fails), are not. Throws `ContractError`
 * `CONTRACT_RULE_INVALID`.
 */
export async function bindRowRules(
  engine: Engine,
  rules: readonly RowRule[],
  columns: readonly Pick<ScanColumn, 'name' | 'type' | 'variant_of'>[],
): Promise<BoundRowRule[]> {
  const known = columns.flatMap(({ name, type, variant_of }) =>
    variant_of === undefined ? [{ name, type: sqlType(type) }] : [],
  )
  const bound: BoundRowRule[] = []
  for (const { name, expr, severity = 'error' } of rules) {
    const expression = await checked(engine, name, expr, known)
    const problem = notTrueOrFalse(expression)
    if (problem !== undefined) throw invalid(name, expr, problem)
    const message = `breaks the rule ${name}: ${expr.trim()}`
    const sql = `coalesce(TRY${expression.sql}, false)`
    bound.push({ name, severity, message, sql, columns: expression.columns })
  }
  return bound
}

async function checked(
  engine: Engine,
  name: string,
  expr: string,
  columns: Parameters<typeof checkRowExpression>[2],
) {
  try {
    return await checkRowExpression(engine, expr, columns)
  } catch (error) {
    if (error instanceof ManifestError) throw invalid(name, expr, String(error.details.why), error)
    throw error
  }
}

/** What else than true and false the expression of a rule or a filter is. */
export function notTrueOrFalse({ type }: Pick<RowExpression, 'type'>): string | undefined {
  return type === 'BOOLEAN' ? undefined : `it is of type ${type}, not true or false`
}

function invalid(name: string, expr: string, why: string, cause?: unknown): ContractError {
  return new ContractError({
    code: 'CONTRACT_RULE_INVALID',
    fact: `The contract's rule ${name}, ${JSON.stringify(expr)}, cannot be judged: ${why}`,
    consequence: 'Nothing was read',
    next: 'Correct its expr: docs/contracts.md says what an expression may be',
    ...(cause === undefined ? {} : { cause }),
  })
}
