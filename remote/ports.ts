import type { Ports, ReadPorts } from '../core/ports.ts'
import { openDynamoStore } from '../core/stores/dynamodb-state-store.ts'
import { readObjects, readState } from '../core/stores/read-only.ts'
import { newS3Client, openS3Store } from '../core/stores/s3-object-store.ts'
import type { Stack } from './stack.ts'

type Parts = 'lake' | 'evidence' | 'state' | 'catalog' | 'clock'

/** What of a stack a client may touch: its records and tables, under the caller's own permissions. */
export type StackPorts = Pick<Ports, Parts>

/** The same, to look at: nothing of the stack can be changed through it, whatever the caller's permissions are. */
export type StackReaders = Pick<ReadPorts, Parts>

export function openStackPorts(stack: Stack): StackPorts {
  const client = newS3Client()
  return {
    lake: openS3Store({ bucket: stack.LakeBucket, prefix: '', client }),
    evidence: openS3Store({ bucket: stack.EvidenceBucket, prefix: '', client }),
    ...openDynamoStore({ stateTable: stack.StateTable, catalogTable: stack.CatalogTable }),
    clock: () => new Date(),
  }
}

export function openStackReaders(stack: Stack): StackReaders {
  const { lake, evidence, state, ...rest } = openStackPorts(stack)
  return { ...rest, lake: readObjects(lake), evidence: readObjects(evidence), state: readState(state) }
}
