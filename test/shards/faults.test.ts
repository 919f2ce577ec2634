import { rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { RetryableError, SourceError } from '../../core/errors.ts'
import { canonicalJson } from '../../core/json.ts'
import type { Ports } from '../../core/ports.ts'
import type { ObjectPin } from '../../core/stores/object-store.ts'
import { limited } from '../support/children.ts'
import { type Call, intercepted, isCommit, lostAnswer } from '../support/faulty-ports.ts'
import { leases, readStored, unreferenced } from '../support/invariants.ts'
import { runProject } from '../support/project.ts'
import {
  deliverFile,
  flowOf,
  flowPk,
  makeShardProject,
  rejectedRows,
  shardsOf,
  tableRows,
} from '../support/shard-project.ts'

const bodies = ['k,n\na0,0\nb0,x\n', 'k,n\na1,1\nc1,1\n', 'k,n\na2,2\nb2,y\n', 'k,n\na3,3\n']
const good = ['a0,0', 'a1,1', 'a2,2', 'a3,3', 'c1,1']

function makeLoad(): string {
  const contract =
    '{ enforcement: quarantine, columns: { k: { type: string, unique: true }, n: { type: integer } } }'
  const directory = makeShardProject({ contract, max_shard_bytes: 16 })
  for (const [i, body] of bodies.entries()) deliverFile(directory, `${i}.csv`, body)
  return directory
}

/** What must hold once the load has succeeded, however often it was begun; nothing where all does. */
async function wrong(directory: string): Promise<string[]> {
  const stored = readStored(directory)
  const flow = flowOf(stored, 'only')
  const rows = (await tableRows(directory)).map((row) => {
    const { k, n } = JSON.parse(row) as { k: string; n: number }
    return `${k},${n}`
  })
  const commits = [...stored.items.keys()].filter((key) => key.startsWith(`${flowPk} COMMIT#`))
  const seen = {
    status: flow.status,
    rows: flow.rows,
    table: rows.sort(),
    commits: commits.length,
    rejected: (await rejectedRows(directory, 'only')).length,
    left: [...leases(stored), ...(await unreferenced(directory, stored))],
  }
  const wanted = {
    status: 'succeeded',
    rows: { accepted: 5, deduplicated: 0, filtered: 0, quarantined: 2, read: 7 },
    table: good,
    commits: 1,
    rejected: 2,
    left: [],
  }
  const [a, b] = [canonicalJson(seen), canonicalJson(wanted)]
  return a === b ? [] : [`${a} is not ${b}`]
}

const sample = makeLoad()
const calls: Call[] = []
await runProject(sample, {
  run_id: 'only',
  decorate: (ports) =>
    intercepted(ports, async (call, perform) => {
      calls.push(call)
      return await perform()
    }),
})

describe('one load in shards', () => {
  it('is divided, and comes to its rows', async () => {
    expect(shardsOf(readStored(sample), 'only')).toBe(4)
    expect(await wrong(sample)).toEqual([])
    expect(calls.filter((call) => call.target.includes('/SHARD#'))).toHaveLength(4)
    rmSync(sample, { recursive: true })
  })
})

const fewAtATime = limited(4)

/** From extract on: what comes before has no shards, and is what the crash suite is about. */
const first = calls.findIndex((call) => call.target.includes('#extract'))
const places = calls
  .slice(first)
  .map((call) => [call.number, `${call.port} ${call.target.slice(0, 70)}`] as const)

describe.concurrent('a call that changes something', () => {
  it.each(places)('dies after it at %i (%s), and the run is resumed', async (n) => {
    await fewAtATime(async () => {
      const directory = makeLoad()
      let dead = false
      const alive = async () => {
        if (dead) throw new Error('dead')
      }
      const decorate = (ports: Ports) =>
        intercepted(
          ports,
          async (call, perform) => {
            await alive()
            const answer = await perform()
            dead = call.number === n
            await alive()
            return answer
          },
          alive,
        )
      await runProject(directory, { run_id: 'only', decorate }).catch(() => undefined)
      await runProject(directory, { run_id: 'only', resume: true })
      expect(await wrong(directory)).toEqual([])
      rmSync(directory, { recursive: true })
    })
  })

  it.each(places)('is done and its answer is lost at %i (%s), and the call is repeated', async (n) => {
    await fewAtATime(async () => {
      const directory = makeLoad()
      const decorate = (ports: Ports) =>
        intercepted(ports, async (call, perform) => {
          const answer = await perform()
          if (call.number === n) throw isCommit(call) ? lostAnswer() : throttled()
          return answer
        })
      await runProject(directory, { run_id: 'only', decorate })
      expect(await wrong(directory)).toEqual([])
      rmSync(directory, { recursive: true })
    })
  })
})

/** Ports whose downloads of one source object go through `work` first; counts all of them. */
function sourceThrough(key: string, work: (time: number) => void, counts: Map<string, number>) {
  return (ports: Ports): Ports => ({
    ...ports,
    openSource: (path) => {
      const real = ports.openSource(path)
      const download = async (pin: ObjectPin, directory: string) => {
        const times = (counts.get(pin.key) ?? 0) + 1
        counts.set(pin.key, times)
        if (pin.key === key) work(times)
        return await real.download(pin, directory)
      }
      return { ...real, download }
    },
  })
}

describe('a shard that fails', () => {
  it('is repeated alone when another try may succeed', async () => {
    const directory = makeLoad()
    const counts = new Map<string, number>()
    const once = (time: number) => {
      if (time === 1) throw throttled()
    }
    const { result } = await runProject(directory, {
      run_id: 'only',
      decorate: sourceThrough('2.csv', once, counts),
    })
    expect(result.dataflows[0]).toMatchObject({ status: 'succeeded', attempts: 1 })
    expect(Object.fromEntries(counts)).toEqual({ '0.csv': 1, '1.csv': 1, '2.csv': 2, '3.csv': 1 })
    expect(await wrong(directory)).toEqual([])
    rmSync(directory, { recursive: true })
  })

  it('ends the attempt with its own error, with nothing visible and no file left', async () => {
    const directory = makeLoad()
    const always = () => {
      throw new SourceError({ code: 'SOURCE_UNREADABLE', fact: '2.csv is torn' })
    }
    const decorate = sourceThrough('2.csv', always, new Map())
    const { result } = await runProject(directory, { run_id: 'only', decorate })
    expect(result.dataflows[0]).toMatchObject({
      status: 'failed',
      gate: 'contract',
      error: { name: 'SourceError', code: 'SOURCE_UNREADABLE', details: { shard: 2 } },
    })
    const stored = readStored(directory)
    expect(stored.pointers.size).toBe(0)
    expect([...leases(stored), ...(await unreferenced(directory, stored))]).toEqual([])
    await runProject(directory, { run_id: 'only', resume: true })
    expect(await wrong(directory)).toEqual([])
    rmSync(directory, { recursive: true })
  })

  it('without a word, as a function that was killed, leads to another attempt with shards of its own', async () => {
    const directory = makeLoad()
    const killed = (time: number) => {
      if (time === 1) throw new Error('killed')
    }
    const { result } = await runProject(directory, {
      run_id: 'only',
      options: { retry_count: 1, retry_delay_seconds: 0 },
      decorate: sourceThrough('0.csv', killed, new Map()),
    })
    expect(result.dataflows[0]).toMatchObject({ status: 'succeeded', attempts: 2 })
    expect(await wrong(directory)).toEqual([])
    rmSync(directory, { recursive: true })
  })
})

function throttled(): RetryableError {
  return new RetryableError({ code: 'THROTTLED', fact: 'too many requests at once' })
}
