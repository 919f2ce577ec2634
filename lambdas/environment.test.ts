import { expect, it } from 'vitest'
import { buildPorts } from './environment.ts'

const environment = {
  SLUICE_LAKE: 's3://lake',
  SLUICE_EVIDENCE: 's3://evidence',
  SLUICE_STATE_TABLE: 'state',
  SLUICE_CATALOG_TABLE: 'catalog',
  SLUICE_SCRATCH: '/nowhere',
}

it('knows how much a call may read from the environment, and takes no mistake for no limit', () => {
  expect(buildPorts({ ...environment, SLUICE_SHARD_BYTES: '7000000000' }).shardBytes).toBe(7_000_000_000)
  expect(buildPorts(environment).shardBytes).toBeUndefined()
  for (const wrong of ['7 GB', '0', '-1', '1e9', '1.5']) {
    expect(() => buildPorts({ ...environment, SLUICE_SHARD_BYTES: wrong })).toThrow(/SLUICE_SHARD_BYTES/)
  }
})

it('takes a function that does not say what it is for to be in production', () => {
  expect(buildPorts(environment).environment).toBe('production')
  expect(buildPorts({ ...environment, SLUICE_ENVIRONMENT: 'staging' }).environment).toBe('staging')
  expect(() => buildPorts({ ...environment, SLUICE_ENVIRONMENT: 'prod' })).toThrow(/SLUICE_ENVIRONMENT/)
})
