import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { HeadItem } from '../core/runs/items.ts'
import { dataflowKey, headKey } from '../core/runs/keys.ts'
import { openSqliteStore } from '../core/stores/sqlite-state-store.ts'
import {
  csvDataflow,
  manifestOf,
  sluice,
  sqlDataflow,
  startSluice,
  temporaryProject,
  writeProjectFile,
} from './command-line.suite.ts'

/** Each of `lines` is an id and an amount. */
const csv = (...lines: readonly string[]) => ['id,amount', ...lines, ''].join('\n')

const good = csv('1,10.50', '2,3.00')

describe('a first project', () => {
  const cwd = temporaryProject()
  let runId = ''

  test('init writes what validates, and says what to type next', async () => {
    const { code, stdout } = await sluice(['init', 'my shop'], { cwd })
    expect(code).toBe(0)
    expect(stdout).toContain("cd 'my shop'\n  sluice validate\n  sluice plan\n  sluice run")
    const project = join(cwd, 'my shop')
    const yaml = readFileSync(join(project, 'sluice.yaml'), 'utf8')
    expect(yaml).toMatch(
      /^# yaml-language-server: \$schema=\.\/node_modules\/sluice\/schema\/sluice\.schema\.json\n/,
    )
    expect(yaml).toContain('project: my_shop')
    expect(readFileSync(join(project, '.gitignore'), 'utf8')).toBe('.sluice/\n')
    expect((await sluice(['validate'], { cwd: project })).code).toBe(0)
    expect((await sluice(['doctor'], { cwd: project })).code).toBe(0)
    expect(existsSync(join(project, '.sluice'))).toBe(false)
  })

  test('init writes over nothing', async () => {
    const project = join(cwd, 'my shop')
    const before = readFileSync(join(project, 'sluice.yaml'), 'utf8')
    const { code, stdout, stderr } = await sluice(['init'], { cwd: project })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('error [INIT_WOULD_OVERWRITE]')
    expect(readFileSync(join(project, 'sluice.yaml'), 'utf8')).toBe(before)
  })

  test('init keeps what .gitignore says', async () => {
    const other = temporaryProject({ '.gitignore': 'node_modules' })
    expect((await sluice(['init', '--project', other], { cwd })).code).toBe(0)
    expect(readFileSync(join(other, '.gitignore'), 'utf8')).toBe('node_modules\n.sluice/\n')
  })

  test('run loads the good rows, shows the bad one, and says where everything lies', async () => {
    const project = join(cwd, 'my shop')
    const { code, stdout, stderr } = await sluice(['run', '--project', 'my shop'], { cwd })
    expect({ code, stderr: /error|Error/.test(stderr) }).toEqual({ code: 0, stderr: false })
    runId = /^Run (\S+) succeeded/.exec(stdout)?.[1] as string
    expect(stdout).toMatch(/^orders +succeeded +6 +5 +1 +0 /m)
    expect(stdout).toMatch(/^revenue_by_customer +succeeded +3 +3 +0 +0 /m)
    expect(stdout).toContain(join(project, '.sluice', 'evidence', 'evidence', runId))
    expect(stdout).toContain(`sluice quarantine ${runId} orders --project 'my shop'`)
    const metadata = /bronze\.orders +(\S.*\.metadata\.json)$/m.exec(stdout)?.[1] as string
    expect(existsSync(metadata)).toBe(true)
    expect(stderr).toMatch(/ run \S+ started: 2 dataflows\n.* orders started\n.* orders succeeded after /)
    expect(stdout + stderr).not.toContain('\u001b')
  })

  test('a second run has nothing new to append, and gives clean JSON', async () => {
    const project = join(cwd, 'my shop')
    const { code, stdout, stderr } = await sluice(['run', '--format', 'json', '--run-id', 'second'], {
      cwd: project,
    })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'sluice.result.v1',
      run_id: 'second',
      status: 'succeeded',
      dataflows: [
        { dataflow: 'orders', status: 'skipped', reason: 'nothing_new' },
        { dataflow: 'revenue_by_customer', status: 'succeeded', rows: { accepted: 3 } },
      ],
    })
    for (const id of ['../x', '']) {
      const odd = await sluice(['run', '--run-id', id], { cwd: project })
      expect({ code: odd.code, stderr: odd.stderr }).toEqual({
        code: 2,
        stderr: expect.stringMatching(/^error \[RUN_ID_INVALID\]: "[^"]*" is not a run id\. [^{]*$/),
      })
    }
    const again = await sluice(['run', '--run-id', 'second'], { cwd: project })
    expect(again.code).toBe(2)
    expect(again.stderr).toContain('error [RUN_EXISTS]')
  })

  test('status lists the runs, and the dataflows of one', async () => {
    const project = join(cwd, 'my shop')
    const list = await sluice(['status'], { cwd: project })
    expect(list.stdout).toMatch(
      new RegExp(`second .* succeeded +2 +1 +1 +0 +0 .*\\n${runId} .* succeeded +2 +2 `),
    )
    const { runs } = JSON.parse(
      (await sluice(['status', '--limit', '1', '--format', 'json'], { cwd: project })).stdout,
    )
    expect(runs).toMatchObject([{ run_id: 'second', status: 'succeeded', total: 2, skipped: 1, open: 0 }])
    const one = JSON.parse((await sluice(['status', runId, '--format', 'json'], { cwd: project })).stdout)
    expect(one).toMatchObject({
      schema: 'sluice.status.v1',
      status: 'succeeded',
      rows: { read: 9, quarantined: 1 },
    })
    const md = await sluice(['status', runId, '--format', 'md'], { cwd: project })
    expect(md.stdout).toContain('| orders | succeeded | 6 | 5 | 1 | 0 |')
    const unknown = await sluice(['status', 'nobody'], { cwd: project })
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toContain('error [RUN_UNKNOWN]')
  })

  test('quarantine lists the files, and shows the rows with their reasons', async () => {
    const project = join(cwd, 'my shop')
    const list = JSON.parse(
      (await sluice(['quarantine', runId, '--format', 'json'], { cwd: project })).stdout,
    )
    expect(list.dataflows).toMatchObject([
      { dataflow: 'orders', rows: 1, by_reason: [{ column: 'amount', rule: 'type', count: 1 }] },
    ])
    const { code, stdout } = await sluice(['quarantine', runId, 'orders'], { cwd: project })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^orders-2026-03-01\.csv +.*amount type: .*twelve/m)
    const json = JSON.parse(
      (await sluice(['quarantine', runId, 'orders', '--format', 'json'], { cwd: project })).stdout,
    )
    expect(json.rows).toMatchObject([
      { source_file: 'orders-2026-03-01.csv', reasons: [{ column: 'amount', rule: 'type' }] },
    ])
    expect(JSON.parse(json.rows[0].raw)).toMatchObject({ 'Order ID': '1004', Amount: 'twelve' })
    const none = await sluice(['quarantine', 'second', '--format', 'text'], { cwd: project })
    expect(none.stdout).toContain('nothing in quarantine')
    const typo = await sluice(['quarantine', runId, 'order'], { cwd: project })
    expect(typo.code).toBe(2)
    expect(typo.stderr).toContain('Did you mean `orders`?')
  })

  test('evidence tells the gates, and --verify proves the files', async () => {
    const project = join(cwd, 'my shop')
    const { code, stdout } = await sluice(['evidence', runId, 'orders', '--verify'], { cwd: project })
    expect(code).toBe(0)
    for (const gate of ['extract', 'contract', 'audit_commit', 'source_state']) {
      expect(stdout).toMatch(new RegExp(`^${gate} +passed `, 'm'))
    }
    expect(stdout).toMatch(/Verified: \d+ files as written/)
    const json = await sluice(['evidence', runId, '--verify', '--format', 'json'], { cwd: project })
    const report = JSON.parse(json.stdout)
    expect(report).toMatchObject({ schema: 'sluice.evidence_report.v1', verified: true })
    expect(report.dataflows[0].evidence).toMatchObject({ schema: 'sluice.evidence.v1', dataflow: 'orders' })
    expect(report.dataflows[0].gates).toHaveLength(11)
    expect(
      readdirSync(join(project, '.sluice', 'scratch')).filter((name) => name.startsWith('verify')),
    ).toEqual([])
  })

  test('evidence --verify names a file that was changed and one that is gone', async () => {
    const project = join(cwd, 'my shop')
    const data = join(project, '.sluice', 'lake', 'bronze', 'orders', 'data')
    const [file] = readdirSync(data) as [string]
    appendFileSync(join(data, file), 'x')
    const changed = await sluice(['evidence', runId, '--verify'], { cwd: project })
    expect(changed.code).toBe(1)
    expect(changed.stdout).toMatch(
      new RegExp(`NOT as written: 1 of[^]*lake/bronze/orders/data/${file} has SHA-256`),
    )
    rmSync(join(data, file))
    const gone = await sluice(['evidence', runId, 'orders', '--verify', '--format', 'json'], { cwd: project })
    expect(gone.code).toBe(1)
    const states = JSON.parse(gone.stdout).dataflows[0].files.filter(
      (f: { state: string }) => f.state !== 'same',
    )
    expect(states).toMatchObject([{ store: 'lake', key: `bronze/orders/data/${file}`, state: 'missing' }])
  })

  test('evidence that was rewritten is not believed', async () => {
    const project = join(cwd, 'my shop')
    const folder = join(project, '.sluice', 'evidence', 'evidence', runId, 'revenue_by_customer')
    const [file] = readdirSync(folder) as [string]
    const text = readFileSync(join(folder, file), 'utf8')
    rmSync(join(folder, file))
    writeFileSync(join(folder, file), text.replace('"accepted":3', '"accepted":4'))
    const shown = await sluice(['evidence', runId, 'revenue_by_customer'], { cwd: project })
    expect({ code: shown.code, stdout: shown.stdout }).toEqual({ code: 1, stdout: '' })
    expect(shown.stderr).toContain('error [OBJECT_DIGEST_MISMATCH]')
    const verified = await sluice(['evidence', runId, 'revenue_by_customer', '--verify'], { cwd: project })
    expect(verified.code).toBe(1)
    expect(verified.stdout).toContain(`revenue_by_customer/${file} has SHA-256`)
  })
})

describe('a run that fails', () => {
  const total = sqlDataflow(
    'total',
    "SELECT sum(amount) AS total FROM {{ ref('bronze.orders') }}",
    'total: { type: decimal, precision: 38, scale: 2 }',
  )

  test('exits 1, says why, and goes on with --resume once the cause is gone', async () => {
    const cwd = temporaryProject({
      'sluice.yaml': manifestOf(csvDataflow('orders'), csvDataflow('other'), total),
      'landing/other-1.csv': good,
    })
    const { code, stdout } = await sluice(['run', '--run-id', 'r1'], { cwd })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^orders +failed .*SOURCE_MISSING at extract$/m)
    expect(stdout).toMatch(/^total +skipped .*upstream failed$/m)
    expect(stdout).toMatch(/What failed\n +orders: nothing matches .*orders-\*\.csv/)
    expect(stdout).toContain('sluice run --resume r1')
    const evidence = await sluice(['evidence', 'r1', '--verify', '--format', 'json'], { cwd })
    expect(JSON.parse(evidence.stdout).dataflows[0]).toMatchObject({
      dataflow: 'orders',
      commit: null,
      evidence: { outcome: 'failed', error: { code: 'SOURCE_MISSING', gate: 'extract' } },
    })

    writeProjectFile(cwd, 'landing/orders-1.csv', good)
    // A resumed run goes on with its own manifest: what became of the file since then does not matter.
    writeProjectFile(cwd, 'sluice.yaml', 'version: 7')
    const resumed = await sluice(['run', '--resume', 'r1'], { cwd })
    expect(resumed.code).toBe(0)
    expect(resumed.stderr).toContain('run r1 started: 3 dataflows, 1 of them done before')
    expect(resumed.stderr).not.toContain('other')
    expect(resumed.stdout).toMatch(/^orders +succeeded +2 +2 .*attempt 2$/m)
  })

  test('a run that nobody knows cannot be resumed', async () => {
    const cwd = temporaryProject({ 'sluice.yaml': manifestOf(csvDataflow('orders')) })
    const { code, stdout, stderr } = await sluice(['run', '--resume', 'r9'], { cwd })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('error [RUN_UNKNOWN]')
  })

  test('keeps what a strict contract rejected, and shows all of it as JSON however much it is', async () => {
    const bad = Array.from({ length: 12_000 }, (_, i) => `x${i},1.00`)
    const cwd = temporaryProject({
      'sluice.yaml': manifestOf(csvDataflow('orders').replace('quarantine\n', 'strict\n')),
      'landing/orders-1.csv': csv('1,1.00', ...bad),
    })
    const { code, stdout } = await sluice(['run', '--run-id', 'r1'], { cwd })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^orders +failed +12,001 .*CONTRACT_REJECTED at contract$/m)
    const text = await sluice(['quarantine', 'r1', 'orders', '--limit', '3'], { cwd })
    expect(text.stdout).toContain('11,997 more rows')
    const json = await sluice(['quarantine', 'r1', 'orders', '--format', 'json'], { cwd })
    const { rows } = JSON.parse(json.stdout) as { rows: { raw: string }[] }
    expect(new Set(rows.map((row) => JSON.parse(row.raw).id)).size).toBe(12_000)
    const few = await sluice(['quarantine', 'r1', 'orders', '--format', 'json', '--limit', '7'], { cwd })
    expect(JSON.parse(few.stdout).rows).toHaveLength(7)
    const verified = await sluice(['evidence', 'r1', 'orders', '--verify'], { cwd })
    expect(verified.code).toBe(0)
    expect(verified.stdout).toMatch(/^contract +stopped +\S+ s +CONTRACT_REJECTED$/m)
  })

  test('--dry-run prints the plan and writes nothing', async () => {
    const cwd = temporaryProject({ 'sluice.yaml': manifestOf(csvDataflow('orders'), total) })
    const { code, stdout, stderr } = await sluice(['run', '--dry-run', '--format', 'json'], { cwd })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'sluice.plan.v1', options: { dry_run: true } })
    expect(stderr).toContain('nothing was written')
    expect(existsSync(join(cwd, '.sluice'))).toBe(false)
  })

  test('as Markdown for a job summary', async () => {
    const cwd = temporaryProject({ 'sluice.yaml': manifestOf(csvDataflow('orders'), total) })
    const { code, stdout } = await sluice(['run', '--format', 'md'], { cwd })
    expect(code).toBe(1)
    expect(stdout).toMatch(/^### Run \S+ failed in /)
    expect(stdout).toMatch(/^\| orders \| failed \|.*\| SOURCE_MISSING at extract \|$/m)
  })

  test('a workspace that cannot be used is told without a stack', async () => {
    const cwd = temporaryProject({ 'sluice.yaml': manifestOf(csvDataflow('orders')), home: 'a file' })
    const { code, stderr } = await sluice(['run', '--home', 'home'], { cwd })
    expect(code).toBe(2)
    expect(stderr).toMatch(/^error \[WORKSPACE_UNWRITABLE\]: .* Nothing was started\. .*--home\.$/m)
    expect(stderr).not.toMatch(/^\s+at /m)
  })
})

describe('a run that is stopped', () => {
  /** Minutes of work out of two rows. */
  const slow = sqlDataflow(
    'slow',
    "SELECT sum(hash(r.range)) AS h FROM {{ ref('bronze.orders') }}, range(20000000000) r",
    'h: { type: double }',
  )
  const project = () =>
    temporaryProject({ 'sluice.yaml': manifestOf(csvDataflow('orders'), slow), 'landing/orders-1.csv': good })

  async function headOf(cwd: string, dataflow: string): Promise<HeadItem> {
    const { state } = openSqliteStore(join(cwd, '.sluice', 'state.db'))
    const head = (await state.get(dataflowKey('shop', dataflow), headKey)) as HeadItem
    state.close()
    return head
  }

  test('Ctrl-C seals it: exit code 130, a verdict for every dataflow, no lease behind', async () => {
    const cwd = project()
    const running = startSluice(['run', '--run-id', 'r1', '--retry-count', '3'], { cwd })
    await running.said('slow started')
    running.kill('SIGINT')
    const { code, stdout, stderr } = await running.finished
    expect(code).toBe(130)
    expect(stderr).toContain('Stopping: ')
    expect(stdout).toMatch(/^Run r1 was interrupted/)
    expect(stdout).toMatch(/^orders +succeeded/m)
    expect(stdout).toMatch(/^slow +failed .*INTERRUPTED at contract/m)
    expect((await headOf(cwd, 'slow')).lease).toBeNull()
    expect((await headOf(cwd, 'orders')).lease).toBeNull()
    const status = await sluice(['status', '--format', 'json'], { cwd })
    expect(JSON.parse(status.stdout).runs).toMatchObject([
      { run_id: 'r1', status: 'failed', failed: 1, open: 0 },
    ])
  })

  test('kill -9: status says interrupted and how to go on, doctor names the dead holder, --resume takes over', async () => {
    const cwd = project()
    const running = startSluice(['run', '--run-id', 'r1'], { cwd })
    await running.said('slow started')
    const alive = await sluice(['status', 'r1'], { cwd })
    expect(alive.stdout).toContain('Run r1 of shop: running')
    const twice = await sluice(['run', '--resume', 'r1'], { cwd })
    expect(twice.code).toBe(2)
    expect(twice.stderr).toContain('error [RUN_ACTIVE]')
    running.kill('SIGKILL')
    await running.finished

    const status = await sluice(['status'], { cwd })
    expect(status.stdout).toMatch(/^r1 .* interrupted +2 +1 +0 +0 +1/m)
    expect(status.stdout).toContain('sluice run --resume r1')
    const doctor = await sluice(['doctor'], { cwd })
    expect(doctor.code).toBe(0)
    expect(doctor.stdout).toContain(`slow: run r1 (${hostname()}/${running.pid}/`)
    expect(doctor.stdout).toMatch(/^runs +warn +run r1, .* never ended/m)

    const resumed = startSluice(['run', '--resume', 'r1'], { cwd })
    await resumed.said('slow started, attempt 2')
    resumed.kill('SIGTERM')
    expect((await resumed.finished).code).toBe(130)
    expect((await headOf(cwd, 'slow')).lease).toBeNull()
  })
})

describe('cancel --now', () => {
  const endless = sqlDataflow(
    'slow',
    "SELECT sum(hash(r.range)) AS h FROM {{ ref('bronze.orders') }}, range(20000000000) r",
    'h: { type: double }',
  )

  test('refuses a run that a process is at work on, and settles and seals one whose process is gone', async () => {
    const files = { 'sluice.yaml': manifestOf(csvDataflow('orders'), endless), 'landing/orders-1.csv': good }
    const cwd = temporaryProject(files)
    const running = startSluice(['run', '--run-id', 'r1', '--retry-count', '2'], { cwd })
    await running.said('slow started')
    const alive = await sluice(['cancel', 'r1', '--now'], { cwd })
    expect(alive.code).toBe(2)
    expect(alive.stderr).toMatch(
      new RegExp(`RUN_ACTIVE.*process ${running.pid} on .*kill -INT ${running.pid}`),
    )
    running.kill('SIGKILL')
    await running.finished

    const { code, stdout } = await sluice(['cancel', 'r1', '--now'], { cwd })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^Run r1 was cancelled/m)
    expect(stdout).toMatch(/^orders +succeeded/m)
    expect(stdout).toMatch(/^slow +failed .*CANCELLED at contract/m)
    const evidence = await sluice(['evidence', 'r1', 'slow', '--verify', '--format', 'json'], { cwd })
    expect(evidence.code).toBe(0)
    expect(JSON.parse(evidence.stdout).dataflows[0]).toMatchObject({ evidence: { outcome: 'cancelled' } })
    const again = await sluice(['cancel', 'r1', '--now', '--format', 'json'], { cwd })
    expect(again.code).toBe(0)
    expect(JSON.parse(again.stdout)).toMatchObject({ run_id: 'r1', cancelled: { now: true }, failed: 1 })
    expect((await sluice(['cancel', 'r1'], { cwd })).stderr).toContain('[RUN_ENDED]')
  })
})

describe('doctor', () => {
  test('a source that is not there fails, one that matches nothing warns', async () => {
    const cwd = temporaryProject({ 'sluice.yaml': manifestOf(csvDataflow('orders')) })
    const missing = await sluice(['doctor', '--format', 'json'], { cwd })
    expect(missing.code).toBe(1)
    const checks = JSON.parse(missing.stdout).checks as { check: string; status: string; message: string }[]
    expect(checks.find((one) => one.check === 'source landing')).toMatchObject({ status: 'fail' })
    expect(checks.filter((one) => one.status === 'fail')).toHaveLength(1)

    writeProjectFile(cwd, 'landing/README', '')
    const empty = await sluice(['doctor', '--format', 'json'], { cwd })
    expect(empty.code).toBe(0)
    expect(JSON.parse(empty.stdout).checks).toContainEqual(
      expect.objectContaining({ check: 'orders', status: 'warn' }),
    )
    expect(existsSync(join(cwd, '.sluice'))).toBe(false)
  })

  test('a broken manifest and a foreign state file are found, and the other checks go on', async () => {
    const cwd = temporaryProject({ 'sluice.yaml': 'version: 1', '.sluice/state.db': 'not a database at all' })
    const { code, stdout } = await sluice(['doctor', '--format', 'json'], { cwd })
    expect(code).toBe(1)
    const status = Object.fromEntries(
      (JSON.parse(stdout).checks as { check: string; status: string }[]).map((one) => [
        one.check,
        one.status,
      ]),
    )
    expect(status).toMatchObject({
      manifest: 'fail',
      state: 'fail',
      duckdb: 'ok',
      node: 'ok',
      workspace: 'ok',
    })
  })
})
