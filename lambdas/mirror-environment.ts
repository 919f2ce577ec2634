import type { MirrorPorts } from '../core/mirror/mirror-table.ts'
import { openDynamoCatalog } from '../core/stores/dynamodb-catalog.ts'
import { newDynamoClient } from '../core/stores/dynamodb-state-store.ts'
import { openGlueMirror } from '../core/stores/glue-mirror-catalog.ts'
import { type Environment, openBucket, required } from './environment.ts'

let ports: MirrorPorts | undefined

/**
 * The mirror's ports, built once per process.
 *
 * | variable | holds |
 * |---|---|
 * | `SLUICE_LAKE` | `s3://bucket` |
 * | `SLUICE_CATALOG_TABLE` | name of the DynamoDB table; it also marks what this mirror has made |
 * | `SLUICE_GLUE_PREFIX` | what the names of Glue's databases begin with, may be empty |
 */
export function mirrorPortsFromEnvironment(env: Environment = process.env): MirrorPorts {
  ports ??= buildMirrorPorts(env)
  return ports
}

export function buildMirrorPorts(env: Environment): MirrorPorts {
  const catalogTable = required(env, 'SLUICE_CATALOG_TABLE')
  return {
    lake: openBucket(required(env, 'SLUICE_LAKE')),
    catalog: openDynamoCatalog({ client: newDynamoClient(), catalogTable }),
    mirror: openGlueMirror({ databasePrefix: env.SLUICE_GLUE_PREFIX ?? '', owner: catalogTable }),
    owner: catalogTable,
    clock: () => new Date(),
    report: (line) => console.info(line),
  }
}
