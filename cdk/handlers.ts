import type { HandlerId } from '../core/cost/handler-memory.ts'

/**
 * The functions of the stack, by the placeholder that `state-machines/run.asl.json` has for each: `${Extract}`.
 * `lambdas/` has a file of the same name in kebab case.
 */
export const handlerNames = [
  'Plan',
  'Admit',
  'Extract',
  'Lineage',
  'ContractShard',
  'Contract',
  'Evolution',
  'Compatibility',
  'PhysicalDdl',
  'Stage',
  'Finalize',
  'Evidence',
  'AuditCommit',
  'SourceState',
  'Settle',
  'Seal',
] as const

export type HandlerName = (typeof handlerNames)[number]

/** `PhysicalDdl` → `physical-ddl`: the file in `lambdas/` and the directory of the bundle. */
export function handlerFile(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()
}

/** `PhysicalDdl` → `physical_ddl`: its name in gate records and in what a run cost. */
export function handlerId(name: HandlerName): HandlerId {
  return handlerFile(name).replaceAll('-', '_') as HandlerId
}

/** A value for each handler, made from its name. */
export function byHandler<T>(make: (name: HandlerName) => T): Readonly<Record<HandlerName, T>> {
  return Object.fromEntries(handlerNames.map((name) => [name, make(name)])) as Record<HandlerName, T>
}
