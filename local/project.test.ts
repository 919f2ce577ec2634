import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ManifestError } from '../core/errors.ts'
import { findProject, loadProject } from './project.ts'

const manifest = `version: 1
project: shop
connections: { landing: { type: files, path: ./landing }, warehouse: { type: lake } }
dataflows:
  - name: orders
    source: { connection: landing, path: "*.csv", format: csv }
    sink: { connection: warehouse, table: bronze.orders, load_type: append }
`
let root: string

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'sluice-project-'))
  for (const name of ['shop', 'empty', 'yml']) mkdirSync(join(root, name))
  writeFileSync(join(root, 'shop', 'sluice.yaml'), manifest)
  writeFileSync(join(root, 'shop', 'other.yaml'), manifest.replace('shop', 'other'))
  writeFileSync(join(root, 'yml', 'sluice.yml'), manifest)
  symlinkSync(join(root, 'shop'), join(root, 'link'))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

test.each([
  ['a directory', 'shop', 'shop', 'sluice.yaml', 'shop'],
  ['its manifest', 'shop/sluice.yaml', 'shop', 'sluice.yaml', 'shop'],
  ['another manifest', 'shop/other.yaml', 'shop', 'other.yaml', 'other'],
  ['a link to a directory', 'link', 'link', 'sluice.yaml', 'shop'],
])('%s names a project', async (_what, path, directory, file, name) => {
  const project = await loadProject(relative(process.cwd(), join(root, path)))
  expect(project.directory).toBe(join(root, directory))
  expect(project.file).toBe(join(root, directory, file))
  expect(project.rendered.project).toBe(name)
  expect(project.provenance.dataflows.has('orders')).toBe(true)
})

test.each([
  ['empty', 'there is no sluice.yaml in'],
  ['yml', 'Rename it to sluice.yaml'],
  ['nowhere', 'there is no '],
])('%s is no project', (path, words) => {
  const find = () => findProject(join(root, path))
  expect(find).toThrow(ManifestError)
  expect(find).toThrow(words)
})

test('parent directories are not searched', () => {
  mkdirSync(join(root, 'shop', 'inner'))
  expect(() => findProject(join(root, 'shop', 'inner'))).toThrow(ManifestError)
})
