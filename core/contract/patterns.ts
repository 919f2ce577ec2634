import type { Engine } from '../engine/engine.ts'
import { wordsOfBinding } from '../engine/engine-errors.ts'
import { quoteLiteral } from '../engine/sql.ts'
import { SluiceError } from '../errors.ts'
import type { ContractProblem } from './contract-problem.ts'
import { fixedGlob } from './fixed-pattern.ts'
import type { ContractSpec, MemberContract } from './types.ts'

/** What RE2 knows not, so that matching stays linear in time; the rest is left to {@link verifyPatterns}. */
export function patternProblem(pattern: string): string | undefined {
  const plain = pattern.replace(/\\[\\[\]]/g, '').replace(/\[\^?\]?[^\]]*\]/g, '[]')
  const refused: readonly (readonly [RegExp, string])[] = [
    [/\(\?<?[=!]/, 'looks around'],
    [/\\[1-9]|\\k</, 'refers back to a group'],
    [/\(\?>/, 'has an atomic group'],
    [/[*+?}]\+/, 'has a possessive quantifier'],
  ]
  for (const [syntax, what] of refused) {
    if (syntax.test(plain)) return `pattern ${pattern} ${what}`
  }
  return undefined
}

/** What is wrong with a pattern that is no RE2. */
export async function patternError(engine: Engine, pattern: string): Promise<string | undefined> {
  try {
    await engine.rows(`SELECT regexp_full_match('', ${quoteLiteral(pattern)}) AS ok`)
    return undefined
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'ENGINE_STATEMENT') throw error
    return `pattern ${pattern} is not RE2: ${wordsOfBinding(error).replace(/^.*?Error: /, '')}`
  }
}

/** Lets the engine compile each pattern; one statement a pattern. */
export async function verifyPatterns(engine: Engine, spec: ContractSpec): Promise<ContractProblem[]> {
  const problems: ContractProblem[] = []
  for (const { path, pattern } of patternsOf(spec)) {
    const message = await patternError(engine, pattern)
    if (message !== undefined) problems.push({ path, message, hint: patternHint })
  }
  return problems
}

export const patternHint = 'Correct it: patterns are RE2, matched against the whole value'

/** Of the columns and of all that is nested in them, without those that are RE2 for certain. */
export function patternsOf(
  spec: Pick<ContractSpec, 'columns'>,
): { readonly path: readonly string[]; readonly pattern: string }[] {
  const found: { path: readonly string[]; pattern: string }[] = []
  const visit = (path: readonly string[], member: MemberContract | undefined) => {
    if (member === undefined) return
    if (member.pattern !== undefined && fixedGlob(member.pattern) === undefined)
      found.push({ path: [...path, 'pattern'], pattern: member.pattern })
    for (const key of ['items', 'keys', 'values'] as const) visit([...path, key], member[key])
    for (const [name, each] of Object.entries(member.fields ?? {})) visit([...path, 'fields', name], each)
  }
  for (const [name, column] of Object.entries(spec.columns)) visit(['columns', name], column)
  return found
}
