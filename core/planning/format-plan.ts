import { counted } from '../words.ts'
import type { Plan, PlannedDataflow, PlannedRead } from './types.ts'

/** The plan for people: plain text, or Markdown for a pull request or a job summary. Ends with a newline. */
export function formatPlan(plan: Plan, format: 'text' | 'md'): string {
  const lines = format === 'text' ? textLines(plan) : markdownLines(plan)
  return `${lines.join('\n')}\n`
}

function textLines(plan: Plan): string[] {
  const names = [...plan.waves.flatMap((wave) => wave.dataflows), ...plan.excluded].map(
    ({ name }) => name.length,
  )
  const width = Math.max(...names)
  const indent = ' '.repeat(width + 4)
  return [
    `Plan of ${plan.project}: ${totals(plan)}`,
    ...plan.waves.flatMap((wave) => [
      '',
      `Wave ${wave.index + 1}`,
      ...wave.dataflows.flatMap((dataflow) => [
        `  ${dataflow.name.padEnd(width)}  ${stageOf(dataflow)}${dataflow.reason}`,
        ...dataflow.reads.map((read) => `${indent}reads  ${readText(read)}`),
        `${indent}writes ${writeText(dataflow)}`,
      ]),
    ]),
    ...(plan.excluded.length === 0 ? [] : ['', 'Not run']),
    ...plan.excluded.map(({ name, reason }) => `  ${name.padEnd(width)}  ${reason}`),
    '',
    `manifest ${plan.manifest_sha256.slice(0, 12)}, plan ${plan.plan_sha256.slice(0, 12)}`,
  ]
}

function markdownLines(plan: Plan): string[] {
  const row = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(' | ')} |`
  return [
    `### Plan of ${plan.project}: ${totals(plan)}`,
    '',
    row(['wave', 'dataflow', 'stage', 'reads', 'writes', 'why']),
    '|---|---|---|---|---|---|',
    ...plan.waves.flatMap((wave) =>
      wave.dataflows.map((dataflow) =>
        row([
          String(wave.index + 1),
          dataflow.name,
          dataflow.stage ?? '',
          dataflow.reads.map(readText).join(', '),
          writeText(dataflow),
          dataflow.reason,
        ]),
      ),
    ),
    ...(plan.excluded.length === 0 ? [] : ['', row(['not run', 'why']), '|---|---|']),
    ...plan.excluded.map(({ name, reason }) => row([name, reason])),
    '',
    `manifest \`${plan.manifest_sha256}\`, plan \`${plan.plan_sha256}\``,
  ]
}

function totals(plan: Plan): string {
  const run = plan.waves.reduce((sum, wave) => sum + wave.dataflows.length, 0)
  return `${run} to run in ${counted(plan.waves.length, 'wave')}, ${plan.excluded.length} not run`
}

function stageOf(dataflow: PlannedDataflow): string {
  return dataflow.stage === null ? '' : `[${dataflow.stage}] `
}

function readText(read: PlannedRead): string {
  if (read.kind === 'files') return `${read.connection}: ${read.path} (${read.format})`
  if (read.as_is !== null) return `${read.table} as it is (${read.as_is})`
  return `${read.table} (written by ${read.written_by.join(', ')})`
}

function writeText({ writes }: PlannedDataflow): string {
  return `${writes.table} (${writes.load_type})`
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*')
}
