import {
  expressionField,
  type LoadContext,
  literalNumber,
  numberOrExpression,
  objectField,
  onlyKnown,
  pointer,
  report,
  stringField,
  templateField,
} from './checks.ts'
import { isObject, type JsonObject } from './json.ts'
import { assignField, catchField, MAX_SECONDS, retryField, transition } from './load-common.ts'
import { DISTRIBUTED_FIELDS, distributedOptions } from './load-map.ts'
import type { ChoiceRule, Flow, State } from './model.ts'
import { expressionSource, type Template } from './template.ts'
import { isTimestamp } from './timestamp.ts'

/** Reads a nested flow: its own scope inside the given one, or a scope of its own. */
export type ReadFlow = (
  context: LoadContext,
  value: JsonObject,
  path: string,
  options: { readonly extraFields: readonly string[]; readonly ownScope: boolean; readonly express: boolean },
) => Flow

const FLOW_FIELDS = ['Output', 'Assign', 'Next', 'End']
const FIELDS: Readonly<Record<State['type'], readonly string[]>> = {
  Task: ['Resource', 'Arguments', 'TimeoutSeconds', 'HeartbeatSeconds', 'Retry', 'Catch', ...FLOW_FIELDS],
  Pass: FLOW_FIELDS,
  Wait: ['Seconds', 'Timestamp', ...FLOW_FIELDS],
  Choice: ['Choices', 'Default', 'Output', 'Assign'],
  Succeed: ['Output'],
  Fail: ['Error', 'Cause'],
  Parallel: ['Branches', 'Arguments', 'Retry', 'Catch', ...FLOW_FIELDS],
  Map: ['Items', 'ItemSelector', 'ItemProcessor', 'MaxConcurrency', 'Retry', 'Catch', ...FLOW_FIELDS],
}

function taskState(context: LoadContext, state: JsonObject, path: string) {
  const resource = stringField(context, state, 'Resource', path)
  const at = pointer(path, 'Resource')
  if (state.Resource === undefined || resource === '') report(context, path, 'needs "Resource"')
  if (resource?.endsWith('.waitForTaskToken')) report(context, at, 'task tokens are not part of this subset')
  if (resource !== undefined && /^arn:[^:]*:states:[^:]*:[^:]*:activity:/.test(resource)) {
    report(context, at, 'activities are not part of this subset')
  }
  if (context.express && resource !== undefined && /\.sync(:2)?$/.test(resource)) {
    report(context, at, 'an EXPRESS child cannot wait for a job (.sync)')
  }
  const bounds = { min: 1, max: MAX_SECONDS }
  const timeoutSeconds = numberOrExpression(context, state, 'TimeoutSeconds', path, bounds)
  const heartbeatSeconds = numberOrExpression(context, state, 'HeartbeatSeconds', path, bounds)
  if (typeof timeoutSeconds === 'number' && typeof heartbeatSeconds === 'number') {
    if (heartbeatSeconds >= timeoutSeconds) {
      report(context, pointer(path, 'HeartbeatSeconds'), 'must be less than TimeoutSeconds')
    }
  }
  const args = objectField(context, state, 'Arguments', path, [])
  return { resource: resource ?? '', arguments: args, timeoutSeconds, heartbeatSeconds }
}

function waitState(context: LoadContext, state: JsonObject, path: string) {
  if ((state.Seconds === undefined) === (state.Timestamp === undefined)) {
    report(context, path, 'needs exactly one of "Seconds" and "Timestamp"')
  }
  const seconds = numberOrExpression(context, state, 'Seconds', path, { min: 0, max: MAX_SECONDS })
  const text = stringField(context, state, 'Timestamp', path)
  if (text === undefined) return { seconds, timestamp: undefined }
  if (expressionSource(text) !== undefined) {
    return { seconds, timestamp: expressionField(context, state, 'Timestamp', path) }
  }
  if (!isTimestamp(text)) {
    report(
      context,
      pointer(path, 'Timestamp'),
      'must be a date and time with a zone, as in 2026-01-31T09:30:00Z',
    )
  }
  return { seconds, timestamp: text }
}

function choiceRules(context: LoadContext, state: JsonObject, path: string): readonly ChoiceRule[] {
  const list = state.Choices
  const at = pointer(path, 'Choices')
  if (!Array.isArray(list) || list.length === 0 || !list.every(isObject)) {
    report(context, at, 'must be a list of one or more rules')
    return []
  }
  return list.flatMap((rule, i) => {
    const place = pointer(at, i)
    onlyKnown(context, rule, place, ['Condition', 'Next', 'Output', 'Assign', 'Comment'])
    if (rule.Next === undefined) report(context, place, 'needs "Next"')
    const before = context.findings.length
    const condition = expressionField(context, rule, 'Condition', place, `Choices[${i}]/Condition`)
    if (condition === undefined && context.findings.length === before) {
      report(context, pointer(place, 'Condition'), 'must be a JSONata string')
    }
    const next = stringField(context, rule, 'Next', place) ?? ''
    const output = templateField(context, rule, 'Output', place, [], `Choices[${i}]/Output`)
    const assign = assignField(context, rule, place, [], `Choices[${i}]/Assign`)
    return condition === undefined ? [] : [{ condition, next, output, assign }]
  })
}

function textTemplate(
  context: LoadContext,
  state: JsonObject,
  key: string,
  path: string,
): Template | undefined {
  stringField(context, state, key, path)
  return templateField(context, state, key, path, [])
}

function branches(
  context: LoadContext,
  state: JsonObject,
  path: string,
  readFlow: ReadFlow,
): readonly Flow[] {
  const list = state.Branches
  const at = pointer(path, 'Branches')
  if (!Array.isArray(list) || list.length === 0 || !list.every(isObject)) {
    report(context, at, 'must be a list of one or more flows')
    return []
  }
  const options = { extraFields: [], ownScope: false, express: context.express }
  return list.map((branch, i) => readFlow(context, branch, pointer(at, i), options))
}

function mapState(context: LoadContext, state: JsonObject, path: string, name: string, readFlow: ReadFlow) {
  const at = pointer(path, 'ItemProcessor')
  const processor = isObject(state.ItemProcessor) ? state.ItemProcessor : {}
  if (!isObject(state.ItemProcessor)) report(context, at, 'must be an object with "StartAt" and "States"')
  const config = processor.ProcessorConfig ?? {}
  const configPath = pointer(at, 'ProcessorConfig')
  const { Mode: mode = 'INLINE', ExecutionType: type } = isObject(config) ? config : { Mode: null }
  const distributed = mode === 'DISTRIBUTED'
  if (!isObject(config)) report(context, configPath, 'must be an object')
  else onlyKnown(context, config, configPath, distributed ? ['Mode', 'ExecutionType'] : ['Mode'])
  if (isObject(config) && mode !== 'INLINE' && !distributed) {
    report(context, pointer(configPath, 'Mode'), 'must be "INLINE" or "DISTRIBUTED"')
  }
  if (distributed && type !== 'STANDARD' && type !== 'EXPRESS') {
    report(context, pointer(configPath, 'ExecutionType'), 'must be "STANDARD" or "EXPRESS"')
  }
  if (distributed && context.express) {
    report(context, configPath, 'an EXPRESS child cannot hold a DISTRIBUTED map')
  }
  if (!distributed) {
    for (const key of DISTRIBUTED_FIELDS) {
      if (state[key] !== undefined) report(context, pointer(path, key), 'needs a DISTRIBUTED item processor')
    }
  }
  const items = state.Items
  const isList = Array.isArray(items) || (typeof items === 'string' && expressionSource(items) !== undefined)
  if (items !== undefined && !isList)
    report(context, pointer(path, 'Items'), 'must be a list or a JSONata string')
  const executionType = type === 'EXPRESS' ? 'EXPRESS' : 'STANDARD'
  return {
    items: templateField(context, state, 'Items', path, []),
    itemSelector: templateField(context, state, 'ItemSelector', path, []),
    maxConcurrency:
      numberOrExpression(context, state, 'MaxConcurrency', path, { min: 0, max: Number.MAX_SAFE_INTEGER }) ??
      0,
    distributed: distributed ? distributedOptions(context, state, path, name, executionType) : undefined,
    processor: readFlow(context, processor, at, {
      extraFields: ['ProcessorConfig'],
      ownScope: distributed,
      express: context.express || (distributed && executionType === 'EXPRESS'),
    }),
  } as const
}

/** Reads one state. Undefined when its type is unknown. */
export function readState(
  context: LoadContext,
  state: JsonObject,
  path: string,
  name: string,
  readFlow: ReadFlow,
): State | undefined {
  const type = state.Type as State['type']
  if (typeof type !== 'string' || !Object.hasOwn(FIELDS, type)) {
    report(context, pointer(path, 'Type'), `must be one of ${Object.keys(FIELDS).join(', ')}`)
    return undefined
  }
  const own = type === 'Map' ? [...FIELDS.Map, ...DISTRIBUTED_FIELDS] : FIELDS[type]
  onlyKnown(context, state, path, ['Type', 'Comment', 'QueryLanguage', ...own])
  stringField(context, state, 'Comment', path)
  if (state.QueryLanguage !== undefined && state.QueryLanguage !== 'JSONata') {
    report(context, pointer(path, 'QueryLanguage'), 'must be "JSONata"')
  }
  const extra = type === 'Task' || type === 'Parallel' || type === 'Map' ? (['result'] as const) : []
  const takesOutput = type !== 'Fail'
  const common = {
    name,
    path,
    next: FIELDS[type].includes('End') ? transition(context, state, path) : undefined,
    output: takesOutput ? templateField(context, state, 'Output', path, extra) : undefined,
    assign: takesOutput && type !== 'Succeed' ? assignField(context, state, path, extra) : undefined,
  }
  switch (type) {
    case 'Pass':
    case 'Succeed':
      return { type, ...common }
    case 'Fail':
      return {
        type,
        ...common,
        error: textTemplate(context, state, 'Error', path),
        cause: textTemplate(context, state, 'Cause', path),
      }
    case 'Wait':
      return { type, ...common, ...waitState(context, state, path) }
    case 'Choice': {
      const next = stringField(context, state, 'Default', path)
      return { type, ...common, next, rules: choiceRules(context, state, path) }
    }
    default: {
      const guards = { retry: retryField(context, state, path), catch: catchField(context, state, path) }
      if (type === 'Task') return { type, ...common, ...guards, ...taskState(context, state, path) }
      if (type === 'Map')
        return { type, ...common, ...guards, ...mapState(context, state, path, name, readFlow) }
      const args = objectField(context, state, 'Arguments', path, [])
      return {
        type,
        ...common,
        ...guards,
        arguments: args,
        branches: branches(context, state, path, readFlow),
      }
    }
  }
}

/** The machine's own `TimeoutSeconds`. */
export function executionTimeout(context: LoadContext, definition: JsonObject): number | undefined {
  return literalNumber(context, definition, 'TimeoutSeconds', '', { min: 1, max: MAX_SECONDS })
}
