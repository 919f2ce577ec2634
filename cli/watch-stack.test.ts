import { describe, expect, it } from 'vitest'
import type { FlowItem } from '../core/runs/items.ts'
import { createProgress } from './progress.ts'
import type { LiveView } from './progress-live.ts'
import { begun, foldItems } from './watch-stack.ts'

const flow = (dataflow: string, more: Partial<FlowItem> = {}): FlowItem => ({
  pk: 'RUN#r',
  sk: `FLOW#${dataflow}`,
  dataflow,
  status: 'pending',
  attempt: 0,
  tries: 0,
  ...more,
})
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
const running = (attempt: number) => ({ status: 'running', attempt, started_at: at(0) }) as const

function watch(resumes = false) {
  const view: LiveView = {
    progress: createProgress(),
    total: 0,
    done: 0,
    failed: 0,
    failures: [],
    notice: undefined,
  }
  const lines: string[] = []
  const say = (line: string) => void lines.push(line)
  const look = (...flows: FlowItem[]) => {
    if (view.progress.run_id === undefined) begun(view, 'r', flows, resumes, say)
    foldItems(view, flows, say)
  }
  return { view, lines, look }
}

describe('a run that is read from its items', () => {
  it('tells each beginning and each end once, however often it is looked at', () => {
    const { view, lines, look } = watch()
    look(flow('a'), flow('b'))
    look(flow('a', running(1)), flow('b'))
    look(flow('a', running(1)), flow('b'))
    expect([...view.progress.active.keys()]).toEqual(['a'])
    const rows = { read: 3, accepted: 2, quarantined: 1, filtered: 0 }
    const done = flow('a', { ...running(1), status: 'succeeded', finished_at: at(2), rows })
    look(done, flow('b'))
    look(done, flow('b', { status: 'pending', reason: 'stopping', finished_at: at(2) }))
    expect(lines).toEqual([
      'run r started: 2 dataflows',
      'a started',
      'a succeeded after 2.00 s: 3 read, 2 accepted, 1 quarantined',
      'b pending after 0.00 s: stopping',
    ])
    expect(view).toMatchObject({ total: 2, done: 2, failed: 0 })
  })

  it('follows a dataflow that fails and is tried again', () => {
    const { view, lines, look } = watch()
    look(flow('a', running(1)))
    const error = { name: 'SourceError', code: 'SOURCE_MISSING', message: 'It is not there.' }
    look(flow('a', { ...running(1), status: 'failed', finished_at: at(1), gate: 'extract', error }))
    expect(view).toMatchObject({ done: 1, failed: 1 })
    look(flow('a', running(2)))
    expect(view).toMatchObject({ done: 0, failed: 0 })
    look(flow('a', { ...running(2), status: 'succeeded', finished_at: at(9) }))
    expect(lines.slice(1)).toEqual([
      'a started',
      'a failed after 1.00 s: at extract, [SOURCE_MISSING] It is not there.',
      'a started, attempt 2',
      'a succeeded after 9.00 s',
    ])
  })

  it('tells all of a run that has ended before the first look', () => {
    const { lines, look } = watch()
    look(flow('a', { ...running(1), status: 'succeeded', finished_at: at(1) }))
    expect(lines).toEqual(['run r started: 1 dataflow', 'a succeeded after 1.00 s'])
  })

  it('does not tell again what a resumed run had done before', () => {
    const { view, lines, look } = watch(true)
    look(flow('a', { ...running(1), status: 'succeeded', finished_at: at(1) }), flow('b', running(2)))
    expect(lines).toEqual(['run r started: 2 dataflows, 1 of them done before', 'b started, attempt 2'])
    expect(view.done).toBe(1)
  })
})
