import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { openEnginePool } from '../engine/engine.ts'
import { quoteLiteral } from '../engine/sql.ts'
import { type ScalarType, typeText } from './column-types.ts'
import { accepted, oracle, refused, spellings, types } from './grammar.suite.ts'
import { acceptsText, textVerdict, typedText } from './grammar.ts'

const directory = mkdtempSync(join(tmpdir(), 'grammar-'))
const pool = openEnginePool({ directory, size: 1, threads: 1 })
afterAll(async () => {
  await pool.close()
  rmSync(directory, { recursive: true })
})

/** The engine's verdict on each text. */
async function sqlVerdicts(type: ScalarType, texts: readonly string[]): Promise<(boolean | null)[]> {
  return await pool.use(async (engine) => {
    const verdict = textVerdict(type, 'raw', 'typed') ?? 'true'
    const rows = await engine.rows<{ ok: boolean | null }>(
      `SELECT ${verdict} AS ok FROM (SELECT raw, ${typedText(type, 'raw')} AS typed, i FROM
         (SELECT unnest([${texts.map(quoteLiteral).join(', ')}]) AS raw, generate_subscripts([${texts.map((_, i) => i).join(', ')}], 1) AS i)) ORDER BY i`,
    )
    return rows.map((row) => row.ok)
  })
}

/** Texts on which two judges differ, to be read in a failure. */
function disagreements(texts: readonly string[], a: readonly unknown[], b: readonly unknown[]) {
  return texts.flatMap((text, i) => (a[i] === b[i] ? [] : [[text, a[i], b[i]]]))
}

test('the table has enough spellings', () => {
  const count = [...Object.values(accepted), ...Object.values(refused)].reduce(
    (n, list) => n + list.length,
    0,
  )
  expect(count).toBeGreaterThanOrEqual(150)
})

describe.each(types)('$type $precision $scale', (type) => {
  const name = typeText(type)

  test('accepts and refuses what the table says, in JavaScript and in SQL', async () => {
    const [good, bad] = [accepted[name] ?? [], refused[name] ?? []]
    const texts = [...good, ...bad]
    const wanted = texts.map((_, i) => i < good.length)
    expect(
      disagreements(
        texts,
        texts.map((text) => acceptsText(type, text)),
        wanted,
      ),
    ).toEqual([])
    if (texts.length > 0) expect(disagreements(texts, await sqlVerdicts(type, texts), wanted)).toEqual([])
  })

  test('SQL, JavaScript and an independent reader agree on every spelling of every type', async () => {
    const wanted = spellings.map((text) => oracle(type, text))
    expect(
      disagreements(
        spellings,
        spellings.map((text) => acceptsText(type, text)),
        wanted,
      ),
    ).toEqual([])
    expect(disagreements(spellings, await sqlVerdicts(type, spellings), wanted)).toEqual([])
  })

  test('they agree on thousands of mutated spellings', async () => {
    const alphabet = [...'0123456789+-.eE_xX :TZtrufalsnd{}[]"\\/,', '\t', '\n', ' ', '²', '٣', '\0', '5']
    const mutation = fc.record({ at: fc.nat(), kind: fc.nat(2), character: fc.constantFrom(...alphabet) })
    const text = fc
      .tuple(fc.constantFrom(...spellings), fc.array(mutation, { minLength: 1, maxLength: 3 }))
      .map(([start, mutations]) =>
        mutations.reduce((s, { at, kind, character }) => {
          const p = at % (s.length + 1)
          return s.slice(0, p) + (kind === 2 ? '' : character) + s.slice(p + (kind === 0 ? 0 : 1))
        }, start),
      )
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1000, maxLength: 1000 }), async (texts) => {
        const wanted = texts.map((t) => oracle(type, t))
        expect(
          disagreements(
            texts,
            texts.map((t) => acceptsText(type, t)),
            wanted,
          ),
        ).toEqual([])
        expect(disagreements(texts, await sqlVerdicts(type, texts), wanted)).toEqual([])
      }),
      // Shrinking a thousand texts takes minutes and says no more than the list of disagreements.
      { numRuns: 3, endOnFailure: true },
    )
  })

  test('NULL is a value of every type', async () => {
    const verdict = textVerdict(type, 'raw', 'typed') ?? 'true'
    const rows = await pool.use((engine) =>
      engine.rows(
        `SELECT ${verdict} AS ok FROM (SELECT raw, ${typedText(type, 'raw')} AS typed FROM (SELECT CAST(NULL AS VARCHAR) AS raw))`,
      ),
    )
    expect(rows).toEqual([{ ok: true }])
  })
})

/** Words that only the engine's parser takes, in strings and bare: most of a text never gets to the costly look at it. */
test('JSON is judged alike however much of it looks like what no JSON has', async () => {
  const words = ['nan', 'NaN', 'inf', 'Infinity', '-inf', ',]', ', }', 'info', '1', '\\"', '\\\\', ' ', 'é']
  const string = fc.array(fc.constantFrom(...words), { maxLength: 4 }).map((parts) => `"${parts.join('')}"`)
  const scalar = fc.oneof(
    { weight: 4, arbitrary: string },
    fc.constantFrom('1', 'null', 'nan', '-Infinity', 'INF', ''),
  )
  const space = fc.constantFrom('', '', ' ', '\n\t')
  const list = fc
    .tuple(space, fc.array(scalar, { maxLength: 4 }), space)
    .map(([a, items, b]) => `[${items.join(`${a},`)}${b}]`)
  const object = fc
    .tuple(string, fc.oneof(scalar, list), space)
    .map(([key, value, end]) => `{${key}:${value}${end}}`)
  const texts = fc.sample(fc.oneof(scalar, list, object), 5000)
  const wanted = texts.map((text) => acceptsText({ type: 'json' }, text))
  expect(new Set(wanted).size).toBe(2)
  expect(disagreements(texts, await sqlVerdicts({ type: 'json' }, texts), wanted)).toEqual([])
})
