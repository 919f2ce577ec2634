import { expect, test } from 'vitest'
import type { FlowResult } from '../core/runs/result.ts'
import { flowBlocks } from './flow-table.ts'

const rows = (quarantined: number) => ({
  read: 5,
  accepted: 5 - quarantined,
  quarantined,
  filtered: 0,
  deduplicated: 0,
})
const flow = (dataflow: string, more: Partial<FlowResult> = {}): FlowResult => ({
  dataflow,
  status: 'succeeded',
  attempts: 1,
  rows: rows(0),
  ...more,
})

const names = (flows: readonly FlowResult[], all: boolean) =>
  flowBlocks(flows, all).flatMap((block) => (block.kind === 'table' ? block.rows.map((row) => row[0]) : []))

test('few dataflows are all shown, in their order', () => {
  const error = { name: 'E', code: 'C', message: 'no.' }
  const flows = [flow('b'), flow('a', { status: 'failed', gate: 'contract', error })]
  expect(names(flows, false)).toEqual(['b', 'a'])
  expect(flowBlocks(flows, false).at(-1)).toEqual({ kind: 'list', title: 'What failed', items: ['a: no.'] })
})

test('of very many those are shown that need somebody to look, the failed ones first', () => {
  const many = Array.from({ length: 1000 }, (_, i) => flow(`f${i}`, i % 10 === 0 ? { rows: rows(1) } : {}))
  const flows = [
    ...many,
    flow('idle', { status: 'skipped', reason: 'nothing_new' }),
    flow('bad', { status: 'failed' }),
  ]
  const shown = names(flows, false)
  expect(shown).toHaveLength(60)
  expect(shown.slice(0, 3)).toEqual(['bad', 'f0', 'f10'])
  expect(shown).not.toContain('idle')
  expect(flowBlocks(flows, false)).toContainEqual({ kind: 'text', text: '942 more dataflows not shown here' })
  expect(names(flows, true)).toHaveLength(1002)
})
