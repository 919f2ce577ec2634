import { randomUUID } from 'node:crypto'
import { type Cancellation, createCancellation, unlessCancelled } from './cancellation.ts'
import { CANCELLED, Cancelled, StatesError } from './errors.ts'
import { numberField } from './expression.ts'
import { batchItems } from './item-batcher.ts'
import { readItems } from './item-reader.ts'
import { runLanes } from './lanes.ts'
import type { SelectItem } from './map.ts'
import type { DistributedOptions, MapState } from './model.ts'
import type { ObjectService } from './objects.ts'
import { type ChildResult, transformResults, writeResults } from './result-writer.ts'
import { bindingsOf, emit, type Frame, isoNow, type Run, type Scope } from './runtime.ts'
import { evaluate } from './template.ts'

/** An Express execution is ended after five minutes. */
const EXPRESS_SECONDS = 300

interface MapRun {
  readonly state: MapState
  readonly distributed: DistributedOptions
  /** Undefined with an ItemReader. */
  readonly items: readonly unknown[] | undefined
  readonly limit: number
  readonly select: SelectItem
}

interface Work {
  readonly children: number
  readonly items: number
  /** Items that the child stands for. */
  weight(index: number): number
  input(index: number): unknown | Promise<unknown>
}

async function itemsOf(scope: Scope, frame: Frame, { items, distributed }: MapRun) {
  const { reader } = distributed
  if (reader === undefined) return { items: items as readonly unknown[], source: 'STATE_DATA' }
  const bindings = bindingsOf(scope, frame)
  const args = await evaluate(reader.arguments, bindings)
  const limits = { min: 1, max: 100_000_000 }
  const most =
    reader.maxItems === undefined ? undefined : await numberField(reader.maxItems, bindings, limits)
  const { objects } = scope.run.host
  return unlessCancelled(scope.cancellation, readItems(objects as ObjectService, reader, args, most))
}

async function workOf(scope: Scope, frame: Frame, mapRun: MapRun): Promise<Work> {
  const { items, source } = await itemsOf(scope, frame, mapRun)
  const { batcher } = mapRun.distributed
  const { select } = mapRun
  if (batcher === undefined) {
    return {
      children: items.length,
      items: items.length,
      weight: () => 1,
      input: (index) => select(index, items[index], source),
    }
  }
  const bindings = bindingsOf(scope, frame)
  const batchInput =
    batcher.batchInput === undefined ? undefined : await evaluate(batcher.batchInput, bindings)
  const count = { min: 1, max: 100_000_000 }
  const bytes = { min: 1, max: 262_144 }
  const { maxItems, maxBytes } = batcher
  const limits = {
    maxItems: maxItems === undefined ? undefined : await numberField(maxItems, bindings, count),
    maxBytes: maxBytes === undefined ? undefined : await numberField(maxBytes, bindings, bytes),
  }
  const selected: unknown[] = []
  for (const [index, item] of items.entries()) selected.push(await select(index, item, source))
  const batches = batchItems(selected, limits, batchInput, mapRun.state.name)
  return {
    children: batches.length,
    items: items.length,
    weight: (index) => batches[index]?.items ?? 0,
    input: (index) => batches[index]?.input,
  }
}

type Tolerates = (failedItems: number, allItems: number) => boolean

async function tolerance(scope: Scope, frame: Frame, { distributed }: MapRun): Promise<Tolerates> {
  const bindings = bindingsOf(scope, frame)
  const { toleratedCount, toleratedPercentage } = distributed
  const limits = { min: 0, max: Number.MAX_SAFE_INTEGER }
  const percentage = { min: 0, max: 100, fractions: true }
  const count = toleratedCount === undefined ? undefined : await numberField(toleratedCount, bindings, limits)
  const share =
    toleratedPercentage === undefined
      ? undefined
      : await numberField(toleratedPercentage, bindings, percentage)
  return (failed, all) => {
    if (failed === 0) return true
    if (count === undefined && share === undefined) return false
    return (count === undefined || failed <= count) && (share === undefined || failed * 100 <= share * all)
  }
}

interface Ids {
  readonly mapRunId: string
  readonly runKey: string
  readonly machineId: string
}

async function runChild(
  scope: Scope,
  mapRun: MapRun,
  ids: Ids,
  index: number,
  input: unknown,
  group: Cancellation,
): Promise<ChildResult> {
  const { host, id: parentId, context } = scope.run
  const name = randomUUID()
  const id = `${ids.machineId.replace(':stateMachine:', ':execution:')}/${mapRun.distributed.label}:${name}`
  const cancellation = createCancellation(group)
  const startDate = isoNow(host.clock)
  const run: Run = {
    host,
    id,
    name,
    parentId,
    mapRunId: ids.mapRunId,
    childIndex: index,
    context: {
      Execution: { Id: id, Input: input, Name: name, StartTime: startDate, RedriveCount: 0 },
      StateMachine: context.StateMachine,
    },
    cancellation,
    events: 0,
  }
  const timeout = mapRun.distributed.executionType === 'EXPRESS' ? EXPRESS_SECONDS : undefined
  const outcome = await host.runExecution(run, mapRun.state.processor, input, timeout)
  cancellation.release()
  return { id, name, input, outcome, startDate, stopDate: isoNow(host.clock) }
}

/** Runs the children. The list has holes where the run ended before a child was started. */
async function runAll(scope: Scope, mapRun: MapRun, work: Work, tolerates: Tolerates, ids: Ids) {
  const group = createCancellation(scope.cancellation)
  const results = new Array<ChildResult | undefined>(work.children)
  let next = 0
  let failedItems = 0
  let broken: unknown
  const isWorkLeft = (): boolean => next < work.children && group.reason() === undefined
  await runLanes(mapRun.limit, isWorkLeft, async () => {
    while (isWorkLeft()) {
      const index = next
      next += 1
      try {
        const input = await work.input(index)
        if (group.reason() !== undefined) return
        const result = await runChild(scope, mapRun, ids, index, input, group)
        results[index] = result
        if (result.outcome.status !== 'SUCCEEDED' && group.reason() === undefined) {
          failedItems += work.weight(index)
          if (!tolerates(failedItems, work.items))
            group.cancel('the tolerated failure threshold was exceeded')
        }
      } catch (thrown) {
        broken ??= thrown
        group.cancel('an item could not be prepared')
      }
    }
  })
  group.release()
  if (scope.cancellation.reason() !== undefined) throw CANCELLED
  if (broken !== undefined) throw broken
  return { children: results.filter((r) => r !== undefined), exceeded: !tolerates(failedItems, work.items) }
}

/**
 * One Map Run of a Distributed Map: each item, or batch of items, is an execution of its own, which sees no variable
 * of the one that started it. The result is the list of outputs, or where the ResultWriter put it.
 */
export async function runMapRun(scope: Scope, frame: Frame, mapRun: MapRun): Promise<unknown> {
  const { writer, label } = mapRun.distributed
  const machineId = (scope.run.context.StateMachine as { Id: string }).Id
  const runKey = randomUUID()
  const ids = {
    mapRunId: `${machineId.replace(':stateMachine:', ':mapRun:')}/${label}:${runKey}`,
    runKey,
    machineId,
  }
  const tolerates = await tolerance(scope, frame, mapRun)
  emit(scope, 'MapRunStarted', () => ({ mapRunArn: ids.mapRunId }))
  try {
    const work = await workOf(scope, frame, mapRun)
    const { children, exceeded } = await runAll(scope, mapRun, work, tolerates, ids)
    let result: unknown
    if (writer?.arguments !== undefined) {
      const args = await evaluate(writer.arguments, bindingsOf(scope, frame))
      const { objects } = scope.run.host
      const writing = writeResults(objects as ObjectService, writer, args, children, ids)
      result = await unlessCancelled(scope.cancellation, writing)
    } else if (!exceeded) {
      result = transformResults(children, writer?.transformation ?? 'COMPACT', machineId)
    }
    if (exceeded) {
      const cause = 'The specified tolerated failure threshold was exceeded'
      throw new StatesError({ error: 'States.ExceedToleratedFailureThreshold', cause })
    }
    emit(scope, 'MapRunSucceeded', undefined, { aside: true })
    return result
  } catch (thrown) {
    if (thrown instanceof Cancelled) emit(scope, 'MapRunAborted', undefined, { always: true })
    else if (thrown instanceof StatesError) {
      const { error, cause } = thrown.parts
      emit(scope, 'MapRunFailed', () => ({ error, ...(cause === undefined ? {} : { cause }) }))
    }
    throw thrown
  }
}
