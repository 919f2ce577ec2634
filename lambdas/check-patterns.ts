import { patternsOf, verifyPatterns } from '../core/contract/patterns.ts'
import type { ColumnContract } from '../core/contract/types.ts'
import type { Engine } from '../core/engine/engine.ts'
import { ContractError } from '../core/errors.ts'
import type { Dataflow } from '../core/manifest/types.ts'
import type { ReadTask } from './gate-handler.ts'

/** Patterns that this process has had compiled. Dataflows share them, and asking again costs an engine's lease, 2 ms. */
const compiled = new Set<string>()
const compiledLimit = 10_000

/** Only the engine can say whether a pattern is RE2; it says so before any row is read. */
export async function checkPatterns(task: ReadTask): Promise<void> {
  const { contract, name } = task.dataflow
  const columns = { ...contract.columns, ...replacedPatterns(task.dataflow) }
  const patterns = patternsOf({ columns }).map(({ pattern }) => pattern)
  if (patterns.every((pattern) => compiled.has(pattern))) return
  const work = (engine: Engine) => verifyPatterns(engine, { ...contract, columns })
  const [problem] = await task.ports.engines.use(work, { signal: task.signal })
  if (problem === undefined) {
    if (compiled.size + patterns.length > compiledLimit) compiled.clear()
    for (const pattern of patterns) compiled.add(pattern)
    return
  }
  throw new ContractError({
    code: 'CONTRACT_PATTERN_INVALID',
    fact: `in ${name}, ${problem.path.join('.')}: ${problem.message}`,
    consequence: 'Nothing was read',
    next: problem.hint,
  })
}

/** As if they were columns, by their place. */
function replacedPatterns({ transformers }: Dataflow): Record<string, ColumnContract> {
  const rules = (transformers?.values ?? []).map((rule, i) => [`transformers.values[${i}]`, rule] as const)
  return Object.fromEntries(
    rules.flatMap(([place, rule]) =>
      rule.operation === 'regex_replace' ? [[place, { type: 'string', pattern: rule.pattern }]] : [],
    ),
  )
}
