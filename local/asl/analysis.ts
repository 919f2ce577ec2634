/** What a query refers to: learned from its syntax tree, once, when the definition is loaded. */
export interface References {
  /** Names the query takes from outside: `states`, workflow variables, and functions. */
  readonly names: ReadonlySet<string>
  /** `input`, `result` … of `$states.<member>`. */
  readonly members: ReadonlySet<string>
  /** Whether `$states.context` may be looked at. */
  readonly usesContext: boolean
}

/** JSONata 2.0.6's own functions; `$eval` is absent because Step Functions has none. */
const BUILT_IN: ReadonlySet<string> = new Set(
  `sum count max min average string substring substringBefore substringAfter lowercase uppercase length trim pad
  match contains replace split join formatNumber formatBase formatInteger parseInteger number floor ceil round abs
  sqrt power boolean not map zip filter single reduce sift keys lookup append exists spread merge reverse each
  error assert type sort shuffle distinct base64encode base64decode encodeUrlComponent encodeUrl decodeUrlComponent
  decodeUrl toMillis fromMillis clone now millis partition range hash parse uuid random`.split(/\s+/),
)

type Node = Readonly<Record<string, unknown>>

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Keys a plain `a.b.c` step may have; any other key means a predicate, a grouping, an index … */
const PLAIN_STEP = new Set(['type', 'value', 'position'])

/** `['states', 'input', 'a']` when the query is nothing but `$states.input.a`. */
export function plainPath(ast: Node): readonly string[] | undefined {
  if (ast.type === 'variable' && Object.keys(ast).every((k) => PLAIN_STEP.has(k))) {
    return typeof ast.value === 'string' && ast.value !== '' && ast.value !== '$' ? [ast.value] : undefined
  }
  if (ast.type !== 'path' || Object.keys(ast).some((k) => k !== 'type' && k !== 'steps')) return undefined
  const steps = ast.steps as Node[]
  const names: string[] = []
  for (const [at, step] of steps.entries()) {
    if (
      step.type !== (at === 0 ? 'variable' : 'name') ||
      !Object.keys(step).every((k) => PLAIN_STEP.has(k))
    ) {
      return undefined
    }
    names.push(String(step.value))
  }
  return names[0] === '' || names[0] === '$' ? undefined : names
}

/** Walks the syntax tree of `jsonata(source).ast()`. */
export function analyse(ast: unknown): References {
  const used = new Set<string>()
  const bound = new Set<string>()
  const members = new Set<string>()
  let mentions = 0
  let qualified = 0
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item)
      return
    }
    if (!isNode(value)) return
    if (value.type === 'variable') {
      used.add(String(value.value))
      if (value.value === 'states') mentions += 1
    }
    if (value.type === 'bind' && isNode(value.lhs)) bound.add(String(value.lhs.value))
    if (value.type === 'lambda') for (const arg of value.arguments as Node[]) bound.add(String(arg.value))
    if (typeof value.focus === 'string') bound.add(value.focus)
    if (typeof value.index === 'string') bound.add(value.index)
    if (value.type === 'index') bound.add(String(value.value))
    if (value.type === 'path') {
      const [first, second] = value.steps as Node[]
      if (first?.type === 'variable' && first.value === 'states' && second?.type === 'name') {
        members.add(String(second.value))
        qualified += 1
      }
    }
    for (const child of Object.values(value)) visit(child)
  }
  visit(ast)
  const names = new Set([...used].filter((name) => name !== '' && name !== '$' && !bound.has(name)))
  const usesContext = members.has('context') || mentions > qualified
  return { names, members, usesContext }
}

/** True for a function of JSONata or of Step Functions. A workflow variable of that name hides it. */
export function isFunctionName(name: string): boolean {
  return BUILT_IN.has(name)
}
