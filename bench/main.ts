import { existsSync } from 'node:fs'
import { link, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeAppendManifest } from './append-manifest.ts'
import { appendColumns, writeAppendCsv, writeHundredCsvs } from './data.ts'
import { type Cost, measure, median, spread } from './measure.ts'
import { orderContract, writeOrders } from './nested-data.ts'

/**
 * The numbers of docs/architecture.md, as ratios measured in one run: each case is a process of its own, the
 * two sides of a ratio take turns, and medians are compared, so that a slow minute of the machine hits both.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000000' },
    runs: { type: 'string', default: '5' },
    keep: { type: 'boolean', default: false },
  },
})
const rows = Number(values.rows)
const runs = Number(values.runs)
const folder = join(tmpdir(), 'sluice-bench')
await mkdir(folder, { recursive: true })

console.log(`${runs} runs of each case; medians, in parentheses lowest and highest\n`)
await appendRow()
await hundredRow()
await nestedRow()
if (!values.keep) await rm(folder, { recursive: true })

/** All gates on one large CSV, against DuckDB's own typed CSV → Parquet. */
async function appendRow(): Promise<void> {
  const csv = join(folder, `append-${rows}.csv`)
  if (!existsSync(csv)) await writeAppendCsv(csv, rows)
  const project = join(folder, 'append')
  const floor: Cost[] = []
  const gates: Cost[] = []
  const copy = () => measure('typed-copy', [csv, join(folder, 'floor.parquet'), appendColumns])
  floor.push(await copy())
  for (let run = 0; run < runs; run++) {
    await appendProject(project, csv)
    gates.push(await measure('project', [project]))
    floor.push(await copy())
  }
  // The copy alone varies by a third from one minute to the next: each run of the gates is held to the two around it.
  const ratios = gates.map(
    (cost, i) => (2 * cost.cpu) / ((floor[i] as Cost).cpu + (floor[i + 1] as Cost).cpu),
  )
  console.log(
    `append, ${rows} rows of CSV, 13 typed columns, 12 rules besides the types, contract with quarantine, all gates`,
  )
  console.log(
    `  typed COPY    CPU ${spread(floor.map((c) => c.cpu))} s, wall ${spread(floor.map((c) => c.wall))} s`,
  )
  console.log(
    `  eleven gates  CPU ${spread(gates.map((c) => c.cpu))} s, wall ${spread(gates.map((c) => c.wall))} s`,
  )
  console.log(`  CPU ratio     ${spread(ratios)}   bound 1.9`)
  console.log(
    `  peak memory   ${spread(
      gates.map((c) => c.rss),
      0,
    )} MiB   bound 800`,
  )
  console.log(`  quarantined   ${median(gates.map((c) => c.said.quarantined ?? 0))} of ${rows} rows\n`)
}

async function appendProject(project: string, csv: string): Promise<void> {
  await rm(project, { recursive: true, force: true })
  await mkdir(join(project, 'landing'), { recursive: true })
  // Not copied: what is still to be written to disk would slow down this side of the ratio alone.
  await link(csv, join(project, 'landing', 'rows.csv'))
  await writeAppendManifest(project, 'bench')
}

/** A hundred small dataflows, against DuckDB alone copying the same files without any gate. */
async function hundredRow(): Promise<void> {
  const project = join(folder, 'hundred')
  await rm(project, { recursive: true, force: true })
  const { yaml, columns } = await writeHundredCsvs(join(project, 'landing'))
  await writeFile(join(project, 'sluice.yaml'), yaml)
  const bare: Cost[] = []
  const gates: Cost[] = []
  for (let run = 0; run < runs; run++) {
    bare.push(await measure('bare-copies', [join(project, 'landing'), join(folder, 'bare'), columns]))
    await rm(join(project, '.sluice'), { recursive: true, force: true })
    gates.push(await measure('project', [project]))
  }
  const ran = gates.map((cost) => cost.said.run ?? 0)
  const ratios = ran.map((seconds, i) => seconds / ((bare[i] as Cost).said.run ?? 0))
  console.log('100 dataflows of 1,000 rows each, all gates, embedded')
  console.log(`  DuckDB alone  wall ${spread(bare.map((c) => c.said.run ?? 0))} s`)
  console.log(`  eleven gates  wall ${spread(ran)} s   bound 1.0, from the loaded manifest to the result`)
  console.log(`  wall ratio    ${spread(ratios)}`)
  console.log(
    `  whole process wall ${spread(gates.map((c) => c.wall))} s, CPU ${spread(gates.map((c) => c.cpu))} s`,
  )
}

/** What a nested column costs: the same documents judged as a struct, as `json`, and as a string, which is only kept. */
async function nestedRow(): Promise<void> {
  const orders = 100_000
  const file = join(folder, `orders-${orders}.ndjson`)
  await writeOrders(file, orders)
  const contracts = { string: { type: 'string' }, json: { type: 'json' }, struct: orderContract }
  const costs = { string: [] as number[], json: [] as number[], struct: [] as number[] }
  const names = ['string', 'json', 'struct'] as const
  for (let run = 0; run < runs; run++) {
    for (const name of names) {
      const { said } = await measure('scan', [file, JSON.stringify({ order: contracts[name] })])
      if (said.rows !== orders) throw new Error(`${said.rows} of ${orders} orders were accepted as ${name}`)
      costs[name].push(said.scan ?? 0)
    }
  }
  const ratios = costs.struct.map((cpu, i) => cpu / (costs.json[i] as number))
  console.log(`\n${orders} rows of NDJSON, a document of 12 members a row in one column, the scan alone`)
  for (const name of names) console.log(`  ${name.padEnd(12)}  CPU ${spread(costs[name])} s`)
  console.log(`  CPU ratio     ${spread(ratios)}   struct to json`)
}
