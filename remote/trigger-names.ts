import { sha256 } from '../core/json.ts'
import type { Trigger } from '../core/planning/triggers.ts'
import type { Stack } from './stack.ts'

/** Longest name of a schedule and of a rule. */
const longest = 64

/**
 * What the names of one project's triggers begin with. The digest tells projects and stacks apart whose names begin
 * alike, so that no project ever takes another one's trigger for its own.
 */
export function triggerPrefix(kind: Trigger['kind'], stack: Pick<Stack, 'name'>, project: string): string {
  // Rules of all stacks share one bus with everybody else's; schedules lie in the stack's own group.
  const family = kind === 'object_created' ? 'sluice-' : ''
  const owner = sha256(`${stack.name}\n${project}`).slice(0, 8)
  const ending = `-${owner}-`
  return family + project.slice(0, longest - family.length - ending.length - idLength) + ending
}

const idLength = 16

export function triggerName(trigger: Trigger, stack: Pick<Stack, 'name'>, project: string): string {
  return triggerPrefix(trigger.kind, stack, project) + trigger.id
}

/** A name that only begins alike is another project's. */
export function isTriggerName(name: string, prefix: string): boolean {
  return name.startsWith(prefix) && /^[0-9a-f]{16}$/.test(name.slice(prefix.length))
}
