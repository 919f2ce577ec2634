import { runChildren } from './children.ts'
import { dataLimit, queryError } from './errors.ts'
import { numberField, wrongType } from './expression.ts'
import { finish, type Step } from './finish.ts'
import { exceeds } from './json.ts'
import { runMapRun } from './map-run.ts'
import type { MapState } from './model.ts'
import { bindingsOf, emit, type Frame, type Scope } from './runtime.ts'
import { evaluate } from './template.ts'

/** Iterations of an INLINE map that Step Functions runs at a time, at most. */
const INLINE_CONCURRENCY = 40
/** Children of a Map Run, likewise. */
const DISTRIBUTED_CONCURRENCY = 10_000

async function itemsOf(scope: Scope, frame: Frame, state: MapState): Promise<readonly unknown[]> {
  if (state.items === undefined) {
    if (Array.isArray(frame.input)) return frame.input
    throw queryError(undefined, `Map state input must be an array but was: ${JSON.stringify(frame.input)}`)
  }
  const items = await evaluate(state.items, bindingsOf(scope, frame))
  if (Array.isArray(items)) return items
  throw state.items.kind === 'expression'
    ? wrongType(state.items, 'array', items)
    : queryError('Items', 'not a list')
}

/** The input of the `index`-th iteration, before batching. */
export type SelectItem = (index: number, value: unknown, source: string | undefined) => Promise<unknown>

function itemSelector(scope: Scope, frame: Frame, state: MapState): SelectItem {
  const { itemSelector: template } = state
  return async (index, value, source) => {
    if (template === undefined) return value
    const item = { Index: index, Value: value, ...(source === undefined ? {} : { Source: source }) }
    return evaluate(template, bindingsOf(scope, frame, { map: { Item: item } }))
  }
}

/** One attempt of a Map. */
export async function attemptMap(scope: Scope, frame: Frame, state: MapState): Promise<Step> {
  const { distributed } = state
  const bindings = bindingsOf(scope, frame)
  const items = distributed?.reader === undefined ? await itemsOf(scope, frame, state) : undefined
  const limits = { min: 0, max: Number.MAX_SAFE_INTEGER }
  const asked = await numberField(state.maxConcurrency, bindings, limits)
  const most = distributed === undefined ? INLINE_CONCURRENCY : DISTRIBUTED_CONCURRENCY
  const limit = asked === 0 ? most : Math.min(asked, most)
  // With an ItemReader the length is not known yet.
  emit(scope, 'MapStateStarted', () => ({ length: items?.length ?? 0 }))
  const select = itemSelector(scope, frame, state)
  let result: unknown
  if (distributed !== undefined) {
    result = await runMapRun(scope, frame, { state, distributed, items, limit, select })
  } else {
    const list = items as readonly unknown[]
    result = await runChildren(scope, frame, {
      count: list.length,
      limit,
      iterations: true,
      async prepare(index) {
        const value = list[index]
        const input = await select(index, value, undefined)
        if (exceeds(input)) throw dataLimit(state.name, false)
        return { flow: state.processor, input, map: { Item: { Index: index, Value: value } } }
      },
    })
  }
  emit(scope, 'MapStateSucceeded', undefined, { aside: true })
  if (exceeds(result)) throw dataLimit(state.name, false)
  return finish(scope, frame, { result }, result, state)
}
