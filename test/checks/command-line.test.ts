import { expect, it } from 'vitest'
import { sluice } from '../../cli/command-line.suite.ts'
import { checkedProject, deliverParts } from './checked-load.ts'

it('run shows the warnings, and evidence every check', async () => {
  const checks =
    '[{ name: enough, severity: warn, row_count: { min: 3 } }, { name: full, max_null_ratio: { column: n, ratio: 0.5 } }]'
  const directory = checkedProject({ checks, max_shard_bytes: undefined })
  deliverParts(directory, 'a', ['k,n\na,1\nb,\n'])
  const run = await sluice(['run', '--run-id', 'one'], { cwd: directory })
  expect(run.code).toBe(0)
  expect(run.stdout).toMatch(/^flow +succeeded +2 +2 +0 +0 .* 1 warning$/m)
  expect(run.stdout).toContain(
    'What the contracts warn of\n  flow: enough (row_count): 2 rows, at least 3 are wanted',
  )
  const { stdout } = await sluice(['evidence', 'one', 'flow'], { cwd: directory })
  expect(stdout).toMatch(/^enough +row_count +failed \(warn\) +2 rows, at least 3 are wanted$/m)
  expect(stdout).toMatch(/^full +max_null_ratio +passed +50 % of the values are NULL, at most 50 % may be$/m)
})
