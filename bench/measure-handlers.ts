import { cp, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { MeasuredUsage } from '../core/cost/measured.ts'
import { addUsage, type HandlerUsage, type Usage } from '../core/cost/usage.ts'
import { storeRenderedManifest } from '../core/runs/manifest-store.ts'
import { readFlows, readRun } from '../core/runs/runs.ts'
import { handlers } from '../local/handlers.ts'
import { loadProject } from '../local/project.ts'
import { newRunId, runLocally } from '../local/run.ts'
import { openWorkspace } from '../local/workspace.ts'
import { writeAppendManifest } from './append-manifest.ts'
import { writeAppendCsv, writeHundredCsvs } from './data.ts'

/**
 * Measures what dataflows use, one at a time, so that no handler waits for another: a hundred of 1,000 rows, and one
 * large one. Writes `core/cost/measured.json`, from which `sluice plan --cost` and `bench/simulate.ts` begin.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '500000' },
    out: { type: 'string', default: new URL('../core/cost/measured.json', import.meta.url).pathname },
  },
})

const folder = await mkdtemp(join(tmpdir(), 'sluice-measure-'))
try {
  const small = await measureSmall(join(folder, 'small'))
  const large = await measureLarge(join(folder, 'large'), Number(values.rows))
  const machine = `${availableParallelism()} x ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`
  const own = await measureOwn(join(folder, 'own'), 10_000)
  const measured = { measured_at: new Date().toISOString().slice(0, 10), machine, small, large, own }
  await writeFile(values.out, `${JSON.stringify(measured, null, 2)}\n`)
  console.log(`wrote ${values.out}`)
} finally {
  await rm(folder, { recursive: true })
}

async function measureSmall(directory: string): Promise<MeasuredUsage> {
  const { yaml } = await writeHundredCsvs(join(directory, 'landing'))
  await writeFile(join(directory, 'sluice.yaml'), yaml)
  // The first run warms the process up, as a function that has been called before is warm.
  await usagesOf(directory, join(directory, 'warm'))
  const usages = await usagesOf(directory, join(directory, 'home'))
  const { size } = await stat(join(directory, 'landing', 'part_00.csv'))
  return { rows: 1000, input_bytes: size, dataflows: usages.length, usage: meanOf(usages) }
}

async function measureLarge(directory: string, rows: number): Promise<MeasuredUsage> {
  await mkdir(join(directory, 'landing'), { recursive: true })
  await writeAppendCsv(join(directory, 'rows.csv'), rows)
  await cp(join(directory, 'rows.csv'), join(directory, 'landing', 'rows.csv'))
  await writeAppendManifest(directory, 'large')
  const usages = await usagesOf(directory, join(directory, 'home'))
  const { size } = await stat(join(directory, 'rows.csv'))
  return { rows, input_bytes: size, dataflows: 1, usage: meanOf(usages) }
}

/** Plans a run of so many dataflows and seals it, with none of them run. */
async function measureOwn(directory: string, count: number) {
  const names = Array.from({ length: count }, (_, n) => `dataflow_${String(n).padStart(5, '0')}`)
  await mkdir(directory, { recursive: true })
  await writeFile(join(directory, 'sluice.yaml'), manyDataflows(names))
  const project = await loadProject(directory)
  const workspace = openWorkspace({ projectDirectory: directory, home: join(directory, 'home') })
  try {
    const { ports } = workspace
    const run_id = newRunId()
    const manifest = await storeRenderedManifest(ports.evidence, project.rendered)
    await handlers.Plan?.({ execution_name: run_id, input: { run_id, manifest } }, { ports })
    await handlers.Seal?.({ run_id }, { ports })
    return { dataflows: count, usage: (await readRun(ports, run_id)).usage as Usage }
  } finally {
    await workspace.close()
  }
}

function manyDataflows(names: readonly string[]): string {
  const dataflows = names.map(
    (name) => `  - name: ${name}
    source: { connection: landing, path: ${name}.csv, format: csv }
    sink: { connection: warehouse, table: bronze.${name}, load_type: append }`,
  )
  return `version: 1
project: many
defaults: { contract: { columns: { id: { type: bigint } } } }
connections:
  landing: { type: files, path: ./landing }
  warehouse: { type: lake }
dataflows:
${dataflows.join('\n')}
`
}

/** Of each dataflow of a run that goes through them one after the other. */
async function usagesOf(projectDirectory: string, home: string): Promise<Usage[]> {
  const project = await loadProject(projectDirectory)
  const workspace = openWorkspace({ projectDirectory, home })
  try {
    const { ports } = workspace
    const { run_id, result } = await runLocally(ports, {
      manifest: project.rendered,
      options: { max_workers: 1 },
    })
    if (result.has_failures) throw new Error(JSON.stringify(result.errors))
    return (await readFlows(ports, run_id)).map((flow) => flow.usage as Usage)
  } finally {
    await workspace.close()
  }
}

/** The mean of one dataflow, to a tenth of a unit. */
function meanOf(usages: readonly Usage[]): Usage {
  const { handlers, ...counters } = addUsage(...usages)
  const mean = (value: number, digits = 1) => Number((value / usages.length).toFixed(digits))
  const one = ({ invocations, milliseconds, gb_seconds }: HandlerUsage) => ({
    invocations: mean(invocations),
    milliseconds: mean(milliseconds),
    gb_seconds: mean(gb_seconds, 6),
  })
  return {
    handlers: Object.fromEntries(Object.entries(handlers).map(([name, used]) => [name, one(used)])),
    ...(Object.fromEntries(Object.entries(counters).map(([name, value]) => [name, mean(value)])) as Omit<
      Usage,
      'handlers'
    >),
  }
}
