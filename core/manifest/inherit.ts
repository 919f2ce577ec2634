import { child, type Located, type LocatedMap, locate, mergeLocated, without } from './located.ts'

/**
 * `defaults` under a dataflow. What cannot apply to this dataflow is not inherited: `source` by one that has
 * a `transform` of its own and the other way round, `source.csv` by one of another format. What the
 * dataflow itself says always stays, to be judged by the rules.
 */
export function inherit(defaults: Located | undefined, own: LocatedMap): LocatedMap {
  if (defaults?.kind !== 'map') return own
  let base = defaults
  if (own.entries.has('transform') && !own.entries.has('source')) base = without(base, 'source')
  if (own.entries.has('source') && !own.entries.has('transform')) base = without(base, 'transform')
  const merged = mergeLocated(base, own)
  const format = locate(merged, ['source', 'format'])
  const isCsv = format?.kind === 'scalar' && format.value === 'csv'
  const source = child(base, 'source')
  if (isCsv || source?.kind !== 'map' || !source.entries.has('csv')) return merged
  const entry = base.entries.get('source')!
  const entries = new Map(base.entries).set('source', { ...entry, value: without(source, 'csv') })
  return mergeLocated({ ...base, entries }, own)
}
