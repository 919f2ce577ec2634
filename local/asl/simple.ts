import { plainPath } from './analysis.ts'
import type { Bindings } from './expression.ts'
import { isObject } from './json.ts'

/** Marks "this is not the simple case": an array on the way, a name that is not a workflow variable, other types. */
export const ENGINE = Symbol('engine')

/** The value, `undefined` where there is none, or {@link ENGINE}. */
export type Simple = (bindings: Bindings) => unknown

type Node = Readonly<Record<string, unknown>>

/**
 * An expression that needs no query engine: a literal, `$states.input.a.b`, or such a path compared with a literal.
 * Most expressions of a workflow are of these kinds, and without the engine each is 20 times as fast. Gives exactly
 * what the engine gives, or {@link ENGINE} where that needs the engine's rules; `undefined` for other expressions.
 */
export function simpleOf(ast: unknown): Simple | undefined {
  const node = ast as Node
  const literal = literalOf(node)
  if (literal !== undefined) return () => literal
  const path = plainPath(node)
  if (path !== undefined) return (bindings) => follow(path, bindings)
  return node.type === 'binary' ? comparison(node) : undefined
}

function literalOf({ type, value }: Node): string | number | undefined {
  return type === 'number' || type === 'string' ? (value as string | number) : undefined
}

const comparisons: Readonly<Record<string, (left: string | number, right: string | number) => boolean>> = {
  '=': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '<': (left, right) => left < right,
  '<=': (left, right) => left <= right,
  '>': (left, right) => left > right,
  '>=': (left, right) => left >= right,
}

/** Values of one type alone: what else is compared with what, and what is an error, the engine knows. */
function comparison({ value, lhs, rhs }: Node): Simple | undefined {
  const compare = comparisons[String(value)]
  const path = plainPath(lhs as Node)
  const literal = literalOf(rhs as Node)
  if (compare === undefined || path === undefined || literal === undefined) return undefined
  return (bindings) => {
    const found = follow(path, bindings)
    return typeof found === typeof literal ? compare(found as string | number, literal) : ENGINE
  }
}

function follow(path: readonly string[], bindings: Bindings): unknown {
  const root = path[0] as string
  let value: unknown = bindings.states
  if (root !== 'states') {
    if (!Object.hasOwn(bindings.variables, root)) return ENGINE
    value = bindings.variables[root]
  } else if (path.length === 1) return ENGINE
  else if (path[1] === 'context') value = { context: bindings.context() }
  for (let at = 1; at < path.length; at += 1) {
    const name = path[at] as string
    if (Array.isArray(value)) return ENGINE
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}
