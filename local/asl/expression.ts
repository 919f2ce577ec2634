import jsonata from 'jsonata'
import { analyse, type References } from './analysis.ts'
import { queryError } from './errors.ts'
import { addedFunctions } from './functions.ts'
import { NotJson, plain } from './json.ts'
import { ENGINE, simpleOf } from './simple.ts'

/** What `$states` is while a field is evaluated. */
export interface StatesVariable {
  readonly input: unknown
  readonly result?: unknown
  readonly errorOutput?: unknown
}

/** What an expression sees. */
export interface Bindings {
  readonly variables: Readonly<Record<string, unknown>>
  readonly states: StatesVariable
  /** `$states.context`. Few expressions ask for it. */
  context(): unknown
  random(): number
}

/** A compiled `{% … %}`. */
export interface Expression {
  readonly kind: 'expression'
  readonly source: string
  /** The field, as in `Output/rows`: it is named when the expression fails. */
  readonly location: string
  readonly references: References
  /** The value, plain JSON data. Throws `States.QueryEvaluationError`, also when there is no value. */
  evaluate(bindings: Bindings): unknown | Promise<unknown>
}

/** Compiles the text between `{%` and `%}`. Throws JSONata's own error when it does not parse. */
export function compileExpression(source: string, location: string): Expression {
  const compiled = jsonata(source)
  const references = analyse(compiled.ast())
  const simple = simpleOf(compiled.ast())
  const functions = addedFunctions(() => 0)
  for (const name of references.names) {
    if (name !== 'random' && Object.hasOwn(functions, name)) compiled.registerFunction(name, functions[name]!)
  }

  const describe = (what: string): string =>
    `The JSONata expression '${source}' specified for the field '${location}' ${what}`

  const checked = (value: unknown, fresh: boolean): unknown => {
    if (value === undefined) throw queryError(location, describe('returned nothing (undefined).'))
    if (fresh) return value
    try {
      return plain(value)
    } catch (error) {
      if (!(error instanceof NotJson)) throw error
      throw queryError(location, describe('returned an unsupported result type.'))
    }
  }

  const runEngine = async (bindings: Bindings): Promise<unknown> => {
    const frame: Record<string, unknown> = {}
    for (const name of references.names) {
      if (name === 'states') {
        const { states } = bindings
        frame[name] = references.usesContext ? { ...states, context: bindings.context() } : states
      } else if (Object.hasOwn(bindings.variables, name)) frame[name] = bindings.variables[name]
      else if (name === 'random') frame[name] = addedFunctions(bindings.random).random
    }
    let value: unknown
    try {
      value = await compiled.evaluate(undefined, frame)
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string }
      const what = code === undefined ? message : `${code}: ${message}`
      throw queryError(location, describe(`threw an error during evaluation. ${what}`))
    }
    return checked(value, false)
  }

  return {
    kind: 'expression',
    source,
    location,
    references,
    evaluate(bindings) {
      if (simple !== undefined) {
        const value = simple(bindings)
        if (value !== ENGINE) return checked(value, true)
      }
      const value = runEngine(bindings)
      // A sibling member may throw before anyone awaits this one.
      value.catch(() => {})
      return value
    },
  }
}

export function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

/** The error for a value of the wrong type, in Step Functions' words. */
export function wrongType(expression: Expression, expected: string, value: unknown): Error {
  return queryError(
    expression.location,
    `The JSONata expression '${expression.source}' specified for the field '${expression.location}' returned an ` +
      `unexpected result type. Expected '${expected}', but was '${typeName(value)}' for value: ${JSON.stringify(value)}`,
  )
}

/** A number from the definition or from its expression. Throws `States.QueryEvaluationError` outside the bounds. */
export async function numberField(
  field: number | Expression,
  bindings: Bindings,
  bounds: { readonly min: number; readonly max: number; readonly fractions?: boolean },
): Promise<number> {
  if (typeof field === 'number') return field
  const value = await field.evaluate(bindings)
  if (typeof value !== 'number') throw wrongType(field, 'number', value)
  if (bounds.fractions !== true && !Number.isInteger(value)) throw wrongType(field, 'integer', value)
  if (value < bounds.min || value > bounds.max) {
    const range = `between ${bounds.min} and ${bounds.max}`
    throw queryError(field.location, `The field '${field.location}' must be ${range}, but was ${value}`)
  }
  return value
}
