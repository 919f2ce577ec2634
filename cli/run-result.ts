import { join } from 'node:path'
import type { ReadPorts } from '../core/ports.ts'
import type { FlowResult } from '../core/runs/result.ts'
import { parseTable } from '../core/tables/identifier.ts'
import type { RunOutcome } from '../local/run.ts'
import type { Stack } from '../remote/stack.ts'
import { costLine } from './cost-words.ts'
import { flowBlocks } from './flow-table.ts'
import type { Io } from './io.ts'
import type { Block } from './report.ts'
import { duration, plural } from './words.ts'

const shownTables = 6

/** What a person wants to know when a run has ended: what it came to, where everything lies, how to go on. */
export async function resultBlocks(io: Io, place: ResultPlace, outcome: RunOutcome): Promise<Block[]> {
  const { result, run_id } = outcome
  const nothing = result.dataflows.filter((flow) => flow.reason === 'nothing_new').length
  const parts = [
    `${result.succeeded} succeeded`,
    ...(nothing > 0 ? [`${nothing} had nothing new`] : []),
    ...(result.skipped > nothing ? [`${result.skipped - nothing} skipped`] : []),
    ...(result.failed > 0 ? [`${result.failed} failed`] : []),
    ...(result.pending + result.running > 0 ? [`${result.pending + result.running} open`] : []),
  ]
  const word = outcome.interrupted ? 'was interrupted' : result.cancelled ? 'was cancelled' : result.status
  const time = duration(result.duration_seconds)
  const title = `Run ${run_id} ${word} in ${time}: ${plural(result.total, 'dataflow')}, ${parts.join(', ')}`
  const quarantined = result.dataflows.filter((flow) => flow.quarantine !== undefined)
  return [
    { kind: 'title', text: title },
    ...flowBlocks(result.dataflows, false),
    { kind: 'text', text: costLine(result.cost) },
    { kind: 'list', title: 'Where it lies', items: places(place, quarantined.length > 0) },
    ...nextBlocks(io, outcome, quarantined),
    ...(await queryBlocks(place, result.dataflows)),
  ]
}

/** Where a run's files lie, for a person to look at, and where its tables are looked up. */
export interface ResultPlace {
  readonly catalog: ReadPorts['catalog']
  readonly evidence: string
  readonly quarantine: string
  readonly tables: string
}

export function placeOnStack(
  { EvidenceBucket, LakeBucket }: Pick<Stack, 'EvidenceBucket' | 'LakeBucket'>,
  catalog: ReadPorts['catalog'],
  runId: string,
): ResultPlace {
  return {
    catalog,
    evidence: `s3://${EvidenceBucket}/evidence/${runId}`,
    quarantine: `s3://${EvidenceBucket}/quarantine/${runId}`,
    tables: `s3://${LakeBucket}`,
  }
}

export function placeInHome(home: string, catalog: ReadPorts['catalog'], runId: string): ResultPlace {
  return {
    catalog,
    evidence: join(home, 'evidence', 'evidence', runId),
    quarantine: join(home, 'evidence', 'quarantine', runId),
    tables: join(home, 'lake'),
  }
}

function places({ evidence, quarantine, tables }: ResultPlace, hasQuarantine: boolean): string[] {
  return [
    `evidence    ${evidence}`,
    ...(hasQuarantine ? [`quarantine  ${quarantine}`] : []),
    `tables      ${tables}`,
  ]
}

function nextBlocks(io: Io, { result, run_id }: RunOutcome, quarantined: readonly FlowResult[]): Block[] {
  const lines: string[] = []
  if (result.has_failures)
    lines.push(`${io.command(`run --resume ${run_id}`)}   # tries again what did not succeed`)
  for (const flow of quarantined.slice(0, 3)) {
    lines.push(`${io.command(`quarantine ${run_id} ${flow.dataflow}`)}   # its rejected rows`)
  }
  lines.push(`${io.command(`evidence verify ${run_id}`)}   # proves that all files are what was written`)
  return [{ kind: 'code', title: 'How to go on', lines }]
}

/** The tables as they are now, each by its metadata file, which is all that an Iceberg reader needs. */
async function queryBlocks({ catalog }: ResultPlace, flows: readonly FlowResult[]): Promise<Block[]> {
  const written = flows.filter((flow) => flow.status === 'succeeded' && flow.table !== undefined)
  const tables = [...new Set(written.map((flow) => flow.table as string))]
  const lines = tables.length > shownTables ? [`the last ${shownTables} of ${tables.length}:`] : []
  const width = tables.slice(-shownTables).reduce((max, table) => Math.max(max, table.length), 0)
  let last: string | undefined
  for (const table of tables.slice(-shownTables)) {
    const location = await catalog.load(parseTable(table))
    if (location === undefined) continue
    last = location
    lines.push(`${table.padEnd(width)}  ${location.replace(/^file:\/\//, '')}`)
  }
  if (last === undefined) return []
  const path = last.replace(/^file:\/\//, '')
  return [
    { kind: 'code', title: 'Tables, each with its metadata file', lines },
    {
      kind: 'code',
      title: 'To query one',
      lines: [
        `duckdb -c "INSTALL iceberg; LOAD iceberg; FROM iceberg_scan('${path}') LIMIT 10"`,
        `python -c "from pyiceberg.table import StaticTable; print(StaticTable.from_metadata('${last}').scan().to_arrow())"`,
      ],
    },
  ]
}
