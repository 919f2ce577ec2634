import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { describe, expect, it } from 'vitest'
import type { QuarantineIndex } from '../../core/runs/quarantine.ts'
import { runProject } from '../support/project.ts'
import { type Corrections, contract, openCorrections, stored } from './project.ts'

/** Three rows are rejected: one beyond the maximum, one that is no integer and has a wrong name, one broken line. */
async function rejected(quarantine = '', clock?: () => Date) {
  const flow = openCorrections()
  flow.says({ contract: contract(quarantine) })
  flow.deliver('a', 'id,name\n1,a\n9,b\nx,C\n5,e,f\n')
  const { evidence } = await flow.run(clock)
  const show = async (...args: string[]) =>
    flow.json(
      await flow.cli('quarantine', 'show', evidence.run_id, 'flow', '--format', 'json', ...args),
    ) as unknown as {
      rows: Shown[]
    }
  return { ...flow, show, index: evidence.quarantine, run_id: evidence.run_id }
}

interface Shown {
  readonly row_id: string
  readonly acknowledged: boolean
  readonly reasons: { readonly code: string }[]
  readonly raw: string | null
}

describe('sluice quarantine list and show', () => {
  it('say the same in their short form', async () => {
    const { cli, run_id } = await rejected()
    for (const format of ['text', 'json', 'md']) {
      const shared = ['--format', format]
      expect(await cli('quarantine', run_id, ...shared)).toEqual(
        await cli('quarantine', 'list', run_id, ...shared),
      )
      expect(await cli('quarantine', run_id, 'flow', '--limit', '2', ...shared)).toEqual(
        await cli('quarantine', 'show', run_id, 'flow', '--limit', '2', ...shared),
      )
    }
  })

  it('tell without a run what is pending of all, the newest first', async () => {
    const { cli, deliver, run, json, run_id } = await rejected()
    deliver('b', 'id,name\n7,a\n')
    const { evidence } = await run()
    const pending = async (...args: string[]) =>
      json(await cli('quarantine', 'list', '--format', 'json', ...args))
    expect(await pending()).toMatchObject({
      total: 2,
      quarantines: [
        { run_id: evidence.run_id, dataflow: 'flow', rows: 1, pending: 1 },
        { run_id, dataflow: 'flow', rows: 3, pending: 3 },
      ],
    })
    expect(await pending('--limit', '1')).toMatchObject({ total: 2, quarantines: [{ rows: 1 }] })
    const shown = (await cli('quarantine', '--limit', '1')).stdout
    expect(shown).toContain('4 rejected rows pending')
    expect(shown).toContain('and 1 dataflow of earlier runs')
    await cli('quarantine', 'ack', run_id, 'flow', '--reason', 'a test', '--code', 'contract.max')
    await cli('quarantine', 'ack', evidence.run_id, 'flow', '--reason', 'a test')
    expect(await pending()).toMatchObject({ total: 1, quarantines: [{ run_id, rows: 3, pending: 2 }] })
    await cli('quarantine', 'ack', run_id, 'flow', '--reason', 'a test')
    expect((await cli('quarantine')).stdout).toBe('No rejected row is pending\n')
  })

  it('name each row, its place and all of its reasons', async () => {
    const { show, cli, run_id } = await rejected()
    const { rows } = await show()
    expect(rows.map(({ reasons }) => reasons.map(({ code }) => code))).toEqual([
      ['contract.max'],
      ['contract.type', 'contract.pattern'],
      ['source.structure'],
    ])
    expect((await show('--limit', '1')).rows).toEqual(rows.slice(0, 1))
    const text = (await cli('quarantine', 'show', run_id, 'flow')).stdout
    expect(text).toMatch(/^a\.csv +row 2 +id max: is greater than 5/m)
    expect(text).toMatch(/^a\.csv +line 5 +row structure/m)
    expect(await cli('quarantine', 'show', run_id, 'flwo')).toMatchObject({ code: 2 })
  })
})

describe('sluice quarantine ack', () => {
  it('records who, when and why, for rows, for codes and for all, and does nothing twice', async () => {
    const { cli, show, said, run_id, json } = await rejected()
    const ack = async (...args: string[]) => {
      const ended = await cli('quarantine', 'ack', run_id, 'flow', '--format', 'json', ...args)
      expect(ended, ended.stderr).toMatchObject({ code: 0 })
      return json(ended).rows
    }
    const first = (await show()).rows[0]?.row_id as string
    expect(await ack('--row', first, '--reason', 'a test row', '--by', 'ann')).toBe(1)
    expect(await ack('--row', first, '--reason', 'again')).toBe(0)
    expect((await show('--pending')).rows).toHaveLength(2)
    expect(await ack('--code', 'contract.type,contract.max', '--reason', 'not needed')).toBe(1)
    expect(await ack('--reason', 'the rest')).toBe(1)
    expect(await ack('--reason', 'the rest')).toBe(0)
    expect((await show()).rows.every(({ acknowledged }) => acknowledged)).toBe(true)
    expect(said(run_id)).toMatchObject({
      version: 3,
      acknowledged: [
        { covers: { row_ids: [first] }, rows: 1, by: 'ann', reason: 'a test row' },
        { covers: { codes: ['contract.max', 'contract.type'] }, rows: 1, reason: 'not needed' },
        { covers: { all: true }, rows: 1, reason: 'the rest' },
      ],
    })
  })

  it.each([
    ['--row', 'f'.repeat(32)],
    ['--row', 'x'],
    ['--code', 'contract.min'],
  ])('refuses %s %s, which this quarantine does not have', async (option, value) => {
    const { cli, said, run_id } = await rejected()
    const ended = await cli('quarantine', 'ack', run_id, 'flow', option, value, '--reason', 'why')
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('ROW_CHOICE_INVALID') })
    expect(said(run_id)).toBeUndefined()
  })
})

describe('sluice quarantine export', () => {
  it.each(['parquet', 'ndjson', 'csv'])('writes every row as %s, and replaces no file', async (format) => {
    const { cli, directory, show, run_id } = await rejected()
    const to = join(directory, `rows.${format}`)
    const command = ['quarantine', 'export', run_id, 'flow', '--to', to]
    const ended = await cli(...command)
    expect(ended, ended.stderr).toMatchObject({ code: 0 })
    expect(await cli(...command)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('EXPORT_REFUSED'),
    })
    const ids = (await show()).rows.map(({ row_id }) => row_id)
    expect(await idsOf(to, format)).toEqual(ids)
  })

  it('with --raw writes the rows to be corrected, each with its id, in the CSV that the dataflow reads', async () => {
    const flow = openCorrections()
    const { cli, directory, rows, file } = flow
    const dialect = ', csv: { delimiter: ";", null_values: [NA] }'
    flow.says({
      contract: contract('pii_policy: preserve').replace(', pattern: "[a-z]+"', ''),
      source: dialect,
    })
    flow.deliver('a', 'id;name\n1;a\n9;"NA"\nx;NA\n8;c;d\n')
    const { run_id } = (await flow.run()).evidence
    const to = join(directory, 'raw.csv')
    await cli('quarantine', 'ack', run_id, 'flow', '--code', 'source.structure', '--reason', 'broken')
    const exported = await cli('quarantine', 'export', run_id, 'flow', '--raw', '--pending', '--to', to)
    expect(exported, exported.stderr).toMatchObject({ code: 0 })
    const [header, first, second] = readFileSync(to, 'utf8').split('\n') as [string, string, string]
    expect(header).toBe('"_sluice_row_id";"id";"name"')
    expect([first, second].map((line) => line.slice(35))).toEqual(['"9";"NA"', '"x";NA'])
    const replay = async (...lines: string[]) =>
      await cli(
        'quarantine',
        'replay',
        run_id,
        'flow',
        '--yes',
        '--from',
        file('c.csv', [header, ...lines].join('\n')),
      )
    const [good, other] = [first.replace('"9"', '"2"'), second.replace('"x"', '"3"')]
    for (const [lines, words] of [
      [[good, good], '1 row is missing, 1 row is there more than once'],
      [[good, other.replace(/"\w+"/, `"${'f'.repeat(32)}"`)], '1 row is missing, 1 row is none of those'],
      [[good, other, '"";"4";"d"'], '1 row is none of those'],
      [[good, `${other};"more"`], '1 row is missing'],
    ] as const) {
      const refused = await replay(...lines)
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining(words) })
    }
    expect(await rows()).toHaveLength(1)
    expect(await replay(other, good)).toMatchObject({ code: 0 })
    expect((await rows()).map(({ id, name }) => [id, name])).toEqual([
      [1, 'a'],
      [2, 'NA'],
      [3, null],
    ])
    expect((await flow.table()).columns).toEqual(['id int', 'name string'])
  })

  it('writes through no link, and says where there is no directory', async () => {
    const { cli, directory, run_id } = await rejected()
    const [link, elsewhere] = [join(directory, 'link.csv'), join(directory, 'elsewhere.csv')]
    symlinkSync(elsewhere, link)
    for (const to of [link, join(directory, 'no/such.csv')]) {
      const ended = await cli('quarantine', 'export', run_id, 'flow', '--to', to)
      expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('EXPORT_REFUSED') })
    }
    expect(existsSync(elsewhere)).toBe(false)
  })

  it('refuses --raw where the rows were not kept', async () => {
    const { cli, directory, run_id } = await rejected('pii_policy: masked')
    const to = join(directory, 'raw.csv')
    const ended = await cli('quarantine', 'export', run_id, 'flow', '--raw', '--to', to)
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining('EXPORT_REFUSED') })
    expect(existsSync(to)).toBe(false)
  })
})

async function idsOf(path: string, format: string): Promise<unknown[]> {
  const body = readFileSync(path)
  if (format === 'ndjson') {
    const lines = body.toString('utf8').trimEnd().split('\n')
    return lines.map((line) => (JSON.parse(line) as Shown).row_id)
  }
  if (format === 'csv')
    return body
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split(',')[0])
  const file = body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) as ArrayBuffer
  return (await parquetReadObjects({ file, compressors })).map(({ row_id }) => row_id)
}

describe('sluice quarantine prune', () => {
  const long = () => new Date('2020-01-01T00:00:00Z')
  const files = ({ directory }: Pick<Corrections, 'directory'>, index: { readonly key: string } | null) =>
    (JSON.parse(stored(directory, index?.key as string).toString()) as QuarantineIndex).files.map(({ key }) =>
      join(directory, '.sluice/evidence', key),
    )

  it('removes what is acknowledged and beyond its time, says so first, and evidence stays whole', async () => {
    const flow = await rejected('retention_days: 1', long)
    const { cli, json, run_id, said, index } = flow
    const prune = async (...args: string[]) =>
      json(await cli('quarantine', 'prune', '--format', 'json', ...args))
    expect(await prune('--yes')).toMatchObject({ quarantines: [] })
    await cli('quarantine', 'ack', run_id, 'flow', '--code', 'contract.max', '--reason', 'some')
    expect(await prune('--yes')).toMatchObject({ quarantines: [] })
    await cli('quarantine', 'ack', run_id, 'flow', '--reason', 'the rest')
    expect(await prune()).toMatchObject({
      removed: false,
      quarantines: [{ run_id, dataflow: 'flow', rows: 3 }],
    })
    const paths = files(flow, index)
    expect(paths.every((path) => existsSync(path))).toBe(true)
    expect(await prune('--yes')).toMatchObject({ removed: true, quarantines: [{ run_id }] })
    expect(paths.some((path) => existsSync(path))).toBe(false)
    expect(said(run_id)?.removed).toMatchObject({ by: expect.any(String) })
    expect(await prune('--yes')).toMatchObject({ quarantines: [] })
    expect(await cli('evidence', 'verify', run_id)).toMatchObject({ code: 0 })
    const shown = await cli('quarantine', 'show', run_id, 'flow')
    expect(shown).toMatchObject({ code: 2, stderr: expect.stringContaining('QUARANTINE_REMOVED') })
  })

  it('removes what a later attempt has read again, which nobody can acknowledge', async () => {
    const flow = openCorrections()
    const { cli, json, directory, deliver, says } = flow
    says({ contract: contract('retention_days: 1, max_rows: 0, pii_policy: preserve') })
    deliver('a', 'id,name\n1,a\n9,b\n')
    await runProject(directory, { run_id: 'twice', clock: long })
    deliver('a', 'id,name\n1,a\n2,b\n')
    const clock = () => new Date('2020-01-05T00:00:00Z')
    const { result } = await runProject(directory, { run_id: 'twice', resume: true, clock })
    expect(result.dataflows[0]).toMatchObject({ status: 'succeeded', rows: { quarantined: 0 } })
    const prune = async (...args: string[]) =>
      json(await cli('quarantine', 'prune', '--format', 'json', ...args))
    const due = { quarantines: [{ run_id: 'twice', dataflow: 'flow', rows: 1, why: 'replaced' }] }
    expect(await prune()).toMatchObject(due)
    expect(await prune('--yes')).toMatchObject(due)
    expect(readdirSync(join(directory, '.sluice/evidence/quarantine/twice/flow'))).toEqual(['0001-0.json'])
    expect(await prune('--yes')).toMatchObject({ quarantines: [] })
    expect(await cli('evidence', 'verify', 'twice')).toMatchObject({ code: 0 })
  })

  it('of a load in shards removes the files of all of them, and evidence stays whole', async () => {
    const flow = openCorrections()
    const { cli, directory, deliver, says } = flow
    says({ contract: contract('retention_days: 1'), source: ', max_shard_bytes: 20' })
    deliver('a', 'id,name\n1,a\n9,b\n')
    deliver('b', 'id,name\n2,a\n8,b\n')
    const { run_id } = (await flow.run(long)).evidence
    await cli('quarantine', 'ack', run_id, 'flow', '--reason', 'why')
    expect(await cli('quarantine', 'prune', '--yes')).toMatchObject({ code: 0 })
    expect(readdirSync(join(directory, '.sluice/evidence/quarantine', run_id, 'flow'))).toEqual([
      '0001-0.json',
    ])
    const verified = await cli('evidence', 'verify', run_id)
    expect(verified, verified.stdout).toMatchObject({ code: 0 })
  })

  it('leaves alone what is not beyond its time', async () => {
    const { cli, json, run_id } = await rejected('retention_days: 3650')
    await cli('quarantine', 'ack', run_id, 'flow', '--reason', 'why')
    expect(json(await cli('quarantine', 'prune', '--yes', '--format', 'json'))).toMatchObject({
      quarantines: [],
    })
  })

  it('does not hide a file that is missing without having been removed', async () => {
    const flow = await rejected()
    const [path] = files(flow, flow.index)
    rmSync(path as string)
    expect(await flow.cli('evidence', 'verify', flow.run_id)).toMatchObject({ code: 1 })
  })
})
