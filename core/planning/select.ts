import { ManifestError } from '../errors.ts'
import { suggest } from '../manifest/near.ts'
import type { Dataflow } from '../manifest/types.ts'
import type { Selection } from './types.ts'

export interface Selected {
  /** In the manifest's order; never empty. */
  readonly dataflows: readonly Dataflow[]
  /** By name: what chose it. */
  readonly reasons: ReadonlyMap<string, string>
  /** Every other dataflow, in code-point order of the names. */
  readonly excluded: readonly { readonly name: string; readonly reason: string }[]
}

/**
 * Applies the selectors: all that are present must hold, within one any value may match, and inactive
 * dataflows never run. Fails closed with `ManifestError`: `SELECTOR_UNKNOWN` for a value that no dataflow
 * has, `SELECTED_INACTIVE` for a dataflow that is named but inactive, `SELECTION_EMPTY` where nothing is left.
 */
export function selectDataflows(dataflows: readonly Dataflow[], selection: Selection): Selected {
  const problems = [
    ...unknownValues('stage', selection.stage, new Set(dataflows.flatMap((d) => d.stage ?? []))),
    ...unknownValues('dataflow', selection.dataflows, new Set(dataflows.map((d) => d.name))),
    ...unknownValues('tag', selection.tags, new Set(dataflows.flatMap((d) => d.tags))),
  ]
  if (problems.length > 0) throw refused('SELECTOR_UNKNOWN', problems.join('; '))
  const inactive = dataflows.filter((d) => !d.is_active && selection.dataflows?.includes(d.name) === true)
  if (inactive.length > 0) {
    const names = inactive.map((d) => d.name).join(', ')
    throw refused('SELECTED_INACTIVE', `${names}: selected by name, but is_active is false`, [
      'Set is_active: true, or leave the name out',
    ])
  }
  const chosen: Dataflow[] = []
  const reasons = new Map<string, string>()
  const excluded: { name: string; reason: string }[] = []
  for (const dataflow of dataflows) {
    const reason = whyNot(dataflow, selection)
    if (reason !== undefined) {
      excluded.push({ name: dataflow.name, reason })
      continue
    }
    chosen.push(dataflow)
    reasons.set(dataflow.name, whyChosen(dataflow, selection))
  }
  if (chosen.length === 0) {
    const shown = excluded.slice(0, 5).map(({ name, reason }) => `${name}: ${reason}`)
    const more = excluded.length > 5 ? [`and ${excluded.length - 5} more`] : []
    throw refused('SELECTION_EMPTY', `no dataflow is left to run (${[...shown, ...more].join('; ')})`)
  }
  excluded.sort((a, b) => (a.name < b.name ? -1 : 1))
  return { dataflows: chosen, reasons, excluded }
}

function unknownValues(
  option: string,
  wanted: readonly string[] | undefined,
  known: ReadonlySet<string>,
): string[] {
  if (wanted === undefined) return []
  if (wanted.length === 0)
    return [`an empty ${option} selector selects nothing; leave the option out to select all`]
  return wanted
    .filter((value) => !known.has(value))
    .map((value) => {
      const hint = suggest(value, known, `the manifest has`, `the manifest has no ${option}`)
      return `there is no ${option} \`${value}\` (${hint.replace(/^Did/, 'did')})`
    })
}

function whyNot(dataflow: Dataflow, { stage, dataflows, tags }: Selection): string | undefined {
  if (!dataflow.is_active) return 'is_active is false'
  if (dataflows !== undefined && !dataflows.includes(dataflow.name)) return 'not named'
  if (stage !== undefined && dataflow.stage === undefined) return 'has no stage'
  if (stage !== undefined && !stage.includes(dataflow.stage!))
    return `stage ${dataflow.stage} is not selected`
  if (tags !== undefined && !dataflow.tags.some((tag) => tags.includes(tag)))
    return 'has none of the selected tags'
  return undefined
}

function whyChosen(dataflow: Dataflow, { stage, dataflows, tags }: Selection): string {
  const by = [
    ...(dataflows === undefined ? [] : ['named']),
    ...(stage === undefined ? [] : [`stage ${dataflow.stage}`]),
    ...(tags === undefined
      ? []
      : dataflow.tags.filter((tag) => tags.includes(tag)).map((tag) => `tag ${tag}`)),
  ]
  return by.length === 0 ? 'active' : by.join(', ')
}

function refused(code: string, fact: string, next: readonly string[] = []): ManifestError {
  return new ManifestError({
    code,
    fact,
    consequence: 'Nothing was planned',
    next: next[0] ?? 'Correct the selection; without one every active dataflow runs',
  })
}
