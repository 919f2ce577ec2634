import { setTimeout } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { inParallel } from './aws-parallel.ts'

describe('inParallel', () => {
  it('keeps the order, and never more at work than allowed', async () => {
    let atWork = 0
    let most = 0
    const results = await inParallel([5, 1, 4, 2, 3, 0], 3, async (n) => {
      atWork += 1
      most = Math.max(most, atWork)
      await setTimeout(n)
      atWork -= 1
      return n * 2
    })
    expect(results).toEqual([10, 2, 8, 4, 6, 0])
    expect(most).toBe(3)
    expect(await inParallel([], 3, async () => 1)).toEqual([])
  })

  it('throws the first failure when nothing is at work any more, and starts nothing after it', async () => {
    const started: number[] = []
    let aborted = 0
    const run = inParallel([0, 1, 2, 3, 4, 5], 2, async (n, signal) => {
      started.push(n)
      if (n === 1) throw new Error('first')
      await setTimeout(1000, undefined, { signal }).catch(() => {
        aborted += 1
        throw new Error('aborted')
      })
    })
    await expect(run).rejects.toThrow('first')
    expect(started).toEqual([0, 1])
    expect(aborted).toBe(1)
  })
})
