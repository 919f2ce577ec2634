import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { typeNames } from '../contract/column-types.ts'
import { manifestJsonSchema, manifestJsonSchemaText } from './json-schema.ts'

interface Node {
  readonly type?: string
  readonly description?: string
  readonly enum?: readonly string[]
  readonly const?: unknown
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: boolean | Node
  readonly items?: Node
  readonly oneOf?: readonly Node[]
  readonly anyOf?: readonly Node[]
}

const root = manifestJsonSchema() as Node

function walk(node: Node, path: string, visit: (node: Node, path: string) => void): void {
  visit(node, path)
  for (const [key, each] of Object.entries(node.properties ?? {})) walk(each, `${path}.${key}`, visit)
  if (typeof node.additionalProperties === 'object') walk(node.additionalProperties, `${path}.*`, visit)
  if (node.items !== undefined) walk(node.items, `${path}[]`, visit)
  for (const each of [...(node.oneOf ?? []), ...(node.anyOf ?? [])]) walk(each, path, visit)
}

describe('schema/sluice.schema.json', () => {
  test('is what the generator gives (node core/manifest/write-json-schema.ts)', () => {
    const file = readFileSync(new URL('../../schema/sluice.schema.json', import.meta.url), 'utf8')
    expect(file).toBe(manifestJsonSchemaText())
  })

  test('no mapping takes an unknown key', () => {
    const open: string[] = []
    walk(root, '', (node, path) => {
      if (node.properties !== undefined && node.additionalProperties !== false) open.push(path)
      if (
        node.type === 'object' &&
        node.properties === undefined &&
        typeof node.additionalProperties !== 'object'
      ) {
        open.push(path)
      }
    })
    expect(open).toEqual([])
  })

  test('every key has a description', () => {
    const silent: string[] = []
    walk(root, '', (node, path) => {
      for (const [key, each] of Object.entries(node.properties ?? {})) {
        if (each.description === undefined) silent.push(`${path}.${key}`)
      }
    })
    expect(silent).toEqual([])
  })

  test('words are offered, and words of other versions are not', () => {
    const words = new Map<string, readonly unknown[]>()
    walk(root, '', (node, path) => {
      if (node.enum !== undefined) words.set(path, node.enum)
    })
    expect(words.get('.dataflows[].contract.enforcement')).toEqual(['strict', 'quarantine', 'warn', 'coerce'])
    expect(words.get('.dataflows[].sink.load_type')).toEqual(['append', 'overwrite'])
    expect(words.get('.dataflows[].contract.columns.*.type')).toEqual(typeNames)
    expect(words.get('.defaults.contract.columns.*.type')).toEqual(typeNames)
    const connection = root.properties?.connections?.additionalProperties as Node | undefined
    expect(connection?.oneOf?.map((kind) => kind.properties?.type?.const)).toEqual(['files', 'lake'])
  })

  test('serves the main file and included files: only a name is demanded of a dataflow', () => {
    expect(root.required).toBeUndefined()
    expect(JSON.parse(manifestJsonSchemaText())).toHaveProperty('then.required', ['version', 'project'])
    expect(root.properties?.dataflows?.items?.required).toEqual(['name'])
    expect(root.properties?.defaults?.properties?.name).toBeUndefined()
  })
})
