import { child, type LocatedMap } from './located.ts'
import type { Draft, Report } from './rules.ts'

/** The rules across what starts a dataflow. `tree` tells what was written from what did not fit its schema. */
export function checkTriggers(draft: Draft, tree: LocatedMap, report: Report): void {
  checkSchedule(draft, tree, report)
  if (draft.on === 'object_created' && !tree.entries.has('source')) {
    const message =
      '`on: object_created` without a `source`: no object’s arrival means anything to a transform'
    report(['on'], message, 'Remove it, and give the dataflow a schedule')
  }
}

const scheduleKeys = ['cron', 'rate', 'time_zone', 'window_minutes']

function checkSchedule({ schedule }: Draft, tree: LocatedMap, report: Report): void {
  const written = child(tree, 'schedule')
  if (written?.kind !== 'map' || schedule === undefined || schedule === 'never') return
  const has = (key: string): boolean => written.entries.has(key)
  if (has('cron') && has('rate')) {
    report(['schedule', 'rate'], '`cron` and `rate` are both given', 'A schedule has one of them: remove one')
    return
  }
  const misspelt = [...written.entries.keys()].some((key) => !scheduleKeys.includes(key))
  if (!has('cron') && !has('rate') && !misspelt) {
    const hint = 'Add cron: 0 6 * * ? *, or rate: 1 hour; schedule: never for none'
    report(['schedule'], 'a schedule needs `cron` or `rate`', hint)
  }
  if (has('rate') && has('time_zone') && schedule.time_zone !== 'UTC') {
    report(
      ['schedule', 'time_zone'],
      '`time_zone` has no meaning with `rate`, which is counted from the deployment',
      'Remove it, or use cron',
    )
  }
}
