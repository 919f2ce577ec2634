import { optionsInvalid, own, readRunOptions, refuseUnknown } from '../planning/run-options.ts'
import type { RunOptions } from '../planning/types.ts'
import type { ObjectRef } from '../stores/object-ref.ts'
import { runInputKeys } from './run-input-schema.ts'
import { checkRunId } from './runs.ts'

/** What an execution of the workflow is asked to do. */
export interface RunInput {
  /** Default: the name of the execution. */
  readonly run_id?: string
  readonly resume: boolean
  readonly project?: string
  readonly manifest?: ObjectRef
  readonly options: RunOptions
}

/**
 * Reads the input of an execution, whoever starts it: the command line, the console, a schedule or an event.
 * Accepts what `schema/run-input.schema.json` does, and nothing else. Throws `ManifestError`
 * `RUN_OPTIONS_INVALID` with all that is wrong at once, or `RUN_ID_INVALID`.
 */
export function parseRunInput(input: unknown): RunInput {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    throw optionsInvalid([`the input is an object, and this is ${JSON.stringify(input) ?? 'undefined'}`])
  }
  const given = input as Readonly<Record<string, unknown>>
  const problems: string[] = []
  if (own(given, 'dry_run') !== undefined) {
    problems.push('an execution is never a dry run; what it would do is shown by: sluice plan')
  }
  refuseUnknown(given, [...runInputKeys, 'dry_run'], problems)
  const { dry_run: _refused, ...rest } = given
  const options = readRunOptions(rest, problems)
  const wanted = own(given, 'resume')
  const resume = wanted === undefined ? false : wanted
  if (typeof resume !== 'boolean') problems.push(`resume must be true or false, and this is ${shown(resume)}`)
  if (resume === true) problems.push(...problemsOfResume(given))
  const project = own(given, 'project')
  if (project !== undefined && (typeof project !== 'string' || project === '')) {
    problems.push(`project must be the name of a deployed project, and this is ${shown(project)}`)
  }
  const manifest = own(given, 'manifest')
  if (manifest !== undefined && !isObjectRef(manifest)) {
    problems.push(`manifest must be an object with key, size and sha256, and this is ${shown(manifest)}`)
  }
  if (project !== undefined && manifest !== undefined) {
    problems.push('project and manifest both say what is to be run; give one of them')
  }
  if (problems.length > 0) throw optionsInvalid(problems)
  const runId = own(given, 'run_id')
  return {
    ...(runId === undefined ? {} : { run_id: checkRunId(runId) }),
    resume: resume === true,
    ...(project === undefined ? {} : { project: project as string }),
    ...(manifest === undefined ? {} : { manifest: manifest as ObjectRef }),
    options,
  }
}

/** A resumed run goes on under the options and the manifest that it began with; others would be ignored. */
function problemsOfResume(given: Readonly<Record<string, unknown>>): string[] {
  const others = Object.keys(given).filter((key) => key !== 'run_id' && key !== 'resume')
  return [
    ...(Object.hasOwn(given, 'run_id') ? [] : ['resume needs the run_id of the run to go on with']),
    ...(others.length === 0
      ? []
      : [`resume goes on with what the run began with, so ${others.join(', ')} cannot be given`]),
  ]
}

function isObjectRef(value: unknown): value is ObjectRef {
  if (typeof value !== 'object' || value === null) return false
  const { key, size, sha256, ...others } = value as Record<string, unknown>
  return (
    typeof key === 'string' &&
    key.startsWith('manifests/') &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0 &&
    typeof sha256 === 'string' &&
    /^[0-9a-f]{64}$/.test(sha256) &&
    Object.keys(others).length === 0
  )
}

function shown(value: unknown): string {
  return JSON.stringify(value) ?? 'undefined'
}
