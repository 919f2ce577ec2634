import { StatesError } from './errors.ts'
import { isObject, type JsonObject } from './json.ts'
import type { ResultWriter } from './model.ts'
import type { ObjectService } from './objects.ts'
import type { ExecutionOutcome } from './runtime.ts'

/** How one child execution of a Map Run ended. */
export interface ChildResult {
  readonly id: string
  readonly name: string
  readonly input: unknown
  readonly outcome: ExecutionOutcome
  /** ISO 8601. */
  readonly startDate: string
  readonly stopDate: string
}

/** The child with its metadata, as Step Functions writes it. */
function record(child: ChildResult, machineId: string): JsonObject {
  const { outcome } = child
  return {
    ExecutionArn: child.id,
    Input: JSON.stringify(child.input),
    InputDetails: { Included: true },
    Name: child.name,
    ...(outcome.status === 'SUCCEEDED'
      ? { Output: JSON.stringify(outcome.output), OutputDetails: { Included: true } }
      : {}),
    ...(outcome.error === undefined ? {} : { Error: outcome.error }),
    ...(outcome.cause === undefined ? {} : { Cause: outcome.cause }),
    RedriveCount: 0,
    RedriveStatus: 'NOT_REDRIVABLE',
    StartDate: child.startDate,
    StateMachineArn: machineId,
    Status: outcome.status,
    StopDate: child.stopDate,
  }
}

/** The results in the order of the items. A failed child is always written with its metadata. */
export function transformResults(
  children: readonly ChildResult[],
  transformation: ResultWriter['transformation'],
  machineId: string,
): unknown[] {
  const results: unknown[] = []
  for (const child of children) {
    if (child.outcome.status !== 'SUCCEEDED' || transformation === 'NONE')
      results.push(record(child, machineId))
    else if (transformation === 'FLATTEN' && Array.isArray(child.outcome.output)) {
      for (const item of child.outcome.output) results.push(item)
    } else results.push(child.outcome.output)
  }
  return results
}

/**
 * Writes `SUCCEEDED_0`, `FAILED_0` and `manifest.json` under `<prefix>/<run>/` and gives the state's result. Throws
 * `States.ResultWriterFailed`.
 */
export async function writeResults(
  objects: ObjectService,
  writer: ResultWriter,
  args: unknown,
  children: readonly ChildResult[],
  ids: { readonly mapRunId: string; readonly runKey: string; readonly machineId: string },
): Promise<unknown> {
  const failed = (cause: string) => new StatesError({ error: 'States.ResultWriterFailed', cause })
  const { Bucket: bucket, Prefix: prefix = '', ...others } = isObject(args) ? args : ({} as JsonObject)
  if (typeof bucket !== 'string' || typeof prefix !== 'string' || Object.keys(others).length > 0) {
    throw failed("the ResultWriter's Arguments must be Bucket and, if wanted, Prefix, both strings")
  }
  const folder = `${prefix.replace(/\/+$/, '')}/${ids.runKey}`.replace(/^\//, '')
  const extension = writer.outputType === 'JSONL' ? 'jsonl' : 'json'
  const files: Record<string, { Key: string; Size: number }[]> = { FAILED: [], PENDING: [], SUCCEEDED: [] }
  try {
    for (const status of ['SUCCEEDED', 'FAILED'] as const) {
      const part = children.filter((c) => (c.outcome.status === 'SUCCEEDED') === (status === 'SUCCEEDED'))
      if (part.length === 0) continue
      const results = transformResults(part, writer.transformation, ids.machineId)
      const body =
        writer.outputType === 'JSONL'
          ? results.map((result) => `${JSON.stringify(result)}\n`).join('')
          : JSON.stringify(results)
      const key = `${folder}/${status}_0.${extension}`
      await objects.putObject(bucket, key, body)
      files[status]?.push({ Key: key, Size: Buffer.byteLength(body) })
    }
    const manifest = { DestinationBucket: bucket, MapRunArn: ids.mapRunId, ResultFiles: files }
    const key = `${folder}/manifest.json`
    await objects.putObject(bucket, key, JSON.stringify(manifest))
    return { MapRunArn: ids.mapRunId, ResultWriterDetails: { Bucket: bucket, Key: key } }
  } catch (error) {
    throw failed(error instanceof Error ? error.message : String(error))
  }
}
