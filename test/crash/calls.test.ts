import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { RetryableError } from '../../core/errors.ts'
import type { Ports } from '../../core/ports.ts'
import type { RunOutcome } from '../../local/run.ts'
import { limited } from '../support/children.ts'
import { type Call, intercepted, isCommit, lostAnswer } from '../support/faulty-ports.ts'
import { leases, readStored, unreferenced, violations } from '../support/invariants.ts'
import { deliver, makeProject, runProject } from '../support/project.ts'

interface Mode {
  /** From then on nothing works any more, as after a kill. */
  readonly dies: boolean
  readonly performs: boolean
  readonly error: () => Error
  /** The workflow repeats the call that failed so, and the run succeeds all the same. */
  readonly repeated: boolean
}

/** One dataflow, and every call by which its run changes something: each of them fails once, in each of these ways. */
const everyDay: Readonly<Record<string, Mode>> = {
  'dies after it': { dies: true, performs: true, error: () => new Error('dead'), repeated: false },
  'is done, then throttled': { dies: false, performs: true, error: throttled, repeated: true },
  'fails for an unknown reason': {
    dies: false,
    performs: false,
    error: () => new Error('no idea'),
    repeated: false,
  },
  'is done, and its answer is lost': { dies: false, performs: true, error: lostAnswer, repeated: true },
  'is not done, and its answer is lost': { dies: false, performs: false, error: lostAnswer, repeated: true },
}
/** With CRASH_FULL=1. What dies before a call has died after the one before; what was not done is a lost request. */
const nowAndThen: Readonly<Record<string, Mode>> = {
  'dies before it': { dies: true, performs: false, error: () => new Error('dead'), repeated: false },
  'is throttled': { dies: false, performs: false, error: throttled, repeated: true },
}
const modes = process.env.CRASH_FULL === '1' ? { ...everyDay, ...nowAndThen } : everyDay

const only = { dataflows: ['dirty'] }

/** The ports of a process to which this happens at call number `n`. */
function faulty(ports: Ports, n: number, mode: Mode): Ports {
  let isDead = false
  const alive = async () => {
    if (isDead) throw new Error('dead')
  }
  return intercepted(
    ports,
    async (call, perform) => {
      await alive()
      if (call.number !== n) return await perform()
      if (mode.performs) await perform()
      isDead = mode.dies
      throw mode.error()
    },
    alive,
  )
}

/** What the runs of this dataflow change when nothing fails, in their order. */
async function callsOf(directory: string, run_id: string): Promise<Call[]> {
  const calls: Call[] = []
  const recording = (ports: Ports) =>
    intercepted(ports, async (call, perform) => {
      calls.push(call)
      return await perform()
    })
  await runProject(directory, { run_id, options: only, decorate: recording })
  return calls
}

const fewAtATime = limited(6)

async function failAt(n: number, mode: Mode): Promise<string[]> {
  const directory = makeProject()
  deliver(directory, 1)
  await runProject(directory, { run_id: 'before', options: only })
  deliver(directory, 2)
  const run_id = 'last'
  const decorate = (ports: Ports) => faulty(ports, n, mode)
  const first = await runProject(directory, { run_id, options: only, decorate }).catch(
    (error: Error) => error,
  )
  const problems: string[] = []
  // A commit that is not known to have happened is never sent again by the same attempt.
  const isUnresolved = isCommit(calls[n - 1] as Call) && !mode.performs && mode.error === lostAnswer
  if (mode.repeated && !isUnresolved) problems.push(...failures(first))
  const runs = ['before', run_id]
  const stored = readStored(directory)
  if (!(first instanceof Error)) {
    const { status } = first.result
    if (status === 'succeeded')
      problems.push(...(await violations(directory, runs, ['dirty'])).map((p) => `called a success: ${p}`))
    problems.push(...leases(stored).map((lease) => `failed, and lease left: ${lease}`))
    problems.push(...(await unreferenced(directory, stored)).map((file) => `failed, and file left: ${file}`))
  }
  const hasBegun = stored.items.has(`RUN#${run_id} META`)
  const { result } = await runProject(
    directory,
    hasBegun ? { run_id, resume: true } : { run_id, options: only },
  )
  if (result.status !== 'succeeded') problems.push(`resumed: ${JSON.stringify(result.errors)}`)
  problems.push(...(await violations(directory, runs, ['dirty'])))
  if (problems.length === 0) rmSync(directory, { recursive: true })
  return problems
}

function failures(first: RunOutcome | Error): string[] {
  if (first instanceof Error) return [`not repeated: ${first.message}`]
  return first.result.status === 'succeeded' ? [] : [`not repeated: ${JSON.stringify(first.result.errors)}`]
}

const sample = makeProject()
deliver(sample, 1)
await runProject(sample, { run_id: 'before', options: only })
deliver(sample, 2)
const calls = await callsOf(sample, 'last')
rmSync(sample, { recursive: true })

describe.concurrent('one call of a run', () => {
  it('is found in all its kinds', () => {
    const kinds = new Set(calls.map((call) => `${call.port} ${call.method}`))
    expect([...kinds].sort()).toEqual([
      'evidence put',
      'evidence upload',
      'lake put',
      'lake upload',
      'state transact',
    ])
    expect(calls.filter((call) => call.writes.some((write) => write.kind === 'pointer'))).toHaveLength(1)
  })

  describe.each(Object.entries(modes))('%s', (_name, mode) => {
    it.each(
      calls.map((call) => [call.number, `${call.port} ${call.method} ${call.target.slice(0, 60)}`] as const),
    )('at call %i: %s', async (n) => {
      await fewAtATime(async () => expect(await failAt(n, mode)).toEqual([]))
    })
  })
})

function throttled(): RetryableError {
  return new RetryableError({ code: 'THROTTLED', fact: 'too many requests at once' })
}
