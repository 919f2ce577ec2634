import type { PhysicalDesign, SafeWindow, SchemaEvolution, Weekday } from '../manifest/types.ts'
import type { DdlPlan } from '../runs/physical-ddl-record.ts'

export interface DdlCircumstances {
  readonly apply: PhysicalDesign['apply']
  readonly window?: SafeWindow
  readonly apply_safe: SchemaEvolution['apply_safe']
  /** Whether a person has approved this very plan and no commit has used that up. */
  readonly approved: boolean
  readonly now: Date
}

export type DdlVerdict =
  | { readonly apply: true; readonly why: string; readonly uses_approval: boolean }
  | { readonly apply: false; readonly code: DdlStop; readonly why: string }

export type DdlStop = 'DDL_BLOCKED' | 'DDL_PLAN_ONLY' | 'DDL_APPROVAL_REQUIRED' | 'DDL_OUTSIDE_WINDOW'

/**
 * Whether the plan may be carried out now. A table that has nothing to change is never held up; a new one has no
 * reader who could be surprised, so no window is waited for.
 */
export function judgeDdl(plan: DdlPlan, given: DdlCircumstances): DdlVerdict {
  const { apply, window, apply_safe, approved, now } = given
  const go = (why: string, uses_approval = false): DdlVerdict => ({ apply: true, why, uses_approval })
  const stop = (code: DdlStop, why: string): DdlVerdict => ({ apply: false, code, why })
  if (plan.action === 'none') return go('the table’s definition does not change')
  const blocked = plan.operations.filter(({ risk }) => risk === 'blocking')
  if (blocked.length > 0) {
    const names = blocked.map(({ statement, blocker }) => `${statement} (${blocker})`).join('; ')
    return stop('DDL_BLOCKED', `cannot be made in the table as it stands: ${names}`)
  }
  if (apply === 'plan_only') return stop('DDL_PLAN_ONLY', 'sink.physical.apply: plan_only makes no change')
  const asks = apply === 'manual_approval' || (!apply_safe && plan.action === 'alter_table')
  if (asks) {
    const key =
      apply === 'manual_approval'
        ? 'sink.physical.apply: manual_approval'
        : 'schema_evolution.apply_safe: false'
    return approved
      ? go(`approved (${key})`, true)
      : stop('DDL_APPROVAL_REQUIRED', `${key} waits for a person’s approval of plan ${plan.digest}`)
  }
  if (apply === 'safe_window' && plan.action === 'alter_table' && window !== undefined) {
    return isWithin(window, now)
      ? go(`within the window ${windowText(window)}`)
      : stop('DDL_OUTSIDE_WINDOW', `the window is ${windowText(window)}`)
  }
  return go('changes of metadata alone')
}

const weekdays: readonly Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** A window over midnight belongs to the day on which it opens. */
export function isWithin(window: SafeWindow, now: Date): boolean {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: window.time_zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(now)
  const part = (type: string) => parts.find((candidate) => candidate.type === type)?.value as string
  const time = `${part('hour')}:${part('minute')}`
  const today = weekdays.indexOf(part('weekday').toLowerCase() as Weekday)
  const opens = (day: number) => window.days.includes(weekdays[(day + 7) % 7] as Weekday)
  if (window.from < window.to) return opens(today) && time >= window.from && time < window.to
  return (opens(today) && time >= window.from) || (opens(today - 1) && time < window.to)
}

function windowText({ days, from, to, time_zone }: SafeWindow): string {
  return `${days.length === 7 ? 'every day' : days.join(', ')} from ${from} to ${to} ${time_zone}`
}
