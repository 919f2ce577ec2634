import { join } from 'node:path'
import { openEnginePool } from '../core/engine/engine.ts'
import { TerminalError } from '../core/errors.ts'
import type { Ports } from '../core/ports.ts'
import { parseEnvironment } from '../core/runs/environments.ts'
import { openDynamoStore } from '../core/stores/dynamodb-state-store.ts'
import type { ObjectStore } from '../core/stores/object-store.ts'
import { newS3Client, openS3Store } from '../core/stores/s3-object-store.ts'

export type Environment = Readonly<Record<string, string | undefined>>

let ports: Ports | undefined

/**
 * The ports of a handler that nobody gave any: built once per process, from the function's environment.
 *
 * | variable | holds |
 * |---|---|
 * | `SLUICE_LAKE`, `SLUICE_EVIDENCE` | `s3://bucket` or `s3://bucket/prefix` |
 * | `SLUICE_STATE_TABLE`, `SLUICE_CATALOG_TABLE` | names of the DynamoDB tables |
 * | `SLUICE_SCRATCH` | a folder for files at work, `/tmp` on Lambda |
 * | `SLUICE_CHILD_TYPE` | `STANDARD` or `EXPRESS`: how dataflows are executed, for what a run costs |
 * | `SLUICE_SHARD_BYTES` | bytes of plain text that one call of gate 3 has the disk for; absent: no sharding unless asked |
 * | `SLUICE_ENVIRONMENT` | `development`, `test`, `staging` or `production`, which is what an absent one means |
 * | `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` | set by Lambda, MiB; the engine gets what the process leaves of it |
 *
 * Region, credentials and endpoints are the SDK's own variables.
 */
export function portsFromEnvironment(env: Environment = process.env): Ports {
  ports ??= buildPorts(env)
  return ports
}

/** MiB of a data gate's memory that are not the engine's: Node, the binding, buffers of the SDK. */
const processMemory = 500

/** MiB; below this DuckDB cannot write a row group. */
const leastEngineMemory = 256

export function buildPorts(env: Environment): Ports {
  const client = newS3Client()
  const memory = Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 2048)
  return {
    lake: openBucket(required(env, 'SLUICE_LAKE'), client),
    evidence: openBucket(required(env, 'SLUICE_EVIDENCE'), client),
    ...openDynamoStore({
      stateTable: required(env, 'SLUICE_STATE_TABLE'),
      catalogTable: required(env, 'SLUICE_CATALOG_TABLE'),
    }),
    engines: openEnginePool({
      directory: join(required(env, 'SLUICE_SCRATCH'), 'sluice'),
      size: 1,
      memoryLimitMb: Math.max(leastEngineMemory, memory - processMemory),
    }),
    openSource: (path) => openBucket(path, client),
    ...shardBytes(env),
    environment: parseEnvironment(env.SLUICE_ENVIRONMENT, 'production'),
    clock: () => new Date(),
    // One function instance is one worker. Whether another one lives cannot be seen from here: leases expire.
    worker: {
      id: `${env.AWS_LAMBDA_FUNCTION_NAME ?? 'function'}/${env.AWS_LAMBDA_LOG_STREAM_NAME ?? process.pid}`,
      isGone: () => false,
    },
    report: (line) => console.info(line),
    deployment: {
      region: env.AWS_REGION ?? 'unknown',
      architecture: process.arch === 'arm64' ? 'arm64' : 'x64',
      child_type: env.SLUICE_CHILD_TYPE === 'EXPRESS' ? 'EXPRESS' : 'STANDARD',
      memory_mb: memory,
    },
  }
}

function shardBytes({ SLUICE_SHARD_BYTES: text }: Environment): Pick<Ports, 'shardBytes'> {
  if (text === undefined || text === '') return {}
  if (/^[1-9]\d{0,14}$/.test(text)) return { shardBytes: Number(text) }
  throw new TerminalError({
    code: 'ENVIRONMENT_INVALID',
    fact: `the environment variable SLUICE_SHARD_BYTES is ${JSON.stringify(text)}, not a whole number of bytes`,
    consequence: 'Nothing was read or written',
    next: 'Deploy the stack, which sets it, or correct it',
  })
}

export function openBucket(uri: string, client = newS3Client()): ObjectStore {
  const match = /^s3:\/\/([^/]+)(?:\/(.*?))?\/*$/.exec(uri)
  if (match !== null) return openS3Store({ bucket: match[1] as string, prefix: match[2] ?? '', client })
  throw new TerminalError({
    code: 'STORE_URI_INVALID',
    fact: `${JSON.stringify(uri)} is not an S3 location`,
    consequence: 'Nothing was read or written',
    next: 'On AWS, connections of type files need a path s3://bucket/prefix; a directory is for embedded runs',
  })
}

export function required(env: Environment, name: string): string {
  const value = env[name]
  if (value !== undefined && value !== '') return value
  throw new TerminalError({
    code: 'ENVIRONMENT_INCOMPLETE',
    fact: `the environment variable ${name} is not set, and the handler was given no ports`,
    consequence: 'Nothing was read or written',
    next: 'Deploy the stack, which sets it, or run the project embedded (sluice run)',
  })
}
