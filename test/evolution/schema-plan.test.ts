import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Flow, openFlow } from './flow.ts'

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
let flow: Flow
beforeEach(() => {
  flow = openFlow()
})
afterEach(() => flow.remove())

function sluice(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, ...args, '--project', flow.directory],
    {
      encoding: 'utf8',
      env: { ...process.env, NO_COLOR: '1' },
    },
  )
  return { status, stdout, stderr }
}

/** What a run would have stored; locks and scratch folders come and go. */
function stored(): string[] {
  const home = join(flow.directory, '.sluice')
  return ['lake', 'evidence'].flatMap((part) =>
    existsSync(join(home, part))
      ? readdirSync(join(home, part), { recursive: true, encoding: 'utf8' }).sort()
      : [],
  )
}

describe('sluice schema plan', () => {
  it('of a new table: passes, and leaves no workspace behind', () => {
    flow.deliver('a', 'id,name\n1,x\n')
    const { status, stdout } = sluice('schema', 'plan')
    expect(status).toBe(0)
    expect(stdout).toContain('would pass')
    expect(stdout).toContain('CREATE TABLE bronze.flow (id string, name string')
    expect(existsSync(join(flow.directory, '.sluice'))).toBe(false)
  })

  it('says what the run then does, each decision with its policy, and writes nothing', async () => {
    flow.deliver('a', 'id,name\n1,x\n')
    await flow.run()
    const before = stored()
    flow.deliver('b', 'id,name,extra\n2,y,z\n')
    const passing = sluice('schema', 'plan', 'flow', '--format', 'json')
    expect(passing.status).toBe(0)
    const [planned] = JSON.parse(passing.stdout).dataflows
    flow.says({ schema_evolution: '{ columns: freeze }' })
    const refused = sluice('schema', 'plan', '--format', 'md')
    expect(refused.status).toBe(1)
    expect(refused.stdout).toContain(
      '| add column | extra |  | string | refuse | schema_evolution.columns: freeze |',
    )
    expect(stored()).toEqual(before)
    flow.says({})
    const ran = await flow.run()
    expect(ran.gate('evolution')).toEqual(planned.evolution)
    expect(ran.gate('compatibility').columns).toEqual(planned.compatibility)
    expect(ran.gate('physical_ddl').digest).toBe(planned.ddl.digest)
  })

  it('a source that is not there refuses a run, a table that is still to be made does not', () => {
    expect(sluice('schema', 'plan')).toMatchObject({ status: 1, stdout: expect.stringContaining('refused') })
    expect(sluice('schema', 'plan', 'none')).toMatchObject({ status: 2, stdout: '' })
  })
})

describe('sluice schema approve', () => {
  it('lets exactly the plan through that it names', async () => {
    flow.deliver('a', 'id,name\n1,x\n')
    await flow.run()
    flow.says({ sink: ', physical: { sort_by: [id], apply: manual_approval }' })
    flow.deliver('b', 'id,name\n2,y\n')
    const plan = sluice('schema', 'plan')
    expect(plan.status).toBe(1)
    const command = /schema approve flow --plan ([0-9a-f]{16})/.exec(plan.stdout)
    const digest = command?.[1] as string
    // The same change, where it waits for nobody: an approval would lie there until the manifest asks for one.
    flow.says({ sink: ', physical: { sort_by: [id] }' })
    expect(sluice('schema', 'approve', 'flow', '--plan', digest)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('DDL_APPROVAL_UNNEEDED'),
    })
    flow.says({ sink: ', physical: { sort_by: [id], apply: manual_approval }' })
    expect(sluice('schema', 'approve', 'flow', '--plan', 'ffffffffffffffff')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('DDL_PLAN_UNKNOWN'),
    })
    expect((await flow.run()).flow.error?.code).toBe('DDL_APPROVAL_REQUIRED')
    const approved = sluice('schema', 'approve', 'flow', '--plan', digest, '--by', 'ada')
    expect(approved).toMatchObject({ status: 0, stdout: expect.stringContaining('approved by ada') })
    expect(sluice('schema', 'plan').status).toBe(0)
    const ran = await flow.run()
    expect(ran.flow.status).toBe('succeeded')
    expect(ran.gate('physical_ddl')).toMatchObject({ approval: { plan: digest, approved_by: 'ada' } })
  })

  it('is kept where nothing has run yet', async () => {
    flow.deliver('a', 'id,name\n1,x\n')
    flow.says({ sink: ', physical: { apply: manual_approval }' })
    const digest = /--plan ([0-9a-f]{16})/.exec(sluice('schema', 'plan').stdout)?.[1] as string
    expect(sluice('schema', 'approve', 'flow', '--plan', digest)).toMatchObject({ status: 0 })
    expect((await flow.run()).flow.status).toBe('succeeded')
  })
})
