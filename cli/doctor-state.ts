import { join } from 'node:path'
import type { RunItem } from '../core/runs/items.ts'
import { readFlows } from '../core/runs/runs.ts'
import { openDatabase } from '../core/stores/sqlite-file.ts'
import { openSqliteReader } from '../core/stores/sqlite-state-store.ts'
import { type Check, check } from './doctor-check.ts'
import { openHome, type Records } from './home.ts'
import type { Io } from './io.ts'
import { holderOf, leaseOf, runStateOf } from './run-state.ts'
import { instant, plural } from './words.ts'

/** Older runs that never ended have long been overtaken by newer ones. */
const runsLookedAt = 200

/** Opens the state file, which proves its kind and its version, and has SQLite look over it. */
export function checkStateFile(home: string): Check {
  const file = join(home, 'state.db')
  const opened = openSqliteReader(file)
  if (opened === undefined) return check('state', 'ok', 'nothing has run yet')
  opened.state.close()
  const database = openDatabase(file, 1000)
  try {
    const version = database.prepare('PRAGMA user_version').get()?.user_version
    const problems = database
      .prepare('PRAGMA quick_check(1)')
      .all()
      .map((row) => String(row.quick_check))
    if (problems[0] === 'ok') return check('state', 'ok', `${file}, schema version ${version}`)
    const next = 'Restore the file together with its -wal file from a backup'
    return check('state', 'fail', `${file} is damaged: ${problems[0]}`, next)
  } finally {
    database.close()
  }
}

/** Leases that are held and by whom, and runs that never ended. `names`: the dataflows of the manifest. */
export async function checkLeasesAndRuns(
  io: Io,
  project: string | undefined,
  names: readonly string[],
): Promise<Check[]> {
  const records = openHome(io)
  if (records === undefined) return []
  try {
    const flows = new Map(names.map((name) => [`${project}/${name}`, { project: project as string, name }]))
    const runs = await checkRuns(io, records, flows)
    return [...(await checkLeases(records, [...flows.values()])), ...runs]
  } finally {
    records.close()
  }
}

interface Flow {
  readonly project: string
  readonly name: string
}

async function checkLeases(records: Records, flows: readonly Flow[]): Promise<Check[]> {
  const found: Check[] = []
  const now = Date.now()
  for (const { project, name } of flows) {
    const lease = await leaseOf(records.state, project, name)
    if (lease === null) continue
    const holder = holderOf(lease, now)
    const who = `${name}: run ${lease.run_id} (${lease.worker})`
    if (holder === 'alive') {
      const until = instant(new Date(lease.expires_at).toISOString())
      found.push(check('leases', 'ok', `${who} is at work, or holds its lease until ${until}`))
    } else {
      const what = holder === 'dead' ? 'has died' : 'let its lease expire'
      found.push(check('leases', 'warn', `${who} ${what}`, 'The next run takes it over by itself'))
    }
  }
  return found.length > 0
    ? found
    : [check('leases', 'ok', `none held, of ${plural(flows.length, 'dataflow')}`)]
}

/** Adds the dataflows of open runs to `flows`: the manifest may have lost some of them since. */
async function checkRuns(io: Io, records: Records, flows: Map<string, Flow>): Promise<Check[]> {
  const found: Check[] = []
  for (const item of await records.state.listRuns(runsLookedAt)) {
    const run = item as RunItem
    if (run.status !== 'running') continue
    const planned = await readFlows(records, run.run_id)
    for (const { dataflow, status } of planned) {
      if (status === 'running')
        flows.set(`${run.project}/${dataflow}`, { project: run.project, name: dataflow })
    }
    const state = await runStateOf(records.state, run, planned, Date.now())
    const since = `run ${run.run_id}, started ${instant(run.started_at)}`
    if (state === 'running') found.push(check('runs', 'ok', `${since}, is at work`))
    else
      found.push(
        check(
          'runs',
          'warn',
          `${since}, never ended`,
          `Go on with it: ${io.command(`run --resume ${run.run_id}`)}`,
        ),
      )
  }
  return found.length > 0 ? found : [check('runs', 'ok', 'all have ended')]
}
