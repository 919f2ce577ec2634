import { Duration, RemovalPolicy, Size } from 'aws-cdk-lib'
import type { ITableV2 } from 'aws-cdk-lib/aws-dynamodb'
import type { IRole } from 'aws-cdk-lib/aws-iam'
import {
  Architecture,
  Code,
  Function as LambdaFunction,
  LayerVersion,
  LoggingFormat,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { defaultMemory } from '../core/cost/handler-memory.ts'
import { bundleHandlers, type HandlerBundle } from './bundle.ts'
import { duckdbLayer } from './duckdb-layer.ts'
import { handlerRole } from './handler-role.ts'
import { byHandler, type HandlerName, handlerFile, handlerId, handlerNames } from './handlers.ts'
import { permissions } from './permissions.ts'
import type { SluiceStackProps } from './props.ts'

export interface Stores {
  readonly lake: IBucket
  readonly evidence: IBucket
  readonly state: ITableV2
  readonly catalog: ITableV2
}

export interface GateFunctionsProps
  extends Pick<
    SluiceStackProps,
    | 'architecture'
    | 'cacheDirectory'
    | 'childType'
    | 'encryptionKey'
    | 'environment'
    | 'layerDirectory'
    | 'logRetention'
    | 'memory'
    | 'sources'
  > {
  readonly stores: Stores
  /** Seconds. */
  readonly gateTimeout: number
}

/** Seconds for the four handlers that are no gates; they read and write items and small files only. */
const controlTimeout = 300
const controlHandlers: readonly HandlerName[] = ['Plan', 'Admit', 'Settle', 'Seal']

/** MiB of /tmp where DuckDB works: inputs, spilled data and outputs lie there together. */
const scratchSize = 10_240

/**
 * Bytes of plain text that one call of gate 3 takes: what it makes of them, a quarter again, and what it sets aside
 * have to lie on the same disk; and it must end in time (10 MB/s is what a function does at its worst).
 */
function shardBytes(gateTimeout: number): number {
  return Math.min(7_000_000_000, gateTimeout * 10_000_000)
}

/**
 * One function per handler, each with a role and a log group of its own. Functions that have SQL run (their
 * imports say so) get DuckDB from a layer, and the disk that it needs; the others never see either.
 */
export class GateFunctions extends Construct {
  readonly functions: Readonly<Record<HandlerName, LambdaFunction>>
  readonly roles: Readonly<Record<HandlerName, IRole>>
  readonly bundles: Readonly<Record<HandlerName, HandlerBundle>>
  readonly logGroups: Readonly<Record<HandlerName, LogGroup>>

  constructor(scope: Construct, id: string, props: GateFunctionsProps) {
    super(scope, id)
    const cache = props.cacheDirectory ?? '.cache/sluice'
    const architecture = props.architecture ?? 'arm64'
    this.bundles = bundleHandlers(cache)
    const layer = new LayerVersion(this, 'Duckdb', {
      code: Code.fromAsset(props.layerDirectory ?? duckdbLayer(architecture, cache)),
      compatibleArchitectures: [architectureOf(architecture)],
      compatibleRuntimes: [Runtime.NODEJS_24_X],
      // The versions that running executions call still refer to it after the next deployment.
      removalPolicy: RemovalPolicy.RETAIN,
      description: 'DuckDB for the gates that run SQL',
    })
    this.logGroups = byHandler((name) => this.logGroup(name, props))
    this.roles = byHandler((name) => handlerRole(this, name, { ...props, logGroup: this.logGroups[name] }))
    this.functions = byHandler((name) => this.handler(name, props, architecture, layer))
  }

  private logGroup(name: HandlerName, props: GateFunctionsProps): LogGroup {
    return new LogGroup(this, `${name}Log`, {
      retention: props.logRetention ?? RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(props.encryptionKey === undefined ? {} : { encryptionKey: props.encryptionKey }),
    })
  }

  /** ARNs of the roles that write to the lake or delete in it. */
  lakeWriters(): string[] {
    return handlerNames
      .filter((name) => permissions[name].some(({ on, actions }) => on === 'lake' && actions.some(isWrite)))
      .map((name) => this.roles[name].roleArn)
  }

  private handler(
    name: HandlerName,
    props: GateFunctionsProps,
    architecture: 'arm64' | 'x64',
    layer: LayerVersion,
  ): LambdaFunction {
    const { directory, needsEngine } = this.bundles[name]
    const timeout = controlHandlers.includes(name) ? controlTimeout : props.gateTimeout
    const logGroup = this.logGroups[name]
    return new LambdaFunction(this, name, {
      description: `Sluice: ${handlerFile(name)}`,
      runtime: Runtime.NODEJS_24_X,
      architecture: architectureOf(architecture),
      code: Code.fromAsset(directory),
      handler: 'index.handler',
      memorySize: props.memory?.[name] ?? defaultMemory[handlerId(name)],
      timeout: Duration.seconds(timeout),
      tracing: Tracing.ACTIVE,
      logGroup,
      loggingFormat: LoggingFormat.JSON,
      role: this.roles[name],
      environment: environmentOf(props),
      ...(props.encryptionKey === undefined ? {} : { environmentEncryption: props.encryptionKey }),
      ...(needsEngine ? { layers: [layer], ephemeralStorageSize: Size.mebibytes(scratchSize) } : {}),
      currentVersionOptions: { removalPolicy: RemovalPolicy.RETAIN },
    })
  }
}

function isWrite(action: string): boolean {
  return action === 's3:PutObject' || action === 's3:DeleteObject'
}

/** What `lambdas/environment.ts` makes the ports of. */
function environmentOf({
  stores,
  childType,
  environment,
  gateTimeout,
}: GateFunctionsProps): Record<string, string> {
  const { lake, evidence, state, catalog } = stores
  return {
    SLUICE_LAKE: `s3://${lake.bucketName}`,
    SLUICE_EVIDENCE: `s3://${evidence.bucketName}`,
    SLUICE_STATE_TABLE: state.tableName,
    SLUICE_CATALOG_TABLE: catalog.tableName,
    SLUICE_SCRATCH: '/tmp',
    SLUICE_CHILD_TYPE: childType ?? 'STANDARD',
    SLUICE_ENVIRONMENT: environment ?? 'production',
    SLUICE_SHARD_BYTES: String(shardBytes(gateTimeout)),
  }
}

export function architectureOf(architecture: 'arm64' | 'x64'): Architecture {
  return architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64
}
