import { symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadManifest } from './load.ts'
import { load, problemsOf, projectOf } from './test-project.suite.ts'

const head = `version: 1
project: flights
connections:
  landing: { type: files, path: ./landing/ }
  lake: { type: lake }
`
const raw = `  - name: raw
    source: { connection: landing, path: '*.csv', format: csv }
    sink: { connection: lake, table: bronze.raw, load_type: append }
`
const small = `${head}dataflows:\n${raw}`

describe('loadManifest', () => {
  test('fills every default in, and nothing that was not asked for', async () => {
    const { manifest } = await load({ 'sluice.yaml': small })
    expect(manifest).toEqual({
      version: 1,
      project: 'flights',
      connections: { landing: { type: 'files', path: './landing' }, lake: { type: 'lake' } },
      dataflows: [
        {
          name: 'raw',
          is_active: true,
          tags: [],
          depends_on: [],
          source: {
            connection: 'landing',
            path: '*.csv',
            format: 'csv',
            compression: 'auto',
            csv: { delimiter: ',', quote: '"', escape: '"', header: true, null_values: [''] },
            watermark_columns: [],
            changed_objects: 'fail',
            allow_missing: false,
          },
          column_names: 'lower',
          contract: {
            enforcement: 'strict',
            columns: {},
            quarantine: { pii_policy: 'reference_only', retention_days: 30 },
          },
          schema_evolution: {
            mode: 'widening',
            columns: 'evolve',
            data_type: 'evolve',
            nullability: 'relax',
            narrowing: 'fail',
            column_order: 'table',
            apply_safe: true,
          },
          sink: { connection: 'lake', table: 'bronze.raw', load_type: 'append' },
        },
      ],
    })
    expect(JSON.parse(JSON.stringify(manifest))).toEqual(manifest)
  })

  test('defaults lie under every dataflow: mappings merge, lists and scalars are replaced, the dataflow wins', async () => {
    const { manifest } = await load({
      'sluice.yaml': `${head}defaults:
  tags: [a, b]
  contract: { enforcement: quarantine, quarantine: { max_rows: 5, max_ratio: 0.5 }, columns: { id: { type: bigint } } }
  source: { connection: landing, csv: { delimiter: ';' } }
  transform: { watermark_columns: [day] }
  sink: { connection: lake, load_type: append }
dataflows:
  - name: one
    tags: []
    source: { path: x.csv, format: csv, csv: { header: false } }
    contract: { quarantine: { max_rows: 1 }, columns: { id: { nullable: false }, b: { type: string } } }
    sink: { table: t.one }
  - name: two
    source: { path: x.parquet, format: parquet }
    sink: { table: t.two }
  - name: three
    transform: { sql: "SELECT * FROM {{ ref('t.one') }}" }
    sink: { table: t.three }
`,
    })
    const [one, two, three] = manifest.dataflows
    expect(one?.tags).toEqual([])
    expect(one?.contract).toEqual({
      enforcement: 'quarantine',
      quarantine: { pii_policy: 'reference_only', max_rows: 1, max_ratio: 0.5, retention_days: 30 },
      columns: { id: { type: 'bigint', nullable: false }, b: { type: 'string' } },
    })
    expect(one?.source?.csv).toMatchObject({ delimiter: ';', header: false, quote: '"' })
    expect(two?.tags).toEqual(['a', 'b'])
    expect(two?.source?.csv).toBeUndefined()
    expect(three?.source).toBeUndefined()
    expect(three?.transform?.watermark_columns).toEqual(['day'])
  })

  test('includes come in the order of their paths, each once, and never the main file', async () => {
    const flow = (name: string): string => `dataflows:\n${raw.replaceAll('raw', name)}`
    const { manifest, provenance } = await load({
      'sluice.yaml': `${small}include: ['flows/**/*.yaml', flows/b.yaml, '*.yaml']\n`,
      'flows/b.yaml': flow('b'),
      'flows/a/z.yaml': flow('z'),
      'flows/a.yaml': `connections: { other: { type: files, path: 's3://bucket/x/' } }\n${flow('a')}`,
      'flows/node_modules/no.yaml': flow('no'),
    })
    expect(manifest.dataflows.map(({ name }) => name)).toEqual(['raw', 'a', 'z', 'b'])
    expect(manifest.connections.other).toEqual({ type: 'files', path: 's3://bucket/x' })
    expect(provenance.files.map((file) => file.split('/').slice(-2).join('/'))[1]).toBe('flows/a.yaml')
  })

  test('a file that links lead to a second time counts once', async () => {
    const directory = projectOf({
      'p/sluice.yaml': `${head}include: ['**/*.yaml', '../shared/*.yaml']\n`,
      'shared/flows.yaml': `dataflows:\n${raw}`,
    })
    symlinkSync('..', join(directory, 'p/loop'))
    const { manifest, provenance } = await loadManifest(join(directory, 'p/sluice.yaml'))
    expect(manifest.dataflows).toHaveLength(1)
    expect(provenance.files).toHaveLength(2)
  })

  test('names like constructor and toString are names like others', async () => {
    const text = small
      .replaceAll('raw', 'constructor')
      .replaceAll('landing:', 'toString:')
      .replaceAll('connection: landing', 'connection: toString')
    const { manifest } = await load({
      'sluice.yaml': text.replace(
        'format: csv }',
        'format: csv }\n    contract: { columns: { valueOf: { type: string } } }',
      ),
    })
    expect(manifest.dataflows[0]?.source?.connection).toBe('toString')
    expect(Object.keys(manifest.dataflows[0]?.contract.columns ?? {})).toEqual(['valueOf'])
    expect(
      await problemsOf({ 'sluice.yaml': small.replace('connection: landing', 'connection: hasOwnProperty') }),
    ).toEqual(['sluice.yaml:8:27: there is no connection `hasOwnProperty`. Connections: lake, landing.'])
  })

  test('a byte order mark is no mistake', async () => {
    const { manifest } = await load({ 'sluice.yaml': `\uFEFF${small}` })
    expect(manifest.project).toBe('flights')
  })
})

describe('files that are no manifest', () => {
  test.each<[string, string | Uint8Array, string]>([
    [
      'empty',
      '',
      'sluice.yaml: the file holds nothing. Start with version, project, connections and dataflows, or with `sluice init`.',
    ],
    [
      'UTF-16',
      Buffer.from('\uFEFFversion: 1', 'utf16le'),
      'sluice.yaml:1:1: the file is encoded in UTF-16. Save it as UTF-8.',
    ],
    [
      'Latin-1',
      Buffer.from('version: 1\nproject: caf\xE9\n', 'latin1'),
      'sluice.yaml:2:13: the bytes from here on are not UTF-8. Save the file as UTF-8.',
    ],
    ['NUL', 'version: 1\n\0', 'sluice.yaml:2:1: the character U+0000 has no place in a manifest. Remove it.'],
    ['no dataflow', head, 'sluice.yaml: there is no dataflow. Add one under dataflows.'],
  ])('%s', async (_name, content, problem) => {
    expect(await problemsOf({ 'sluice.yaml': content })).toEqual([problem])
  })

  test('a missing file, a directory and a file of 50 MB', async () => {
    expect(await problemsOf({})).toEqual([
      'sluice.yaml: there is no such file. Check the path, or write a first manifest with `sluice init`.',
    ])
    expect(await problemsOf({ 'sluice.yaml/x': '' })).toEqual([
      'sluice.yaml: this is a directory. Name the manifest file in it: sluice.yaml.',
    ])
    const directory = projectOf({ 'sluice.yaml': small })
    truncateSync(join(directory, 'sluice.yaml'), 50 * 1024 * 1024)
    await expect(loadManifest(join(directory, 'sluice.yaml'))).rejects.toThrow(
      'the file has 50 MB; a manifest file may have 8 MB. Split it and list the parts under include.',
    )
  })

  test('the whole error: code, every problem with its parts, and what did not happen', async () => {
    const file = join(projectOf({ 'sluice.yaml': small.replace('project', 'projcet') }), 'sluice.yaml')
    await expect(loadManifest(file)).rejects.toMatchObject({
      name: 'ManifestError',
      code: 'MANIFEST_INVALID',
      message: `The manifest has 1 problem:
  ${file}:2:1: unknown key \`projcet\`. Did you mean \`project\`?
Nothing was read and nothing was written.`,
      details: {
        problems: [
          {
            file,
            line: 2,
            column: 1,
            path: 'projcet',
            message: 'unknown key `projcet`',
            hint: 'Did you mean `project`?',
          },
        ],
      },
    })
  })
})
