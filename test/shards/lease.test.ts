import { describe, expect, it } from 'vitest'
import type { HeadItem } from '../../core/runs/items.ts'
import { checkLease, readHead, renewSharedLease, transactFenced } from '../../core/runs/lease.ts'
import { admit } from '../../lambdas/admit.ts'
import { openBare, planned } from '../support/bare-ports.ts'
import { intercepted } from '../support/faulty-ports.ts'

const minutes = (count: number) => count * 60_000

async function admitted() {
  const bare = openBare()
  const { manifest } = await planned(bare.ports, 'only')
  await admit({ run_id: 'only', manifest, dataflow: 'orders', upstream: [] }, bare.ports)
  let renewals = 0
  const ports = intercepted(bare.ports, async (call, perform) => {
    if (call.target.includes('/HEAD')) renewals += 1
    return await perform()
  })
  const head = await readHead(bare.ports, 'crash', 'orders')
  return { bare, ports, head, renewals: () => renewals }
}

const expiry = (head: HeadItem) => head.lease?.expires_at as number

describe('the lease of shards side by side', () => {
  it('is left alone while it is young, and renewed once when it is old, by whoever comes', async () => {
    const { bare, ports, head, renewals } = await admitted()
    bare.advance(minutes(9))
    await renewSharedLease(ports, head)
    expect(renewals()).toBe(0)
    bare.advance(minutes(5))
    for (let shard = 0; shard < 40; shard++) await renewSharedLease(ports, head)
    expect(renewals()).toBe(1)
    const now = await readHead(ports, 'crash', 'orders')
    expect(expiry(now) - expiry(head)).toBe(minutes(14))
    expect(now).toMatchObject({ fence: head.fence, last_commit: head.last_commit })
  })

  it('outlasts any number of short shards', async () => {
    const { bare, ports, head } = await admitted()
    for (let shard = 0; shard < 60; shard++) {
      bare.advance(minutes(2))
      const known = shard % 2 === 0 ? head : await readHead(ports, 'crash', 'orders')
      await renewSharedLease(ports, known)
      const now = bare.ports.clock().getTime()
      expect(expiry(await readHead(ports, 'crash', 'orders'))).toBeGreaterThan(now + minutes(15))
    }
  })

  it('is not brought back by a shard whose attempt has lost it, and its record is refused', async () => {
    const { bare, ports, head } = await admitted()
    const newer = { ...head, fence: head.fence + 1, lease: null }
    await bare.ports.state.transact([{ kind: 'put', item: newer, expect: { fence: head.fence } }])
    bare.advance(minutes(14))
    await renewSharedLease(ports, head)
    expect(await readHead(ports, 'crash', 'orders')).toEqual(newer)
    await expect(transactFenced(ports, [checkLease(head)], 0)).rejects.toMatchObject({ code: 'LEASE_LOST' })
  })
})
