import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { runChild } from '../support/children.ts'
import { contract, openCorrections } from './project.ts'

/** Rows 1 and 4 are right; 2 is beyond the maximum, 3 is no integer, and the last line has a field too many. */
const delivered = 'id,name\n1,a\n9,b\nx,c\n4,d\n5,e,f\n'

async function rejected(quarantine = '', more: Record<string, string> = {}) {
  const flow = openCorrections()
  flow.says({ contract: contract(quarantine), ...more })
  flow.deliver('a', delivered)
  const { evidence } = await flow.run()
  return { ...flow, run: flow.run, run_id: evidence.run_id }
}

const inputs = (directory: string, run_id: string) =>
  readdirSync(join(directory, '.sluice/evidence/quarantine', run_id, 'flow')).filter((name) =>
    name.startsWith('replay-'),
  )

describe('sluice quarantine replay', () => {
  it('plans first, then brings corrected rows through all gates, acknowledges them, and does it once', async () => {
    const { cli, file, rows, said, state, commits, json, directory, run_id } = await rejected()
    const before = state()
    const from = file('corrected.csv', 'id,name\n2,b\n3,c\n5,e\n')
    const command = ['quarantine', 'replay', run_id, 'flow', '--from', from, '--format', 'json']

    const planned = json(await cli(...command))
    expect(planned).toMatchObject({
      schema: 'sluice.replay.v1',
      plan: { rows: 3, run_id, table: 'bronze.flow', version: 0 },
    })
    expect(await rows()).toHaveLength(2)
    expect(said(run_id)).toBeUndefined()
    const replay = planned.replay_run_id as string
    expect(existsSync(join(directory, '.sluice/evidence/plans', replay, 'replay.json'))).toBe(true)
    expect(json(await cli(...command)).plan_sha256).toBe(planned.plan_sha256)

    const carried = await cli(...command, '--plan', planned.plan_sha256 as string)
    expect(carried, carried.stderr).toMatchObject({ code: 0 })
    expect(json(carried)).toMatchObject({
      run_id: replay,
      status: 'succeeded',
      rows: { read: 3, accepted: 3 },
    })
    const now = await rows()
    expect(now.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
    expect(commits()).toHaveLength(2)
    expect(said(run_id)).toMatchObject({
      version: 1,
      acknowledged: [
        { covers: { all: true }, rows: 3, replay: { plan: planned.plan_sha256, run_id: replay } },
      ],
    })
    expect(state().state).toEqual(before.state)
    expect(inputs(directory, run_id)).toEqual([])

    for (const again of [
      command,
      [...command, '--yes'],
      [...command, '--plan', planned.plan_sha256 as string],
    ]) {
      expect(await cli(...again)).toMatchObject({ code: 0, stdout: expect.stringContaining(replay) })
    }
    expect(await rows()).toEqual(now)
    expect(commits()).toHaveLength(2)
    const listed = json(await cli('quarantine', 'list', run_id, '--format', 'json'))
    expect(listed).toMatchObject({ dataflows: [{ rows: 3, acknowledged: 3, pending: 0 }] })
    expect(await cli('evidence', 'verify', run_id)).toMatchObject({ code: 0 })
    expect(await cli('evidence', 'verify', replay)).toMatchObject({ code: 0 })
    const planFile = join(directory, '.sluice/evidence/plans', replay, 'replay.json')
    writeFileSync(planFile, readFileSync(planFile, 'utf8').replace('"rows":3', '"rows":4'))
    const changed = await cli('evidence', 'verify', replay)
    expect(changed).toMatchObject({ code: 1, stdout: expect.stringContaining(`plans/${replay}/replay.json`) })
  })

  it('puts rows that are rejected again into the quarantine of its own run', async () => {
    const { cli, file, rows, said, json, run_id } = await rejected()
    const from = file('corrected.csv', 'id,name\n2,b\n77,c\n5,e\n')
    const carried = json(
      await cli('quarantine', 'replay', run_id, 'flow', '--from', from, '--yes', '--format', 'json'),
    )
    expect(carried).toMatchObject({ status: 'succeeded', rows: { accepted: 2, quarantined: 1 } })
    expect((await rows()).map(({ id }) => id)).toEqual([1, 2, 4, 5])
    expect(said(run_id)?.acknowledged).toHaveLength(1)
    const listed = json(await cli('quarantine', 'list', carried.run_id as string, '--format', 'json'))
    expect(listed).toMatchObject({ dataflows: [{ rows: 1, pending: 1 }] })
    const second = file('second.csv', 'id,name\n3,c\n')
    const command = ['quarantine', 'replay', carried.run_id as string, 'flow', '--from', second, '--yes']
    expect(await cli(...command)).toMatchObject({ code: 0 })
    expect((await rows()).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5])
  })

  it('goes nowhere with another number of rows, and may be given the right one', async () => {
    const { cli, file, rows, said, directory, run_id } = await rejected()
    const command = (from: string) => cli('quarantine', 'replay', run_id, 'flow', '--from', from, '--yes')
    const short = await command(file('short.csv', 'id,name\n2,b\n'))
    expect(short.code).toBe(1)
    expect(short.stdout).toContain('REPLAY_ROWS_DIFFER')
    expect(await rows()).toHaveLength(2)
    expect(said(run_id)).toBeUndefined()
    expect(inputs(directory, run_id)).toEqual([])
    const resumed = await cli('run', '--resume', /replay-[0-9a-f]{24}/.exec(short.stdout)?.[0] as string)
    expect(resumed).toMatchObject({ code: 1, stdout: expect.stringContaining('REPLAY_INPUT_GONE') })
    expect(await command(file('whole.csv', 'id,name\n2,b\n3,c\n5,e\n'))).toMatchObject({ code: 0 })
    expect(await rows()).toHaveLength(5)
  })

  it('takes the rejected rows themselves where they were kept and the contract was corrected', async () => {
    const { cli, says, rows, json, directory, run_id } = await rejected('pii_policy: preserve')
    says({ contract: contract('pii_policy: preserve').replace('integer, max: 5', 'string') })
    const refused = await cli('quarantine', 'replay', run_id, 'flow', '--yes')
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('--code source.structure') })
    says({ contract: contract('pii_policy: preserve').replace('max: 5', 'max: 9') })
    const code = ['--code', 'contract.max']
    const planned = json(await cli('quarantine', 'replay', run_id, 'flow', ...code, '--format', 'json'))
    const { contract: fingerprints, input } = planned.plan as {
      contract: Record<string, string>
      input: object
    }
    expect(fingerprints.rejected_under).not.toBe(fingerprints.judged_under)
    expect(input).toMatchObject({ origin: 'raw', format: 'ndjson' })
    expect(await cli('quarantine', 'replay', run_id, 'flow', ...code, '--yes')).toMatchObject({ code: 0 })
    expect((await rows()).map(({ id, name }) => [id, name])).toEqual([
      [1, 'a'],
      [4, 'd'],
      [9, 'b'],
    ])
    expect(inputs(directory, run_id)).toHaveLength(1)
    const pending = json(await cli('quarantine', 'show', run_id, 'flow', '--pending', '--format', 'json'))
    expect((pending.rows as { source_row: number | null }[]).map(({ source_row }) => source_row)).toEqual([
      3,
      null,
    ])
  })

  it('wants corrected rows where transformers hide a column, and takes them through the transformers', async () => {
    const flow = openCorrections()
    const transformers = '{ masking: [{ method: partial, columns: [name], mask_char: x }] }'
    flow.says({ contract: contract('pii_policy: preserve'), transformers })
    flow.deliver('a', 'id,name\n1,a\n9,b\n')
    const { evidence } = await flow.run()
    const command = ['quarantine', 'replay', evidence.run_id, 'flow', '--yes']
    const refused = await flow.cli(...command)
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('kept without name') })
    const replayed = await flow.cli(...command, '--from', flow.file('corrected.csv', 'id,name\n2,b\n'))
    expect(replayed, replayed.stderr).toMatchObject({ code: 0 })
    expect((await flow.rows()).map(({ id, name }) => [id, name])).toEqual([
      [1, 'x'],
      [2, 'x'],
    ])
  })

  it('leaves a watermark where it is, also with rows behind it', async () => {
    const flow = openCorrections()
    flow.says({ source: ', watermark_columns: [id]', contract: contract('').replace(', max: 5', '') })
    flow.deliver('a', 'id,name\n1,a\n2,B\n8,c\n')
    const { evidence } = await flow.run()
    const before = flow.state()
    expect(before.state).toMatchObject({ kind: 'watermark', values: { id: '8' } })
    const from = flow.file('corrected.ndjson', '{"id":2,"name":"b"}\n')
    const replay = ['quarantine', 'replay', evidence.run_id, 'flow', '--from', from, '--yes']
    expect(await flow.cli(...replay)).toMatchObject({ code: 0 })
    expect((await flow.rows()).map(({ id }) => id)).toEqual([1, 2, 8])
    expect(flow.state().state).toEqual(before.state)
    flow.deliver('b', 'id,name\n9,d\n7,late\n')
    expect((await flow.run()).flow).toMatchObject({ rows: { accepted: 1, filtered: 4 } })
  })

  it('is refused where a replay has no meaning, and nothing is written', async () => {
    const strict = openCorrections()
    strict.says({ contract: contract('', 'strict') })
    strict.deliver('a', delivered)
    const stopped = await strict.run()
    const from = strict.file('corrected.csv', 'id,name\n2,b\n3,c\n5,e\n')
    const replay = ['quarantine', 'replay', stopped.evidence.run_id, 'flow', '--from', from, '--yes']
    expect(await strict.cli(...replay)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('has not committed'),
    })

    const whole = openCorrections()
    whole.says({ contract: contract('') }, { type: 'overwrite' })
    whole.deliver('a', delivered)
    const { evidence } = await whole.run()
    const over = ['quarantine', 'replay', evidence.run_id, 'flow', '--from', from, '--yes']
    expect(await whole.cli(...over)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('REPLAY_REFUSED'),
    })
    expect(await whole.rows()).toHaveLength(2)
  })

  it('that is refused before its run begins leaves no corrected row behind', async () => {
    const { file, directory, rows, run_id } = await rejected('pii_policy: preserve')
    const from = file('corrected.csv', 'id,name\n2,b\n3,c\n5,e\n')
    const command = ['quarantine', 'replay', run_id, 'flow', '--from', from, '--yes', '--project', directory]
    const refused = await runChild('cli/main.ts', command, undefined, { SLUICE_ENVIRONMENT: 'production' })
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('PRESERVE_IN_PRODUCTION') })
    expect(inputs(directory, run_id)).toEqual([])
    expect(await rows()).toHaveLength(2)
  })

  it('that was planned before other rows were acknowledged commits nothing', async () => {
    const { cli, file, rows, run_id, json } = await rejected()
    const from = file('corrected.csv', 'id,name\n2,b\n3,c\n5,e\n')
    const command = ['quarantine', 'replay', run_id, 'flow', '--from', from, '--format', 'json']
    const { plan_sha256 } = json(await cli(...command))
    const ack = [
      'quarantine',
      'ack',
      run_id,
      'flow',
      '--code',
      'source.structure',
      '--reason',
      'broken lines',
    ]
    expect(await cli(...ack)).toMatchObject({ code: 0 })
    const late = await cli(...command, '--plan', plan_sha256 as string)
    expect(late).toMatchObject({ code: 2, stderr: expect.stringContaining('REPLAY_PLAN_UNKNOWN') })
    expect(await rows()).toHaveLength(2)
  })
})
