import { type LoadContext, onlyKnown, pointer, report, stringField } from './checks.ts'
import { type Finding, StateMachineError } from './errors.ts'
import { isObject, type JsonObject, put } from './json.ts'
import { executionTimeout, type ReadFlow, readState } from './load-state.ts'
import type { Flow, State, StateMachine, TaskState } from './model.ts'

export interface LoadOptions {
  /** Values for `${Name}` in the definition's strings, as CloudFormation's DefinitionSubstitutions. */
  readonly substitutions?: Readonly<Record<string, string>>
  /** `$states.context.StateMachine.Name`. Default "StateMachine". */
  readonly name?: string
}

const PLACEHOLDER = /\$\{([A-Za-z0-9_.:-]+)\}/g

function substitute(
  value: unknown,
  path: string,
  substitutions: Readonly<Record<string, string>>,
  findings: Finding[],
): unknown {
  if (typeof value === 'string') {
    return value.replace(PLACEHOLDER, (whole, name: string) => {
      if (Object.hasOwn(substitutions, name)) return substitutions[name] as string
      findings.push({ path, problem: `${whole} has no substitution` })
      return whole
    })
  }
  if (Array.isArray(value))
    return value.map((v, i) => substitute(v, pointer(path, i), substitutions, findings))
  if (!isObject(value)) return value
  const out: JsonObject = {}
  for (const [key, member] of Object.entries(value)) {
    put(out, key, substitute(member, pointer(path, key), substitutions, findings))
  }
  return out
}

/** Names that the states of one flow assign, without those of nested flows. */
function assignedNames(states: JsonObject): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  const collect = (holder: unknown, path: string): void => {
    if (!isObject(holder) || !isObject(holder.Assign)) return
    for (const name of Object.keys(holder.Assign)) names.set(name, pointer(path, 'Assign', name))
  }
  for (const [stateName, state] of Object.entries(states)) {
    if (!isObject(state)) continue
    const path = pointer('', stateName)
    collect(state, path)
    for (const key of ['Choices', 'Catch']) {
      const list = state[key]
      if (Array.isArray(list)) for (const [i, item] of list.entries()) collect(item, pointer(path, key, i))
    }
  }
  return names
}

function targets(state: State): readonly (readonly [string, string])[] {
  const found: [string, string][] = []
  if (state.next !== undefined) found.push([state.next, state.type === 'Choice' ? 'Default' : 'Next'])
  if (state.type === 'Choice')
    for (const [i, rule] of state.rules.entries()) found.push([rule.next, `Choices/${i}/Next`])
  if ('catch' in state)
    for (const [i, catcher] of state.catch.entries()) found.push([catcher.next, `Catch/${i}/Next`])
  return found
}

function checkTransitions(context: LoadContext, flow: Flow, known: ReadonlySet<string>, path: string): void {
  const reached = new Set<string>()
  const open = [flow.startAt]
  while (open.length > 0) {
    const name = open.pop() as string
    if (reached.has(name)) continue
    reached.add(name)
    const state = flow.states.get(name)
    if (state !== undefined) open.push(...targets(state).map(([target]) => target))
  }
  let ends = flow.states.size < known.size
  for (const state of flow.states.values()) {
    ends ||=
      state.type === 'Succeed' ||
      state.type === 'Fail' ||
      (state.next === undefined && state.type !== 'Choice')
    for (const [target, field] of targets(state)) {
      if (!known.has(target))
        report(context, `${state.path}/${field}`, `there is no state "${target}" in this flow`)
    }
    if (!reached.has(state.name)) report(context, state.path, 'no transition leads to this state')
  }
  if (!ends) report(context, pointer(path, 'States'), 'no state ends this flow')
}

function flowReader(tasks: TaskState[], objectUsers: string[]): ReadFlow {
  const readFlow: ReadFlow = (outer, value, path, { extraFields, ownScope, express }) => {
    onlyKnown(outer, value, path, ['Comment', 'StartAt', 'States', ...extraFields])
    const startAt = stringField(outer, value, 'StartAt', path) ?? ''
    const states = isObject(value.States) ? value.States : {}
    const statesPath = pointer(path, 'States')
    const own = assignedNames(states)
    if (!ownScope) {
      for (const [name, at] of own) {
        if (!outer.variables.has(name)) continue
        report(
          outer,
          statesPath + at,
          `$${name} belongs to a flow around this one, which cannot be assigned from here`,
        )
      }
    }
    const variables = new Set([...(ownScope ? [] : outer.variables), ...own.keys()])
    const context: LoadContext = { ...outer, variables, express }
    if (Object.keys(states).length === 0)
      report(context, statesPath, 'must be an object with one or more states')
    const compiled = new Map<string, State>()
    for (const [name, state] of Object.entries(states)) {
      const at = pointer(statesPath, name)
      const first = context.stateNames.get(name)
      if (first !== undefined) report(context, at, `the name is already used at ${first}`)
      else context.stateNames.set(name, at)
      if (name.length > 80 || name === '') report(context, at, 'a state name has 1 to 80 characters')
      if (!isObject(state)) {
        report(context, at, 'must be an object')
        continue
      }
      const result = readState(context, state, at, name, readFlow)
      if (result === undefined) continue
      compiled.set(name, result)
      if (result.type === 'Task') tasks.push(result)
      if (result.type === 'Map' && (result.distributed?.reader ?? result.distributed?.writer?.arguments)) {
        objectUsers.push(at)
      }
    }
    const known = new Set(Object.keys(states))
    if (!known.has(startAt))
      report(context, pointer(path, 'StartAt'), `there is no state "${startAt}" in this flow`)
    const flow: Flow = { startAt, states: compiled }
    checkTransitions(context, flow, known, path)
    return flow
  }
  return readFlow
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new StateMachineError([{ path: '', problem: `not JSON: ${(error as Error).message}` }])
  }
}

/**
 * Reads, checks and compiles a definition in the Amazon States Language (JSONata), given as JSON text or as the
 * parsed value, which is not changed. Throws {@link StateMachineError} with everything that is outside the subset:
 * nothing is ignored.
 */
export function loadStateMachine(definition: unknown, options: LoadOptions = {}): StateMachine {
  const findings: Finding[] = []
  const parsed = typeof definition === 'string' ? parseText(definition) : definition
  if (!isObject(parsed)) throw new StateMachineError([{ path: '', problem: 'must be an object' }])
  const root = substitute(parsed, '', options.substitutions ?? {}, findings) as JsonObject
  const context: LoadContext = { findings, stateNames: new Map(), variables: new Set(), express: false }
  if (root.QueryLanguage !== 'JSONata') report(context, pointer('', 'QueryLanguage'), 'must be "JSONata"')
  if (root.Version !== undefined && root.Version !== '1.0')
    report(context, pointer('', 'Version'), 'must be "1.0"')
  const comment = stringField(context, root, 'Comment', '')
  const timeoutSeconds = executionTimeout(context, root)
  const tasks: TaskState[] = []
  const objectUsers: string[] = []
  const flow = flowReader(tasks, objectUsers)(context, root, '', {
    extraFields: ['QueryLanguage', 'Version', 'TimeoutSeconds'],
    ownScope: true,
    express: false,
  })
  if (findings.length > 0) throw new StateMachineError(findings)
  return { name: options.name ?? 'StateMachine', comment, timeoutSeconds, flow, tasks, objectUsers }
}
