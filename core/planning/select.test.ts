import { describe, expect, test } from 'vitest'
import { selectDataflows } from './select.ts'
import { flow } from './test-flows.ts'
import type { Selection } from './types.ts'

const flows = [
  flow('raw', { stage: 'bronze', tags: ['daily', 'pii'] }),
  flow('clean', { stage: 'silver', tags: ['daily'] }),
  flow('old', { stage: 'bronze', is_active: false }),
  flow('report'),
]

function names(selection: Selection): string[] {
  return selectDataflows(flows, selection).dataflows.map(({ name }) => name)
}

function failure(selection: Selection): { code: string; message: string } {
  try {
    names(selection)
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('nothing was refused')
}

describe('selectDataflows', () => {
  test('without selectors every active dataflow', () => {
    const { dataflows, reasons, excluded } = selectDataflows(flows, {})
    expect(dataflows.map(({ name }) => name)).toEqual(['raw', 'clean', 'report'])
    expect([...reasons.values()]).toEqual(['active', 'active', 'active'])
    expect(excluded).toEqual([{ name: 'old', reason: 'is_active is false' }])
  })

  test('selectors are joined by and, their values by or', () => {
    expect(names({ stage: ['bronze', 'silver'] })).toEqual(['raw', 'clean'])
    expect(names({ tags: ['daily'], stage: ['silver'] })).toEqual(['clean'])
    expect(names({ dataflows: ['report', 'raw'] })).toEqual(['raw', 'report'])
  })

  test('what chose a dataflow and what left it out are said', () => {
    const { reasons, excluded } = selectDataflows(flows, { stage: ['bronze'], tags: ['daily', 'pii'] })
    expect([...reasons]).toEqual([['raw', 'stage bronze, tag daily, tag pii']])
    expect(excluded).toEqual([
      { name: 'clean', reason: 'stage silver is not selected' },
      { name: 'old', reason: 'is_active is false' },
      { name: 'report', reason: 'has no stage' },
    ])
    expect(selectDataflows(flows, { dataflows: ['clean'], tags: ['daily'] }).excluded).toContainEqual({
      name: 'raw',
      reason: 'not named',
    })
  })

  test('unknown values fail with what there is', () => {
    expect(failure({ stage: ['bronce', 'gold'], tags: ['x'], dataflows: ['raww'] })).toMatchObject({
      name: 'ManifestError',
      code: 'SELECTOR_UNKNOWN',
      message:
        'there is no stage `bronce` (did you mean `bronze`?); ' +
        'there is no stage `gold` (the manifest has: bronze, silver); ' +
        'there is no dataflow `raww` (did you mean `raw`?); ' +
        'there is no tag `x` (the manifest has: daily, pii). ' +
        'Nothing was planned. Correct the selection; without one every active dataflow runs.',
    })
  })

  test('an empty selector, an inactive name and an empty result fail closed', () => {
    expect(failure({ stage: [] })).toMatchObject({
      code: 'SELECTOR_UNKNOWN',
      message: expect.stringContaining('an empty stage selector selects nothing; leave the option out'),
    })
    expect(failure({ dataflows: ['raw', 'old'] })).toMatchObject({
      code: 'SELECTED_INACTIVE',
      message:
        'old: selected by name, but is_active is false. Nothing was planned. ' +
        'Set is_active: true, or leave the name out.',
    })
    expect(failure({ dataflows: ['report'], stage: ['bronze'] })).toMatchObject({
      code: 'SELECTION_EMPTY',
      message: expect.stringContaining('no dataflow is left to run (raw: not named; clean: not named;'),
    })
    expect(() => selectDataflows([flow('a', { is_active: false })], {})).toThrow('a: is_active is false')
  })
})
