import { describe, expect, it } from 'vitest'
import { carriedFiles, filesAbout, type SeenFile } from './seen-files.ts'

const file = (n: number, size = 1, source?: string): SeenFile => ({
  key: `quarantine/${n}.parquet`,
  size,
  sha256: '',
  rows: 1,
  expires_at: '2024-06-01T00:00:00.000Z',
  ...(source === undefined ? {} : { objects: [{ source, version: 'v1', rows: 1 }] }),
})
const numbers = (files: readonly SeenFile[]) => files.map(({ key }) => Number(/\d+/.exec(key)?.[0]))
const many = Array.from({ length: 300 }, (_, n) => file(n))
const a = [{ source: 'a', version: 'v1', rows: 1 }]

describe('files that may be seen again', () => {
  it('are carried up to a number, the newest, without those that a newer file stands for', () => {
    const carried = numbers(carriedFiles(many, new Set(['quarantine/1.parquet'])))
    expect(carried).toHaveLength(100)
    expect(carried.slice(0, 3)).toEqual([0, 2, 3])
  })

  it('are fetched only where they may be about the same version of an object', () => {
    const known = [
      file(0, 1, 'a'),
      file(1, 1, 'b'),
      file(2),
      { ...file(3, 1, 'a'), objects: [{ ...a[0]!, version: 'v2' }] },
    ]
    expect(numbers(filesAbout(known, a))).toEqual([0, 2])
    expect(numbers(filesAbout(known, undefined))).toEqual([0, 1, 2, 3])
  })

  it('are fetched up to a number and a size', () => {
    expect(filesAbout(many, a)).toHaveLength(100)
    const mib = 1024 * 1024
    expect(numbers(filesAbout([file(0, 300 * mib), file(1, 300 * mib), file(2, mib)], a))).toEqual([0])
  })
})
