import { describe, expect, it } from 'vitest'
import type { Dataflow, RenderedManifest } from '../core/manifest/types.ts'
import { checkReadable } from './readable-sources.ts'

const manifestOf = (connection: string, path: string, is_active = true) =>
  ({
    project: 'shop',
    connections: { landing: { type: 'files', path: connection }, warehouse: { type: 'lake' } },
    dataflows: [
      { name: 'orders', is_active, source: { connection: 'landing', path } } as unknown as Dataflow,
    ],
  }) as unknown as RenderedManifest

const check = (locations: readonly string[], connection: string, path: string) => {
  const stack = { name: 'Sluice', Sources: JSON.stringify(locations) }
  try {
    checkReadable(stack, manifestOf(connection, path))
    return 'readable'
  } catch (error) {
    return (error as Error).message
  }
}

describe('checkReadable', () => {
  it.each([
    [['landing/'], 's3://landing', 'orders-*.csv'],
    [['landing/'], 's3://landing/in/', 'orders.csv'],
    [['other/', 'landing/in/'], 's3://landing/in', '2026/*.csv'],
    [['landing/in/2026'], 's3://landing/in', '2026-*.csv'],
    [['landing/in/orders.csv'], 's3://landing/in', 'orders.csv'],
  ])('lets through what lies below a location: %j %s %s', (locations, connection, path) => {
    expect(check(locations, connection, path)).toBe('readable')
  })

  it.each([
    [[], 's3://landing', 'orders.csv'],
    [['landing2/'], 's3://landing', 'orders.csv'],
    [['landing/in/'], 's3://landing', '*.csv'],
    [['landing/in/'], 's3://landing/in2', 'orders.csv'],
    [['landing/in/2026/'], 's3://landing/in', '202*/orders.csv'],
  ])('refuses what may lie elsewhere: %j %s %s', (locations, connection, path) => {
    expect(check(locations, connection, path)).toContain('orders (s3://landing')
  })

  it('says what there is and which command lets it through', () => {
    const said = check(['archive/2026/'], 's3://landing/in', 'orders-*.csv')
    expect(said).toContain('it may read s3://archive/2026/*.')
    expect(said).toContain('npx cdk deploy -c sluice:sources=archive/2026,landing/in')
  })

  it('asks nothing of dataflows that no run selects', () => {
    const stack = { name: 'Sluice', Sources: '[]' }
    expect(() => checkReadable(stack, manifestOf('s3://landing', 'a.csv', false))).not.toThrow()
  })
})
