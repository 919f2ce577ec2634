import { expect, test } from 'vitest'
import type { ManifestFile } from './manifest-list.ts'
import { manifestsToMerge } from './manifest-merge.ts'
import { writerProperties } from './properties.ts'

const defaults = writerProperties({})
const manifest = (files: number, parts: Partial<ManifestFile> = {}): ManifestFile => ({
  path: 'file:///m',
  length: 4_000n,
  partitionSpecId: 0,
  content: 'data',
  sequenceNumber: 1n,
  minSequenceNumber: 1n,
  addedSnapshotId: 1n,
  addedFiles: files,
  existingFiles: 0,
  deletedFiles: 0,
  addedRows: 1n,
  existingRows: 0n,
  deletedRows: 0n,
  ...parts,
})
const many = (count: number, files: number, parts?: Partial<ManifestFile>) =>
  Array.from({ length: count }, () => manifest(files, parts))
const sizes = (carried: ManifestFile[]) => manifestsToMerge(carried, 0, defaults).map((group) => group.length)

test('the hundredth small manifest, the new one among them, merges the others', () => {
  expect(sizes(many(98, 1))).toEqual([])
  expect(sizes(many(99, 1))).toEqual([99])
})

test('full, large, foreign and encrypted manifests are left alone and do not count', () => {
  const left = [
    ...many(50, 1_000),
    ...many(50, 1, { length: 9_000_000n }),
    ...many(50, 1, { partitionSpecId: 1 }),
    ...many(50, 1, { content: 'deletes' }),
    ...many(50, 1, { keyMetadata: Buffer.from('k') }),
  ]
  expect(sizes([...left, ...many(98, 1)])).toEqual([])
  expect(sizes([...left, ...many(99, 1)])).toEqual([99])
})

test('groups end at 1,000 files or at the target size; a group of one is no merge', () => {
  expect(sizes(many(99, 100))).toEqual([10, 10, 10, 10, 10, 10, 10, 10, 10, 9])
  expect(sizes(many(99, 1, { length: 4_000_000n }))).toEqual([...Array.from({ length: 49 }, () => 2)])
  expect(sizes(many(99, 600))).toEqual([])
})
