import { isFunctionName } from './analysis.ts'
import type { Finding } from './errors.ts'
import { compileExpression, type Expression } from './expression.ts'
import { isObject, type JsonObject } from './json.ts'
import { compileTemplate, expressionSource, isHalfExpression, type Template } from './template.ts'

/** What the loader knows while it reads one flow. */
export interface LoadContext {
  readonly findings: Finding[]
  /** Every state name of the machine, with the path of its first use. */
  readonly stateNames: Map<string, string>
  /** Variables that some state of this flow, or of a flow around it, assigns. */
  readonly variables: ReadonlySet<string>
  /** Inside the item processor of an EXPRESS map. */
  readonly express: boolean
}

/** Members of `$states` that a field may use, beside `input` and `context`. */
export type Extra = 'result' | 'errorOutput'

export function pointer(path: string, ...keys: (string | number)[]): string {
  return [path, ...keys.map((k) => String(k).replaceAll('~', '~0').replaceAll('/', '~1'))].join('/')
}

export function report(context: LoadContext, path: string, problem: string): void {
  context.findings.push({ path, problem })
}

const JSON_PATH_FIELDS = new Set(['Parameters', 'ResultSelector', 'Result', 'Variable', 'And', 'Or', 'Not'])

/** Reports each key of `object` that is not in `known`. */
export function onlyKnown(
  context: LoadContext,
  object: JsonObject,
  path: string,
  known: readonly string[],
): void {
  for (const key of Object.keys(object)) {
    if (known.includes(key)) continue
    const jsonPath = key.endsWith('Path') || JSON_PATH_FIELDS.has(key)
    const hint = jsonPath
      ? 'belongs to JSONPath; this machine uses JSONata'
      : `is not a field here (${known.join(', ')})`
    report(context, pointer(path, key), `"${key}" ${hint}`)
  }
}

export function stringField(
  context: LoadContext,
  object: JsonObject,
  key: string,
  path: string,
): string | undefined {
  const value = object[key]
  if (value === undefined) return undefined
  if (typeof value === 'string') return value
  report(context, pointer(path, key), 'must be a string')
  return undefined
}

function checkReferences(
  context: LoadContext,
  expression: Expression,
  path: string,
  extra: readonly Extra[],
): void {
  const { names, members } = expression.references
  for (const name of names) {
    if (name === 'states' || context.variables.has(name)) continue
    if (name === 'eval') report(context, path, '$eval is not available in Step Functions; use $parse')
    else if (!isFunctionName(name)) {
      report(
        context,
        path,
        `$${name} is neither a function nor a variable that a state in this scope assigns`,
      )
    }
  }
  for (const member of members) {
    if (member === 'input' || member === 'context' || extra.includes(member as Extra)) continue
    const why =
      member === 'result' || member === 'errorOutput' ? 'is not available in this field' : 'does not exist'
    report(context, path, `$states.${member} ${why}`)
  }
}

/** Compiles a field of any JSON; undefined when it is absent. `location` is how a failing expression names it. */
export function templateField(
  context: LoadContext,
  object: JsonObject,
  key: string,
  path: string,
  extra: readonly Extra[],
  location: string = key,
): Template | undefined {
  const value = object[key]
  if (value === undefined) return undefined
  const at = (place: string): string => pointer(path, key) + place.slice(location.length)
  return compileTemplate(
    value,
    location,
    (place, problem) => report(context, at(place), problem),
    (expression) => checkReferences(context, expression, at(expression.location), extra),
  )
}

/** As {@link templateField}, for fields that take an object or one expression. */
export function objectField(
  context: LoadContext,
  object: JsonObject,
  key: string,
  path: string,
  extra: readonly Extra[],
  location?: string,
): Template | undefined {
  const value = object[key]
  const fits = isObject(value) || (typeof value === 'string' && expressionSource(value) !== undefined)
  if (value !== undefined && !fits)
    report(context, pointer(path, key), 'must be an object or a JSONata string')
  return templateField(context, object, key, path, extra, location)
}

/** An expression, or undefined when the value is not one. Reports what does not compile. */
export function expressionField(
  context: LoadContext,
  object: JsonObject,
  key: string,
  path: string,
  location: string = key,
): Expression | undefined {
  const value = object[key]
  if (typeof value !== 'string') return undefined
  const source = expressionSource(value)
  if (source === undefined || isHalfExpression(value)) return undefined
  try {
    const expression = compileExpression(source, location)
    checkReferences(context, expression, pointer(path, key), [])
    return expression
  } catch (error) {
    report(context, pointer(path, key), `not a JSONata expression: ${(error as Error).message}`)
    return undefined
  }
}

export interface NumberBounds {
  readonly min: number
  readonly max: number
  readonly fractions?: boolean
}

function boundsText({ min, max, fractions }: NumberBounds): string {
  return `${fractions === true ? 'a number' : 'an integer'} from ${min} to ${max}`
}

export function literalNumber(
  context: LoadContext,
  object: JsonObject,
  key: string,
  path: string,
  bounds: NumberBounds,
): number | undefined {
  const value = object[key]
  if (value === undefined) return undefined
  const fits =
    typeof value === 'number' &&
    (bounds.fractions === true ? Number.isFinite(value) : Number.isInteger(value)) &&
    value >= bounds.min &&
    value <= bounds.max
  if (fits) return value
  report(context, pointer(path, key), `must be ${boundsText(bounds)}`)
  return undefined
}

/** A number, or an expression that gives one. */
export function numberOrExpression(
  context: LoadContext,
  object: JsonObject,
  key: string,
  path: string,
  bounds: NumberBounds,
  location: string = key,
): number | Expression | undefined {
  if (typeof object[key] !== 'string') return literalNumber(context, object, key, path, bounds)
  const before = context.findings.length
  const expression = expressionField(context, object, key, path, location)
  if (expression === undefined && context.findings.length === before) {
    report(context, pointer(path, key), `must be ${boundsText(bounds)}, or a JSONata string`)
  }
  return expression
}
