import type { Ports } from '../core/ports.ts'
import { openDynamoStore } from '../core/stores/dynamodb-state-store.ts'
import { newS3Client, openS3Store } from '../core/stores/s3-object-store.ts'
import type { Stack } from './stack.ts'

/** What of a stack a client may touch: its records and tables, under the caller's own permissions. */
export type StackPorts = Pick<Ports, 'lake' | 'evidence' | 'state' | 'catalog' | 'clock'>

export function openStackPorts(stack: Stack): StackPorts {
  const client = newS3Client()
  return {
    lake: openS3Store({ bucket: stack.LakeBucket, prefix: '', client }),
    evidence: openS3Store({ bucket: stack.EvidenceBucket, prefix: '', client }),
    ...openDynamoStore({ stateTable: stack.StateTable, catalogTable: stack.CatalogTable }),
    clock: () => new Date(),
  }
}
