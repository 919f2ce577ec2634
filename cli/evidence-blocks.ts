import { resultText } from '../core/contract/checks.ts'
import type { ColumnCount } from '../core/contract/rule-names.ts'
import type { GateLog } from '../core/runs/gate-log.ts'
import type { RunItem } from '../core/runs/items.ts'
import type { GateEntry, GateRecords } from '../core/runs/records.ts'
import { checkResults } from '../core/runs/warnings.ts'
import { columnCounts, type FlowEvidence, type ReasonCount, reasonsOf, warnedRules } from './flow-evidence.ts'
import type { Io } from './io.ts'
import { rowsText } from './progress-lines.ts'
import type { Block, Cell, Tone } from './report.ts'
import type { FileState, VerifiedFile } from './verify-files.ts'
import { bytes, duration, instant, number, plural } from './words.ts'

/** One line for each dataflow of a run. */
export function summaryBlocks(io: Io, run: RunItem, flows: readonly FlowEvidence[]): Block[] {
  const rows = flows.map(({ flow, commit, gates, log, evidence }): Cell[] => [
    flow.dataflow,
    outcomeText(evidence?.outcome ?? flow.status, commit !== undefined),
    String(gates.filter((gate) => gate.outcome === 'passed').length),
    rowsText(log.get('contract')?.record?.rows ?? flow.rows),
    flow.evidence?.key ?? '',
  ])
  return [
    { kind: 'title', text: `Evidence of run ${run.run_id} of ${run.project}` },
    {
      kind: 'table',
      columns: [
        { title: 'dataflow' },
        { title: 'outcome' },
        { title: 'gates passed', align: 'right' },
        { title: 'rows' },
        { title: 'evidence' },
      ],
      rows,
    },
    {
      kind: 'code',
      title: 'In full',
      lines: [io.command(`evidence ${run.run_id} ${flows[0]?.flow.dataflow ?? ''}`)],
    },
  ]
}

/** Everything about one dataflow, for a person. */
export function evidenceBlocks(found: FlowEvidence, verified: readonly VerifiedFile[] | undefined): Block[] {
  const { flow, commit, gates, log, evidence, damage } = found
  const outcome = outcomeText(evidence?.outcome ?? flow.status, commit !== undefined)
  const reasons = reasonsOf(log)
  const warned = warnedRules(log)
  const error = flow.error ?? evidence?.error ?? undefined
  return [
    { kind: 'title', text: `${flow.dataflow}: ${outcome}, attempt ${commit?.attempt ?? flow.attempt}` },
    ...(damage === undefined ? [] : [{ kind: 'text', text: damage.message } as const]),
    ...(evidence === undefined
      ? []
      : [
          list('What it rests on', [
            `target      ${evidence.target.table} (${evidence.target.load_type})`,
            `manifest    ${evidence.manifest.sha256}`,
            `definition  ${evidence.definition_sha256}`,
            `contract    ${evidence.contract_sha256}`,
            `written     ${instant(evidence.created_at)}  ${flow.evidence?.key ?? ''}`,
          ]),
        ]),
    ...(commit === undefined
      ? []
      : [
          list('What became visible', [
            `snapshot    ${commit.snapshot_id ?? 'none: there was no row to add'}`,
            `metadata    ${commit.metadata_location}`,
            `committed   ${instant(commit.committed_at)}`,
          ]),
        ]),
    ...(gates.length === 0 ? [] : [gateTable(gates)]),
    ...(reasons.length === 0 ? [] : [reasonTable(reasons)]),
    ...(warned.length === 0 ? [] : [reasonTable(warned, 'warned of')]),
    ...countTable('coerced', columnCounts(log, 'coerced')),
    ...countTable('kept as text beside', columnCounts(log, 'variants')),
    ...checkTable(log),
    ...(error === undefined ? [] : [list('Why it stopped', [`[${error.code}] ${error.message}`])]),
    ...(evidence === undefined ? [] : [fileTable(found, verified)].flat()),
  ]
}

export function reasonTable(reasons: readonly ReasonCount[], title = 'rejected for'): Block {
  return {
    kind: 'table',
    columns: [{ title }, { title: 'rule' }, { title: 'rows', align: 'right' }],
    rows: reasons.map(({ column, rule, name, count }) => [column ?? 'the row', name ?? rule, number(count)]),
  }
}

function countTable(title: string, counts: readonly ColumnCount[]): Block[] {
  if (counts.length === 0) return []
  const columns = [{ title }, { title: 'values', align: 'right' } as const]
  return [{ kind: 'table', columns, rows: counts.map(({ column, count }) => [column, number(count)]) }]
}

/** A check of the kind unique is there twice where the load appends: against itself, and against the table. */
function checkTable(log: GateLog): Block[] {
  const results = checkResults(log)
  if (results.length === 0) return []
  const columns = [{ title: 'check' }, { title: 'kind' }, { title: 'outcome' }, { title: 'what it found' }]
  const rows = results.map((result): Cell[] => {
    const { name, check, outcome, severity } = result
    if (outcome === 'passed') return [name, check, { text: 'passed', tone: 'good' }, resultText(result)]
    const text = severity === 'warn' ? 'failed (warn)' : 'failed'
    return [name, check, { text, tone: severity === 'warn' ? 'warn' : 'bad' }, resultText(result)]
  })
  return [{ kind: 'table', columns, rows }]
}

function list(title: string, items: readonly string[]): Block {
  return { kind: 'list', title, items }
}

function outcomeText(outcome: string, isCommitted: boolean): string {
  if (isCommitted) return 'committed'
  return outcome === 'passed' ? 'not committed' : outcome.replaceAll('_', ' ')
}

function gateTable(gates: readonly GateEntry[]): Block {
  return {
    kind: 'table',
    columns: [
      { title: 'gate' },
      { title: 'outcome' },
      { title: 'time', align: 'right' },
      { title: 'what it found' },
    ],
    rows: gates.map((entry): Cell[] => [
      entry.round === 0 ? entry.gate : `${entry.gate} (round ${entry.round})`,
      { text: entry.outcome, tone: entry.outcome === 'passed' ? 'good' : 'bad' },
      duration(entry.duration_ms / 1000),
      entry.error?.code ?? noteOf(entry),
    ]),
  }
}

type Notes = { readonly [N in keyof GateRecords]: (record: GateRecords[N]) => string }

const notes: Notes = {
  extract: ({ source, verdict, check_tables = [], replay }) => {
    const pinned =
      source.kind === 'tables'
        ? `${plural(source.pins.length, 'table')} pinned`
        : `${plural(source.pins.length, 'object')} pinned, ${bytes(source.pins.reduce((sum, pin) => sum + pin.size, 0))}`
    const besides =
      check_tables.length === 0 ? '' : `, ${plural(check_tables.length, 'table')} to check against`
    const of = replay === undefined ? '' : `, replay of rows that ${replay.run_id} rejected`
    const what = pinned + besides + of
    return verdict === 'nothing_new' ? `nothing new (${what})` : what
  },
  lineage: ({ columns, differences, transformers }) => {
    const made = transformers?.lineage.filter(({ by }) => by.length > 0).length ?? 0
    const changed = transformers === undefined ? '' : `, ${made} by transformers`
    return `${plural(columns.length, 'column')}${changed}, ${plural(differences.length, 'difference')} from the table`
  },
  contract: ({ rows }) => rowsText(rows),
  evolution: ({ mode, decisions }) => `${mode}: ${plural(decisions.length, 'decision')}`,
  compatibility: ({ columns }) => `${plural(columns.length, 'column fits', 'columns fit')}`,
  physical_ddl: ({ action }) => action.replaceAll('_', ' '),
  stage: ({ strategy, files, rows, bytes: size }) =>
    `${strategy}: ${plural(files, 'file')}, ${plural(rows, 'row')}, ${bytes(size)}`,
  finalize: ({ snapshot_id }) => (snapshot_id === null ? 'no snapshot needed' : `snapshot ${snapshot_id}`),
  evidence: ({ evidence }) => evidence.key,
  audit_commit: ({ found }) => (found ? 'found the commit already made' : 'committed'),
  source_state: ({ version }) => `source state at version ${version}`,
}

function noteOf(entry: GateEntry): string {
  return entry.record === undefined ? '' : (notes[entry.gate] as (record: unknown) => string)(entry.record)
}

const fileTones: Readonly<Record<FileState, Tone>> = {
  same: 'good',
  changed: 'bad',
  missing: 'bad',
  removed: 'dim',
}

function fileTable({ flow, evidence }: FlowEvidence, verified: readonly VerifiedFile[] | undefined): Block[] {
  const named = [
    ...(flow.evidence === undefined ? [] : [flow.evidence]),
    ...(evidence?.quarantine ? [evidence.quarantine] : []),
    ...(evidence?.files ?? []),
  ]
  if (named.length === 0) return []
  const states = new Map(verified?.map((file) => [file.key, file.state]))
  return [
    {
      kind: 'table',
      columns: [
        { title: 'file' },
        { title: 'size', align: 'right' },
        { title: 'sha256' },
        ...(verified === undefined ? [] : [{ title: 'now' }]),
      ],
      rows: named.map((ref): Cell[] => {
        const state = states.get(ref.key)
        const cell = state === undefined ? [] : [{ text: state, tone: fileTones[state] }]
        return [ref.key, bytes(ref.size), ref.sha256, ...cell]
      }),
    },
  ]
}
