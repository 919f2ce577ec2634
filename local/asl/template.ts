import { type Bindings, compileExpression, type Expression } from './expression.ts'
import { isObject, type JsonObject, put } from './json.ts'

/** A compiled field value: JSON in which each `{% … %}` string is an expression. Keys are taken as they are. */
export type Template =
  | { readonly kind: 'constant'; readonly value: unknown }
  | Expression
  | { readonly kind: 'object'; readonly members: readonly (readonly [string, Template])[] }
  | { readonly kind: 'array'; readonly items: readonly Template[] }

const EXPRESSION = /^\{%([\s\S]*)%\}$/

/** The text between `{%` and `%}`, or undefined when the string is just a string. */
export function expressionSource(text: string): string | undefined {
  return EXPRESSION.exec(text)?.[1]?.trim()
}

/** True for `{% …` that never closes, or `… %}` that never opened: refused, because it is never meant. */
export function isHalfExpression(text: string): boolean {
  return expressionSource(text) === undefined && (text.startsWith('{%') || text.endsWith('%}'))
}

/**
 * Compiles a value. `refuse` is told of each string that does not compile, with its location
 * (`Output/rows/0`), and `seen` of each expression.
 */
export function compileTemplate(
  value: unknown,
  location: string,
  refuse: (location: string, problem: string) => void,
  seen: (expression: Expression) => void,
): Template {
  if (typeof value === 'string') {
    if (isHalfExpression(value)) refuse(location, 'a JSONata string starts with "{%" and ends with "%}"')
    const source = expressionSource(value)
    if (source === undefined) return { kind: 'constant', value }
    try {
      const expression = compileExpression(source, location)
      seen(expression)
      return expression
    } catch (error) {
      const { code, message } = error as { code?: string; message?: string }
      refuse(location, `not a JSONata expression: ${code ?? ''} ${message ?? ''}`.trim())
      return { kind: 'constant', value: null }
    }
  }
  if (Array.isArray(value)) {
    const items = value.map((item, i) => compileTemplate(item, `${location}/${i}`, refuse, seen))
    return items.every((i) => i.kind === 'constant') ? { kind: 'constant', value } : { kind: 'array', items }
  }
  if (isObject(value)) {
    const members = Object.entries(value).map(
      ([key, member]) => [key, compileTemplate(member, `${location}/${key}`, refuse, seen)] as const,
    )
    return members.every(([, m]) => m.kind === 'constant')
      ? { kind: 'constant', value }
      : { kind: 'object', members }
  }
  return { kind: 'constant', value }
}

/** The value of a template. A promise only where an expression needs the query engine. */
export function evaluate(template: Template, bindings: Bindings): unknown | Promise<unknown> {
  switch (template.kind) {
    case 'constant':
      return template.value
    case 'expression':
      return template.evaluate(bindings)
    case 'array': {
      const values = template.items.map((item) => evaluate(item, bindings))
      return values.some((v) => v instanceof Promise) ? Promise.all(values) : values
    }
    case 'object': {
      const out: JsonObject = {}
      let pending: Promise<void>[] | undefined
      for (const [key, member] of template.members) {
        const value = evaluate(member, bindings)
        put(out, key, value)
        if (value instanceof Promise) {
          pending ??= []
          pending.push(value.then((settled) => put(out, key, settled)))
        }
      }
      return pending === undefined ? out : Promise.all(pending).then(() => out)
    }
  }
}
