import { readFileSync } from 'node:fs'
import validate from 'asl-validator'
import { describe, expect, it } from 'vitest'
import * as errors from '../../core/errors.ts'
import { gateNames } from '../../core/runs/gates.ts'
import { loadStateMachine } from '../../local/asl/index.ts'
import { machine as machineOf, named, play } from '../../local/asl/test-kit.ts'
import { handlers } from '../../local/handlers.ts'

interface State {
  readonly Type: string
  readonly Resource?: string
  readonly Next?: string
  readonly Retry?: readonly { readonly ErrorEquals: readonly string[] }[]
  readonly Catch?: readonly { readonly ErrorEquals: readonly string[]; readonly Next: string }[]
  readonly ItemProcessor?: { readonly States: Record<string, State> }
}

const text = readFileSync(new URL('../../state-machines/run.asl.json', import.meta.url), 'utf8')
const machine = JSON.parse(text) as { readonly States: Record<string, State> }
const all = Object.entries(machine.States).flatMap(([name, state]) => flatten(name, state))
const tasks = all.filter(([, state]) => state.Type === 'Task')

function flatten(name: string, state: State): [string, State][] {
  const inner = Object.entries(state.ItemProcessor?.States ?? {}).flatMap(([n, s]) => flatten(n, s))
  return [[name, state], ...inner]
}

const substitutions = {
  ...Object.fromEntries(
    Object.keys(handlers).map((name) => [name, `arn:aws:lambda:eu-west-1:123456789012:function:${name}`]),
  ),
  EvidenceBucket: 'evidence',
  ChildType: 'STANDARD',
  GateTimeoutSeconds: '900',
}

describe('run.asl.json', () => {
  it('is a definition that AWS would take', () => {
    const filled = text.replace(
      /\$\{(\w+)\}/g,
      (_, name: keyof typeof substitutions) => substitutions[name] ?? '',
    )
    const { isValid, errors } = validate(JSON.parse(filled), { checkArn: false })
    expect(errors).toEqual([])
    expect(isValid).toBe(true)
  })

  it('is inside the subset of the embedded engine, with every placeholder filled', () => {
    expect(() => loadStateMachine(text, { substitutions })).not.toThrow()
    const { Seal: _seal, ...without } = substitutions as Record<string, string>
    expect(() => loadStateMachine(text, { substitutions: without })).toThrow(/Seal/)
  })

  it('calls every handler, and only handlers that there are', () => {
    const called = tasks.map(([, state]) => state.Resource?.slice(2, -1))
    expect([...new Set(called)].sort()).toEqual(Object.keys(handlers).sort())
  })

  it('passes the gates in their order', () => {
    const order = tasks
      .map(([name]) => snake(name))
      .filter((name) => (gateNames as readonly string[]).includes(name))
    expect(order).toEqual(gateNames)
  })

  it('names only errors that some class, Lambda or Step Functions throws', () => {
    const classes = Object.values(errors).flatMap((value) =>
      typeof value === 'function' && value.prototype instanceof Error ? [value.name] : [],
    )
    const named = tasks
      .flatMap(([, state]) => [...(state.Retry ?? []), ...(state.Catch ?? [])])
      .flatMap((rule) => rule.ErrorEquals)
    const unknown = named.filter((name) => !classes.includes(name) && !/^(States|Lambda)\./.test(name))
    expect(unknown).toEqual([])
  })

  it('repeats what may be repeated, the same way in every task', () => {
    const rules = tasks.map(([, state]) => JSON.stringify(state.Retry?.at(-1)))
    expect(new Set(rules).size).toBe(1)
    expect(rules[0]).toContain('RetryableError')
  })

  it('waits two hours for a lease that another run holds, asking at least once a minute', async () => {
    const { Retry } = Object.fromEntries(all).Admit as State
    const wait = async (held: number) => {
      let asked = 0
      const handlers = {
        Admit: () => {
          asked += 1
          if (asked <= held) throw named('LeaseHeldError')
          return 'admitted'
        },
      }
      const task = { Type: 'Task', Resource: 'Admit', Retry, End: true }
      const { outcome, clock } = await play(machineOf({ Admit: task }), { handlers })
      return { outcome, asked, delays: clock.delays }
    }
    const short = await wait(100)
    expect(short).toMatchObject({ outcome: { status: 'SUCCEEDED' }, asked: 101 })
    const long = await wait(Number.POSITIVE_INFINITY)
    expect(long.outcome).toMatchObject({ status: 'FAILED', error: 'LeaseHeldError' })
    // The test clock's chance is one half, which is the mean: 2.5, 5, 10, 20, then 30 seconds.
    const hours = long.delays.reduce((sum, delay) => sum + delay, 0) / 3_600_000
    expect(hours).toBeGreaterThan(1.9)
    expect(hours).toBeLessThan(2.1)
    expect(Math.max(...long.delays)).toBe(30_000)
    // Scheduled, started, failed and, at most, timed out: a STANDARD execution has 25,000 events for all it does.
    expect(long.asked * 4).toBeLessThan(25_000 / 10)
  })

  it('lets no gate fail the map: whatever is not handled otherwise is settled', () => {
    for (const [name, state] of tasks) {
      if (['Plan', 'Seal'].includes(name)) continue
      const last = state.Catch?.at(-1)
      expect(last?.ErrorEquals, name).toEqual(['States.ALL'])
      expect(last?.Next, name).toBe(afterFailure(name))
    }
  })
})

/** A shard's failure waits for the shards beside it; then it is the map's. */
function afterFailure(name: string): string {
  if (name === 'ContractShard') return 'ShardFailed'
  return /^Settle/.test(name) ? 'Done' : 'SettleFailure'
}

function snake(name: string): string {
  return name.replace(/(?<=[a-z])([A-Z])/g, '_$1').toLowerCase()
}
