import { dataLimit } from './errors.ts'
import { exceeds } from './json.ts'
import type { Assignment } from './model.ts'
import { bindingsOf, type Frame, type Scope } from './runtime.ts'
import { evaluate, type Template } from './template.ts'

/** How a state ended. */
export interface Step {
  readonly output: unknown
  readonly next: string | undefined
  readonly assigned: Readonly<Record<string, unknown>> | undefined
}

/**
 * Evaluates Assign and Output, both with the variables as they were when the state was entered, and holds both to
 * 256 KiB. `fallback` is the output of a state without Output.
 */
export async function finish(
  scope: Scope,
  frame: Frame,
  more: { readonly result?: unknown; readonly errorOutput?: unknown },
  fallback: unknown,
  fields: {
    readonly output: Template | undefined
    readonly assign: Assignment | undefined
    readonly next: string | undefined
  },
): Promise<Step> {
  if (fields.output === undefined && fields.assign === undefined) {
    return { output: fallback, next: fields.next, assigned: undefined }
  }
  const bindings = bindingsOf(scope, frame, more)
  let assigned: Record<string, unknown> | undefined
  if (fields.assign !== undefined) {
    assigned = {}
    for (const [name, template] of fields.assign) {
      const value = evaluate(template, bindings)
      assigned[name] = value instanceof Promise ? await value : value
    }
    if (exceeds(assigned)) throw dataLimit(frame.state.name, true)
  }
  if (fields.output === undefined) {
    return { output: fallback, next: fields.next, assigned }
  }
  const value = evaluate(fields.output, bindings)
  const output = value instanceof Promise ? await value : value
  if (exceeds(output)) throw dataLimit(frame.state.name, true)
  return { output, next: fields.next, assigned }
}

/** Makes a state's assignments visible to what follows in its scope. */
export function assignVariables(scope: Scope, step: Step): void {
  if (step.assigned !== undefined) scope.variables = { ...scope.variables, ...step.assigned }
}
