import { appendFileSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { afterEach, describe, expect, it } from 'vitest'
import { digestOf } from '../../core/json.ts'
import type { QuarantineIndex } from '../../core/runs/quarantine.ts'
import type { ObjectRef } from '../../core/stores/object-ref.ts'
import { type Flow, openFlow } from '../evolution/flow.ts'
import { runChild } from '../support/children.ts'

const open: Flow[] = []
const flow = (): Flow => {
  const opened = openFlow()
  open.push(opened)
  return opened
}
afterEach(() => {
  for (const opened of open.splice(0)) opened.remove()
})

const stored = (directory: string, key: string) => readFileSync(join(directory, '.sluice/evidence', key))

function indexOf(directory: string, ref: ObjectRef | null | undefined): QuarantineIndex {
  return JSON.parse(stored(directory, ref?.key as string).toString('utf8')) as QuarantineIndex
}

interface Kept extends Record<string, unknown> {
  readonly row_id: string
  readonly first_seen: Date
  readonly last_seen: Date
}

async function rowsOf(directory: string, index: QuarantineIndex): Promise<Kept[]> {
  const rows: Record<string, unknown>[] = []
  for (const { key } of index.files) {
    const { buffer, byteOffset, byteLength } = stored(directory, key)
    const file = buffer.slice(byteOffset, byteOffset + byteLength)
    rows.push(...(await parquetReadObjects({ file, compressors })))
  }
  return rows as Kept[]
}

const contract = (quarantine: string, enforcement = 'quarantine') =>
  `{ enforcement: ${enforcement}, quarantine: { ${quarantine} }, columns: { id: { type: integer, max: 5 }, name: { type: string, pattern: "[a-z]+" } } }`

const clockAt = (text: string) => () => new Date(text)

describe('the index of a quarantine', () => {
  it('names files, reasons, contract and time, and its own digest', async () => {
    const { directory, says, deliver, run } = flow()
    says({ contract: contract('retention_days: 7') })
    deliver('a', 'id,name\n1,a\nx,B\n9,c\n')
    const { evidence } = await run(clockAt('2024-05-01T10:00:00Z'))
    const index = indexOf(directory, evidence.quarantine)
    const { fingerprint, ...rest } = index
    expect(fingerprint).toBe(digestOf(rest))
    expect(index).toMatchObject({
      schema: 'sluice.quarantine_index.v1',
      project: 'evolving',
      run_id: evidence.run_id,
      dataflow: 'flow',
      attempt: 1,
      created_at: '2024-05-01T10:00:00.000Z',
      expires_at: '2024-05-08T10:00:00.000Z',
      contract_sha256: evidence.contract_sha256,
      pii_policy: 'reference_only',
      rows: 2,
      reasons: [
        { code: 'contract.max', column: 'id', count: 1 },
        { code: 'contract.type', column: 'id', count: 1 },
        { code: 'contract.pattern', column: 'name', count: 1 },
      ],
      files: [{ rows: 2, objects: [{ source: 'a.csv', rows: 2 }] }],
    })
    expect(index.bytes).toBe(index.files.reduce((sum, { size }) => sum + size, 0))
    const version = index.files[0]?.objects?.[0]?.version
    expect(await rowsOf(directory, index)).toMatchObject(
      [2n, 3n].map((source_row) => ({
        source_file: 'a.csv',
        source_version: version,
        source_row,
        source_line: null,
        contract_sha256: evidence.contract_sha256,
        raw: null,
      })),
    )
  })

  it('is verified with its files', async () => {
    const { directory, says, deliver, run } = flow()
    says({ contract: contract('') })
    deliver('a', 'id,name\nx,a\n')
    const { evidence } = await run()
    const verify = async () =>
      await runChild('cli/main.ts', [
        'evidence',
        evidence.run_id,
        '--verify',
        '--format',
        'json',
        '--project',
        directory,
      ])
    const { dataflows } = JSON.parse((await verify()).stdout)
    const index = indexOf(directory, evidence.quarantine)
    const keys = [evidence.quarantine?.key, index.files[0]?.key]
    expect(dataflows[0].files.map(({ key }: ObjectRef) => key)).toEqual(expect.arrayContaining(keys))
  })
})

describe('rows of several files behind transformers', () => {
  it('have the number of their record, whatever else was left out of the load', async () => {
    const { directory, says, deliver, run } = flow()
    const transformers = `{ deduplicate: { columns: [name], latest_by: [id] }, filter: "name <> 'skip'" }`
    says({ contract: contract(''), transformers })
    deliver('a', 'id,name\n1,a\n7,b\n3,skip\n8,c\n')
    deliver('b', 'id,name\n2,a\n9,d\n6,b\n')
    const { evidence } = await run()
    expect(evidence.rows).toMatchObject({
      read: 7,
      accepted: 1,
      quarantined: 3,
      filtered: 1,
      deduplicated: 2,
    })
    const rows = await rowsOf(directory, indexOf(directory, evidence.quarantine))
    const places = rows.map(({ source_file, source_row }) => `${source_file} ${source_row}`)
    expect(places.sort()).toEqual(['a.csv 2', 'a.csv 4', 'b.csv 2'])
  })
})

describe('a row that is rejected again', () => {
  it('keeps when it was seen first, as long as it is the same row of the same version', async () => {
    const { directory, says, deliver, run } = flow()
    says({ contract: contract('', 'strict') })
    deliver('a', 'id,name\n1,a\nx,b\ny,c\n')
    const times = ['2024-05-01T10:00:00Z', '2024-05-02T10:00:00Z', '2024-05-03T10:00:00Z'].map(
      (text) => new Date(text),
    )
    const seen: Kept[][] = []
    for (const [i, time] of times.entries()) {
      if (i === 2) deliver('a', 'id,name\n1,a\nx,b\ny,corrected\n')
      const { evidence } = await run(() => time)
      seen.push(await rowsOf(directory, indexOf(directory, evidence.quarantine)))
    }
    const [first, second, third] = seen as [Kept[], Kept[], Kept[]]
    const told = (rows: readonly Kept[]) => rows.map(({ first_seen, last_seen }) => [first_seen, last_seen])
    expect(told(first)).toEqual([
      [times[0], times[0]],
      [times[0], times[0]],
    ])
    expect(told(second)).toEqual([
      [times[0], times[1]],
      [times[0], times[1]],
    ])
    expect(second.map(({ row_id }) => row_id)).toEqual(first.map(({ row_id }) => row_id))
    expect(told(third)).toEqual([
      [times[2], times[2]],
      [times[2], times[2]],
    ])
  })
})

describe('a row that is rejected again, though not in the run before', () => {
  const bad = { a: 'id,name\n1,a\nx,b\ny,c\n', b: 'id,name\nz,d\n' }
  const at = (day: number) => new Date(Date.UTC(2024, 4, day))

  /** One run a day over the files that are named, in which every row of them that is bad is rejected. */
  async function days(retention: string, runs: readonly (readonly [number, readonly ('a' | 'b')[]])[]) {
    const { directory, says, deliver, run } = flow()
    says({ contract: contract(retention, 'strict') })
    const ran = []
    for (const name of ['a', 'b'] as const) deliver(name, bad[name])
    const place = (name: string, folder: string) => join(directory, folder, `${name}.csv`)
    for (const [day, names] of runs) {
      // Moved, since a file that is written again is another version.
      const away = (['a', 'b'] as const).filter((name) => !names.includes(name))
      for (const name of away) renameSync(place(name, 'landing'), place(name, '.'))
      const { evidence } = await run(() => at(day))
      const index = indexOf(directory, evidence.quarantine)
      const rows = await rowsOf(directory, index)
      const seen = rows.map(({ source_file, first_seen }) => [source_file, first_seen])
      ran.push({ index, seen: seen.sort() })
      for (const name of away) renameSync(place(name, '.'), place(name, 'landing'))
    }
    return { directory, ran }
  }

  it('keeps when it was seen first, and each file is known as long as no newer one has all of its rows', async () => {
    const { ran } = await days('', [
      [1, ['a']],
      [2, ['b']],
      [3, ['b']],
      [4, ['a', 'b']],
      [5, ['b']],
    ])
    expect(ran.map(({ seen }) => seen)).toEqual([
      [
        ['a.csv', at(1)],
        ['a.csv', at(1)],
      ],
      [['b.csv', at(2)]],
      [['b.csv', at(2)]],
      [
        ['a.csv', at(1)],
        ['a.csv', at(1)],
        ['b.csv', at(2)],
      ],
      [['b.csv', at(2)]],
    ])
    const [first, , , fourth] = ran.map(({ index }) => index.files[0]?.key)
    expect(ran.map(({ index }) => (index.earlier ?? []).map(({ key }) => key))).toEqual([
      [],
      [first],
      [first],
      [],
      [fourth],
    ])
  })

  it('is a new one when its time is over', async () => {
    const { ran } = await days('retention_days: 3', [
      [1, ['a']],
      [2, ['b']],
      [5, ['a']],
    ])
    expect(ran[2]?.seen).toEqual([
      ['a.csv', at(5)],
      ['a.csv', at(5)],
    ])
    expect(ran[2]?.index.earlier).toBeUndefined()
  })

  it('is a new one where the file that knew it is damaged, and the load is judged all the same', async () => {
    const { directory, says, deliver, run } = flow()
    says({ contract: contract('', 'strict') })
    deliver('a', bad.a)
    const { evidence } = await run(() => at(1))
    const [file] = indexOf(directory, evidence.quarantine).files
    appendFileSync(join(directory, '.sluice/evidence', file?.key as string), 'x')
    const again = await run(() => at(2))
    expect(again.flow.error?.code).toBe('CONTRACT_REJECTED')
    const rows = await rowsOf(directory, indexOf(directory, again.evidence.quarantine))
    expect(rows.map(({ first_seen }) => first_seen)).toEqual([at(2), at(2)])
  })
})

describe('limits', () => {
  it.each([
    ['max_rows: 1', 'quarantine.max_rows: 1'],
    ['max_ratio: 0.5', 'quarantine.max_ratio: 0.5'],
    ['max_bytes: 100', 'quarantine.max_bytes: 100'],
  ])('%s stops the dataflow, and the rows are kept', async (limit, told) => {
    const { directory, says, deliver, run } = flow()
    says({ contract: contract(limit) })
    deliver('a', 'id,name\n1,a\nx,b\ny,c\n')
    const ran = await run()
    expect(ran.flow.error).toMatchObject({ code: 'QUARANTINE_LIMIT', message: expect.stringContaining(told) })
    expect(indexOf(directory, ran.evidence.quarantine).rows).toBe(2)
  })

  it('max_bytes that is not exceeded lets the rest in', async () => {
    const { says, deliver, run } = flow()
    says({ contract: contract('max_bytes: 1000000') })
    deliver('a', 'id,name\n1,a\nx,b\n')
    expect((await run()).flow).toMatchObject({ status: 'succeeded', rows: { accepted: 1, quarantined: 1 } })
  })
})

describe('pii_policy: preserve', () => {
  it.each(['validate', 'plan', 'run'])(
    'is refused in production by %s, and nothing is written',
    async (command) => {
      const { directory, says, deliver } = flow()
      says({ contract: contract('pii_policy: preserve') })
      deliver('a', 'id,name\nx,b\n')
      const ended = await runChild('cli/main.ts', [command, '--project', directory], undefined, {
        SLUICE_ENVIRONMENT: 'production',
      })
      expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('PRESERVE_IN_PRODUCTION') })
      const elsewhere = await runChild('cli/main.ts', [command, '--project', directory], undefined, {
        SLUICE_ENVIRONMENT: 'staging',
      })
      expect(elsewhere.code).toBe(0)
    },
  )

  it('is never let in by an environment that is misspelt', async () => {
    const { directory, says } = flow()
    says({ contract: contract('') })
    const ended = await runChild('cli/main.ts', ['validate', '--project', directory], undefined, {
      SLUICE_ENVIRONMENT: 'prod',
    })
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('ENVIRONMENT_INVALID') })
  })
})
