import { quoteLiteral, quoteLiterals } from '../engine/sql.ts'
import { reasonCodes } from './rule-names.ts'
import type { Rule } from './rules.ts'
import type { ScanInput } from './scan.ts'
import { judgedColumn } from './scan-sql.ts'

/** Of a judged row's booleans, one a rule. No column of a source has such a name. */
export const heldAlias = '_sluice_held'

/** A name that no column of a source can have, whose own may be `e`. */
export const evidenceAlias = '_sluice_evidence'

/** The scratch files' columns, the evidence and the booleans in it, under names of their own. */
export function rejectedRows(paths: readonly string[]): string {
  const held = `CAST(json_extract(${judgedColumn}, '$.held') AS BOOLEAN[])`
  return `SELECT *, ${judgedColumn} AS ${evidenceAlias}, ${held} AS ${heldAlias} FROM read_parquet(${quoteLiterals(paths)})`
}

/** SQL of what is said of the input whose path `path` is. */
export function byPath(
  inputs: readonly ScanInput[],
  said: (input: ScanInput) => string | undefined,
  path: string,
): string {
  const pairs = inputs.flatMap((input) =>
    'path' in input ? [`${quoteLiteral(input.path)}: ${textOrNull(said(input))}`] : [],
  )
  return `MAP {${pairs.join(', ')}}[${path}]`
}

/** Where the part of an object begins that the input is. */
export function fromByte(input: ScanInput): string | undefined {
  return 'from_byte' in input && input.from_byte !== undefined ? String(input.from_byte) : undefined
}

export function textOrNull(text: string | undefined): string {
  return text === undefined ? 'CAST(NULL AS VARCHAR)' : quoteLiteral(text)
}

/** One element of `reasons`; a rule over the row is told apart by its name. */
export function reasonLiteral({
  column,
  rule,
  name,
  message,
}: Omit<Rule, 'expression' | 'severity'>): string {
  const fields = [
    `'code': ${quoteLiteral(reasonCodes[rule])}`,
    `'column': ${textOrNull(column ?? undefined)}`,
    `'rule': ${quoteLiteral(rule)}`,
    `'name': ${textOrNull(name)}`,
    `'message': ${quoteLiteral(message)}`,
  ]
  return `{${fields.join(', ')}}`
}
