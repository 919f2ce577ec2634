import type { Engine } from '../engine/engine.ts'
import { instanceFunctions } from './parse-tree.ts'

/**
 * Scalar functions that the engine calls CONSISTENT although they read a clock or the instance, whose results another
 * version may change, or that take the name of an aggregate, which may draw a sample.
 */
const impure =
  /^(__\w+|current_\w+|hash|version|vector_type|stats|create_sort_key|icu_\w+|json_(de)?serialize_\w+|(list_|array_)?aggr(egate)?|combine|finalize)$/

/** Of the macros only those that say the same as an expression of pure functions would. */
const pureMacros =
  /^(nullif|split_part|date_add|days_in_month|fdiv|fmod|round_even|roundbankers|json|md5_number_(lower|upper)|map_contains_(entry|value)|(list|array)_\w+)$/

interface FunctionKinds extends Record<string, unknown> {
  readonly name: string
  readonly pure: boolean
  readonly aggregate: boolean
  readonly macro: boolean
}

let judged: ReadonlyMap<string, string | null> | undefined

/**
 * What an expression may call, by name in lower case: `null` for a function of its arguments alone, else what the
 * function is. A name that is not in it is no scalar function. The engine's own functions cannot change while the
 * process lives, so they are asked for once (30 ms).
 */
export async function scalarFunctions(engine: Engine): Promise<ReadonlyMap<string, string | null>> {
  if (judged !== undefined) return judged
  const functions = await engine.rows<FunctionKinds>(`
    SELECT lower(function_name) AS name,
      bool_and(function_type = 'scalar' AND stability = 'CONSISTENT') AS pure,
      bool_or(function_type = 'aggregate') AS aggregate,
      bool_or(function_type = 'macro') AS macro
    FROM duckdb_functions() WHERE internal AND function_type IN ('scalar', 'aggregate', 'macro') GROUP BY 1`)
  judged = new Map(functions.map((kinds) => [kinds.name, verdict(kinds)]))
  return judged
}

function verdict({ name, pure, aggregate, macro }: FunctionKinds): string | null {
  if (aggregate) return aggregateOverRows
  if (impure.test(name) || instanceFunctions.test(name)) return notOfTheRow
  if (macro) return pureMacros.test(name) ? null : 'is a macro that is not known to tell of the row alone'
  return pure ? null : notOfTheRow
}

/** What {@link scalarFunctions} says of an aggregate. */
export const aggregateOverRows = 'is an aggregate over rows'

const notOfTheRow = 'tells of the clock, of chance or of the engine and not of the row'
