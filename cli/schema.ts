import { ManifestError } from '../core/errors.ts'
import type { Dataflow, RenderedManifest } from '../core/manifest/types.ts'
import { previewSchema, type SchemaPreview } from '../local/schema-plan.ts'
import { exitCodes } from './fail.ts'
import type { Io } from './io.ts'
import { type Block, type Cell, emit, type Tone } from './report.ts'
import { withSchemaProject } from './schema-project.ts'
import { userName } from './who.ts'
import { plural } from './words.ts'

/** Shows what a run would make of the tables' definitions, and why. 1 where a run would be refused. */
export async function schemaPlan(io: Io, dataflow: string | undefined): Promise<number> {
  return await withSchemaProject(io, async ({ rendered, ports }) => {
    const previews: SchemaPreview[] = []
    for (const flow of choose(rendered, dataflow)) previews.push(await previewSchema(ports, rendered, flow))
    const passes = previews.every(({ outcome }) => outcome !== 'refused')
    const data = {
      schema: 'sluice.schema_plan.v1',
      project: rendered.project,
      passes,
      dataflows: previews,
    }
    emit(
      io,
      data,
      previews.flatMap((preview) => blocksOf(io, preview)),
    )
    return passes ? exitCodes.success : exitCodes.failed
  })
}

/** Records that a person lets one plan be carried out. It must be the plan of now: an approval is never given ahead. */
export async function schemaApprove(
  io: Io,
  name: string,
  { plan, by }: { readonly plan: string; readonly by?: string },
): Promise<number> {
  return await withSchemaProject(io, async ({ rendered, ports, approve }) => {
    const [dataflow] = choose(rendered, name) as [Dataflow]
    const { ddl, why } = await previewSchema(ports, rendered, dataflow)
    if (ddl?.digest !== plan) throw notThePlan(io, name, plan, ddl?.digest, why)
    if (ddl.approval === 'not_needed') throw notAsked(io, name, plan, why)
    const { approved_by, approved_at } = await approve({
      dataflow: name,
      plan,
      approved_by: by ?? userName(),
    })
    const text = `Plan ${plan} of ${name} is approved by ${approved_by}; the next commit of it uses that up`
    const data = { schema: 'sluice.schema_approval.v1', dataflow: name, plan, approved_by, approved_at }
    emit(io, data, [{ kind: 'text', text }])
    return exitCodes.success
  })
}

function choose({ dataflows }: RenderedManifest, name: string | undefined): readonly Dataflow[] {
  if (name === undefined) return dataflows.filter((dataflow) => dataflow.is_active)
  const found = dataflows.filter((dataflow) => dataflow.name === name)
  if (found.length > 0) return found
  throw new ManifestError({
    code: 'DATAFLOW_UNKNOWN',
    fact: `the manifest has no dataflow ${name}; it has ${dataflows.map((dataflow) => dataflow.name).join(', ')}`,
    consequence: 'Nothing was read',
    next: 'Correct the name',
  })
}

const outcomes: Readonly<Record<SchemaPreview['outcome'], Tone>> = {
  passes: 'good',
  refused: 'bad',
  unknown: 'warn',
}

const actions: Readonly<Record<string, Tone>> = {
  apply: 'good',
  convert: 'good',
  ignore: 'warn',
  quarantine: 'warn',
  refuse: 'bad',
}

function blocksOf(io: Io, preview: SchemaPreview): Block[] {
  const { dataflow, table, outcome, why, evolution, compatibility, ddl } = preview
  const decisions = evolution?.decisions ?? []
  const casts = (compatibility ?? []).filter(({ incoming, target }) => incoming !== target)
  const blocks: Block[] = [
    { kind: 'title', text: `${dataflow} → ${table}` },
    {
      kind: 'table',
      columns: [{ title: 'a run' }, { title: 'why' }],
      rows: [[{ text: outcome === 'passes' ? 'would pass' : outcome, tone: outcomes[outcome] }, why]],
    },
  ]
  if (evolution !== undefined) blocks.push(...schemaBlocks(evolution))
  if (decisions.length > 0) {
    blocks.push({
      kind: 'table',
      columns: ['change', 'column', 'from', 'to', 'action', 'policy', 'why'].map((title) => ({ title })),
      rows: decisions.map((decision): Cell[] => [
        decision.change.replaceAll('_', ' '),
        decision.column,
        decision.from ?? '',
        decision.to ?? '',
        { text: decision.action, tone: actions[decision.action] as Tone },
        decision.policy,
        decision.why,
      ]),
    })
  }
  if (casts.length > 0) {
    blocks.push({
      kind: 'table',
      columns: ['column', 'comes as', 'table has', 'why it fits, or not'].map((title) => ({ title })),
      rows: casts.map((proof) => [proof.column, proof.incoming, proof.target, proof.why]),
    })
  }
  if (ddl !== undefined && ddl.operations.length > 0) {
    const lines = ddl.operations.map(({ statement, risk, blocker }) => `${statement}  -- ${blocker ?? risk}`)
    blocks.push({ kind: 'code', title: `Plan ${ddl.digest}: ${plural(lines.length, 'statement')}`, lines })
    if (ddl.approval === 'waited_for') {
      const lines = [io.command(`schema approve ${dataflow} --plan ${ddl.digest}`)]
      blocks.push({ kind: 'code', title: 'To approve it', lines })
    }
  }
  return blocks
}

/** Before and after side by side, by field id. */
function schemaBlocks({ before, after }: NonNullable<SchemaPreview['evolution']>): Block[] {
  const ids = [...new Set([...(before ?? []), ...after].map(({ id }) => id))]
  const text = (columns: NonNullable<typeof before>, id: number) => {
    const column = columns.find((candidate) => candidate.id === id)
    return column === undefined ? '' : `${column.name} ${column.type}${column.required ? ' required' : ''}`
  }
  return [
    {
      kind: 'table',
      columns: [{ title: 'id', align: 'right' }, { title: 'before' }, { title: 'after' }],
      rows: ids.map((id) => [String(id), before === null ? '' : text(before, id), text(after, id)]),
    },
  ]
}

function notThePlan(io: Io, name: string, plan: string, now: string | undefined, why: string): ManifestError {
  return new ManifestError({
    code: 'DDL_PLAN_UNKNOWN',
    fact:
      now === undefined
        ? `${name} has no plan to approve: ${why}`
        : `${plan} is not the plan of ${name}, which is ${now} now`,
    consequence: 'Nothing was approved',
    next: `Look at what would change: ${io.command(`schema plan ${name}`)}`,
  })
}

/** What waited for nobody would lie there, and let a change through that nobody has looked at then. */
function notAsked(io: Io, name: string, plan: string, why: string): ManifestError {
  return new ManifestError({
    code: 'DDL_APPROVAL_UNNEEDED',
    fact: `plan ${plan} of ${name} waits for no approval: ${why}`,
    consequence: 'Nothing was approved',
    next: `Look at what would change: ${io.command(`schema plan ${name}`)}`,
  })
}
