import { quoteLiteral } from '../engine/sql.ts'

/** The parameter of a lambda, one a level; no column of a source has such a name. */
export function parameter(depth: number): string {
  return `_sluice_e${depth}`
}

export function extract(struct: string, name: string): string {
  return `struct_extract(${struct}, ${quoteLiteral(name)})`
}

/** A struct of these members. */
export function literal(fields: Readonly<Record<string, string>>): string {
  const members = Object.entries(fields).map(([name, sql]) => `${quoteLiteral(name)}: ${sql}`)
  return `{${members.join(', ')}}`
}

/** Whether `holds` of every element of a list; of a list that is NULL it does. */
export function allOf(list: string, depth: number, holds: (element: string) => string): string {
  const e = parameter(depth)
  return `coalesce(NOT list_contains(list_transform(${list}, lambda ${e}: ${holds(e)}), false), true)`
}

/**
 * SQL over the value of `made` under a name: it is made once, however often it is named. The list of one copies it,
 * which costs as much as the parsing of a small JSON text; a select before or a lambda before is cheaper.
 */
export function named(made: string, depth: number, over: (name: string) => string): string {
  const name = parameter(depth)
  return `list_transform([${made}], lambda ${name}: ${over(name)})[1]`
}
