import { readFileSync, rmSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { usEast1 } from '../../core/cost/prices.ts'
import {
  admitTransitions,
  gateTransitions,
  maxConflicts,
  runTransitions,
  settleTransitions,
} from '../../core/cost/transitions.ts'
import { CommitConflictError, RetryableError } from '../../core/errors.ts'
import type { Ports } from '../../core/ports.ts'
import { gateNames } from '../../core/runs/gates.ts'
import type { HistoryEvent } from '../../local/asl/index.ts'
import { deliver, makeProject, runProject } from '../support/project.ts'

interface State {
  readonly Type: string
  readonly Next?: string
  readonly Default?: string
  readonly Choices?: readonly { readonly Condition: string; readonly Next: string }[]
  readonly Catch?: readonly {
    readonly ErrorEquals: readonly string[]
    readonly Output?: { again?: string }
    readonly Next: string
  }[]
  readonly ItemProcessor?: { readonly States: Record<string, State> }
}

const text = readFileSync(new URL('../../state-machines/run.asl.json', import.meta.url), 'utf8')
const machine = JSON.parse(text) as { readonly States: Record<string, State> }
const wave = machine.States.Waves?.ItemProcessor?.States as Record<string, State>
const child = wave.Dataflows?.ItemProcessor?.States as Record<string, State>

/** States from here to the next Task, or to the end; `choose` names the conditions that hold. */
function untilTask(name: string | undefined, choose: (condition: string) => boolean): number {
  const state = name === undefined ? undefined : child[name]
  if (state === undefined || state.Type === 'Task') return 0
  const taken = state.Choices?.find(({ Condition }) => choose(Condition))?.Next ?? state.Default ?? state.Next
  return 1 + untilTask(taken, choose)
}

const pascal = (gate: string) =>
  gate.replace(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase())

describe('transitions are those of the definition', () => {
  it.each(['gates', 'source_state', 'done'] as const)('an admission that says %s', (go) => {
    expect(admitTransitions(go)).toBe(1 + untilTask('Admitted', (condition) => condition.includes(`'${go}'`)))
  })

  it.each(gateNames)('%s, passed or stopped by any error', (gate) => {
    const state = child[pascal(gate)] as State
    for (const verdict of ['passed', 'nothing_new']) {
      const next = untilTask(state.Next, (condition) => condition.includes(`'${verdict}'`))
      expect(gateTransitions(gate, 0)).toBe(1 + next)
    }
    for (const error of ['CommitConflictError', 'SchemaMovedError', 'RetryableError', 'ContractError']) {
      const rule = state.Catch?.find(({ ErrorEquals }) =>
        ErrorEquals.some((e) => e === error || e === 'States.ALL'),
      )
      const again = rule?.Output?.again ?? 'nothing'
      for (const round of [0, maxConflicts - 1, maxConflicts]) {
        const choose = (condition: string) =>
          condition.includes('$conflicts')
            ? round + 1 > Number(/> (\d+)/.exec(condition)?.[1])
            : condition.includes(`'${again}'`)
        expect(gateTransitions(gate, round, error), `${error} in round ${round}`).toBe(
          1 + untilTask(rule?.Next, choose),
        )
      }
    }
  })

  it('settling, whether another attempt follows or not', () => {
    for (const again of [true, false])
      for (const settle of ['Settle', 'SettleFailure'])
        expect(settleTransitions).toBe(1 + untilTask(child[settle]?.Next, () => again))
  })

  it('the run itself', () => {
    expect(Object.keys(machine.States)).toEqual([
      'Plan',
      'AnyWave',
      'Waves',
      'Seal',
      'Verdict',
      'Succeeded',
      'Failed',
    ])
    expect(Object.keys(wave)).toEqual(['Dataflows', 'WaveEnded'])
    expect([runTransitions(0), runTransitions(1), runTransitions(4)]).toEqual([5, 8, 14])
  })
})

/** What Step Functions would bill: states entered, and tasks tried again. */
function billed(events: readonly HistoryEvent[]): number {
  const count = (pattern: RegExp) => events.filter(({ type }) => pattern.test(type)).length
  return count(/StateEntered$/) + count(/^TaskScheduled$/) - count(/^TaskStateEntered$/)
}

/** Runs the project of `test/support` once, and compares what it counted with what the interpreter went through. */
async function compare(decorate: (ports: Ports) => Ports, options: Record<string, unknown> = {}) {
  const directory = makeProject()
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  deliver(directory, 1)
  const events: HistoryEvent[] = []
  const { result } = await runProject(directory, {
    decorate,
    options,
    onEvent: (event) => events.push(event),
  })
  const root = events.filter((event) => event.parentExecutionId === undefined)
  const children = events.filter((event) => event.parentExecutionId !== undefined)
  const flows = result.dataflows.reduce((sum, flow) => sum + (flow.cost?.transitions ?? 0), 0)
  expect({ root: result.cost.transitions - flows, children: flows }).toEqual({
    root: billed(root),
    children: billed(children),
  })
  const tasks = events.filter(({ type }) => type === 'TaskScheduled').length
  expect(result.cost.lambda_requests).toBe(tasks)
  return { result, events }
}

/** Fails the commit of `dataflow`, as often as `errors` has something to throw. */
function failingCommit(dataflow: string, errors: Error[]) {
  return (ports: Ports): Ports => ({
    ...ports,
    state: {
      ...ports.state,
      get: (pk, sk) => ports.state.get(pk, sk),
      query: (pk, prefix) => ports.state.query(pk, prefix),
      transact: async (writes) => {
        const isCommit = writes.some(
          (w) => w.kind === 'put' && w.item.sk.startsWith('COMMIT#') && w.item.dataflow === dataflow,
        )
        const error = isCommit ? errors.shift() : undefined
        if (error !== undefined) throw error
        return await ports.state.transact(writes)
      },
    },
  })
}

describe('what a run counts is what the interpreter went through', () => {
  it('when all goes well', async () => {
    const { result } = await compare((ports) => ports)
    expect(result.status).toBe('succeeded')
    expect(result.cost).toMatchObject({ estimated_for: 'aws', region: 'us-east-1', child_type: 'STANDARD' })
    const services = Object.values(result.cost.usd_by_service).reduce((sum, usd) => sum + usd, 0)
    expect(result.cost.usd).toBeCloseTo(services, 8)
    expect(result.cost.usd).toBeGreaterThan(result.cost.transitions * usEast1.prices.standard_transition.usd)
  })

  it('when a task is tried again, and when another writer moved the table', async () => {
    const busy = new RetryableError({ code: 'STATE_STORE_BUSY', fact: 'busy' })
    const moved = new CommitConflictError({ code: 'TABLE_MOVED', fact: 'another writer' })
    const { result, events } = await compare(failingCommit('orders', [busy, moved]))
    expect(result.status).toBe('succeeded')
    expect(events.filter(({ type }) => type === 'TaskFailed')).toHaveLength(2)
    expect(
      events.some((event) => event.type === 'PassStateEntered' && event.stateName === 'StageAgain'),
    ).toBe(true)
    const [orders, items] = ['orders', 'items'].map(
      (name) => result.dataflows.find((f) => f.dataflow === name)?.cost,
    )
    // One commit more; then one more with BaseMoved, StageAgain and the gates from stage to evidence.
    expect(orders!.transitions - items!.transitions).toBe(1 + 1 + 2 + 3)
  })

  it('when a whole attempt is made again, and when it fails for good', async () => {
    const broken = () =>
      Array.from({ length: 5 }, () => new RetryableError({ code: 'STATE_STORE_BUSY', fact: 'busy' }))
    const { result } = await compare(failingCommit('items', broken().slice(0, 5)), {
      retry_count: 1,
      retry_delay_seconds: 0,
    })
    expect(result.dataflows.find((flow) => flow.dataflow === 'items')).toMatchObject({
      status: 'succeeded',
      attempts: 2,
    })
    const failed = await compare(failingCommit('items', broken()))
    expect(failed.result.status).toBe('failed')
    expect(failed.result.dataflows.find((flow) => flow.dataflow === 'totals')).toMatchObject({
      status: 'skipped',
    })
  }, 120_000)

  it('over a run and its resumption together', async () => {
    const directory = makeProject()
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    deliver(directory, 1)
    const events: HistoryEvent[] = []
    const onEvent = (event: HistoryEvent) => events.push(event)
    const broken = Array.from(
      { length: 5 },
      () => new RetryableError({ code: 'STATE_STORE_BUSY', fact: 'busy' }),
    )
    const first = await runProject(directory, {
      run_id: 'twice',
      decorate: failingCommit('items', broken),
      onEvent,
    })
    expect(first.result).toMatchObject({ status: 'failed', succeeded: 2 })
    const second = await runProject(directory, { run_id: 'twice', resume: true, onEvent })
    expect(second.result.status).toBe('succeeded')
    expect(second.result.cost.transitions).toBe(billed(events))
    expect(second.result.cost.usd).toBeGreaterThan(first.result.cost.usd)
  }, 60_000)
})
