import { child, type Located, type LocatedMap, locate, mergeLocated, without } from './located.ts'

/**
 * `defaults` under a dataflow. What cannot apply to this dataflow is not inherited: `source` by one that has
 * a `transform` of its own and the other way round, `on` by one without files, `source.csv` by one of another
 * format, and of a schedule what another kind of schedule does not have. What the dataflow itself says always
 * stays, to be judged by the rules.
 */
export function inherit(defaults: Located | undefined, own: LocatedMap): LocatedMap {
  if (defaults?.kind !== 'map') return own
  let base = defaults
  if (own.entries.has('transform') && !own.entries.has('source'))
    base = without(without(base, 'source'), 'on')
  if (own.entries.has('source') && !own.entries.has('transform')) base = without(base, 'transform')
  base = fittingSchedule(base, own)
  const merged = mergeLocated(base, own)
  const format = locate(merged, ['source', 'format'])
  const isCsv = format?.kind === 'scalar' && format.value === 'csv'
  const source = child(base, 'source')
  if (isCsv || source?.kind !== 'map' || !source.entries.has('csv')) return merged
  return mergeLocated(replace(base, 'source', without(source, 'csv')), own)
}

/** A `cron` of its own stands in the place of a `rate` of `defaults`, and a `rate` in that of a `cron` and its time zone. */
function fittingSchedule(base: LocatedMap, own: LocatedMap): LocatedMap {
  const [inherited, given] = [child(base, 'schedule'), child(own, 'schedule')]
  if (inherited?.kind !== 'map' || given?.kind !== 'map') return base
  let fitting = inherited
  if (given.entries.has('cron')) fitting = without(fitting, 'rate')
  if (given.entries.has('rate')) fitting = without(without(fitting, 'cron'), 'time_zone')
  return replace(base, 'schedule', fitting)
}

function replace(map: LocatedMap, key: string, value: LocatedMap): LocatedMap {
  const entry = map.entries.get(key)!
  return { ...map, entries: new Map(map.entries).set(key, { ...entry, value }) }
}
