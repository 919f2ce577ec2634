import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SluiceError } from '../core/errors.ts'
import { type Check, check } from './doctor-check.ts'
import { checkLeasesAndRuns, checkStateFile } from './doctor-state.ts'
import { checkDisk, checkWorkspace } from './doctor-workspace.ts'
import { exitCodes } from './fail.ts'
import { homeOf } from './home.ts'
import type { Io } from './io.ts'
import { nodeVersionProblem } from './node-version.ts'
import { type Cell, emit, type Tone } from './report.ts'
import { plural } from './words.ts'

const tones: Readonly<Record<Check['status'], Tone>> = { ok: 'good', warn: 'warn', fail: 'bad' }

/** Looks at everything that a run needs, and changes nothing. Fails when something would stop a run. */
export async function doctor(io: Io): Promise<number> {
  const home = homeOf(io)
  const checks: Check[] = [
    ...(await guarded('node', () => [checkNode()])),
    ...(await guarded('workspace', () => checkWorkspace(home))),
    ...(await guarded('disk', () => [checkDisk(home)])),
    ...(await guarded('state', () => [checkStateFile(home)])),
    ...(await checkProject(io)),
  ]
  const failed = checks.filter((one) => one.status === 'fail').length
  const warned = checks.filter((one) => one.status === 'warn').length
  const verdict =
    failed > 0
      ? `${plural(failed, 'check')} failed${warned > 0 ? `, ${plural(warned, 'warning')}` : ''}`
      : warned > 0
        ? `Ready to run, with ${plural(warned, 'warning')}`
        : 'Ready to run'
  emit(io, { schema: 'sluice.doctor.v1', ok: failed === 0, checks }, [
    {
      kind: 'table',
      columns: [{ title: 'check' }, { title: 'status' }, { title: 'what was found' }],
      rows: checks.map((one): Cell[] => [
        one.check,
        { text: one.status, tone: tones[one.status] },
        one.next === undefined ? one.message : `${one.message}. ${one.next}`,
      ]),
    },
    { kind: 'text', text: verdict },
  ])
  return failed === 0 ? exitCodes.success : exitCodes.failed
}

/** One check that breaks must not hide the others. */
async function guarded(name: string, work: () => Check[] | Promise<Check[]>): Promise<Check[]> {
  try {
    return await work()
  } catch (error) {
    const message = error instanceof SluiceError ? `[${error.code}] ${error.message}` : String(error)
    return [check(name, 'fail', message.replace(/\.$/, ''))]
  }
}

function checkNode(): Check {
  const version = process.versions.node
  const problem = nodeVersionProblem(version)
  return problem === undefined ? check('node', 'ok', `Node.js ${version}`) : check('node', 'fail', problem)
}

/** The manifest and what hangs on it. The engine and the sources are tried in a workspace that is thrown away. */
async function checkProject(io: Io): Promise<Check[]> {
  const { loadProject } = await import('../local/project.ts')
  let project: Awaited<ReturnType<typeof loadProject>> | undefined
  const manifest = await guarded('manifest', async () => {
    project = await loadProject(io.project)
    const { dataflows } = project.rendered
    return [check('manifest', 'ok', `${project.rendered.project}: ${plural(dataflows.length, 'dataflow')}`)]
  })
  const names = project?.rendered.dataflows.map((dataflow) => dataflow.name) ?? []
  const state = await guarded('leases', () => checkLeasesAndRuns(io, project?.rendered.project, names))
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-doctor-'))
  try {
    const engine = await guarded('duckdb', async () => [await checkEngine(scratch)])
    if (project === undefined) return [...manifest, ...state, ...engine]
    const { directory, rendered } = project
    const { checkSources } = await import('./doctor-sources.ts')
    const sources = await guarded('sources', () => checkSources(directory, rendered))
    return [...manifest, ...state, ...engine, ...sources]
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function checkEngine(directory: string): Promise<Check> {
  try {
    const { openEnginePool } = await import('../core/engine/engine.ts')
    const engines = openEnginePool({ directory, size: 1, memoryLimitMb: 128 })
    try {
      const rows = await engines.use((engine) =>
        engine.rows<{ version: string }>('SELECT version() AS version'),
      )
      return check('duckdb', 'ok', `DuckDB ${rows[0]?.version}`)
    } finally {
      await engines.close()
    }
  } catch (error) {
    const next = `Install the package again on this machine (${process.platform} ${process.arch}): npm install`
    return check('duckdb', 'fail', `DuckDB cannot be used: ${(error as Error).message}`, next)
  }
}
