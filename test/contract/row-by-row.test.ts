import fc from 'fast-check'
import { expect, test } from 'vitest'
import { enforced, keepsVariants, stopsLoad } from '../../core/contract/enforcement.ts'
import { columnsOf, csvInput, openTestPool, scanAll } from '../../core/contract/scan.suite.ts'
import type { ScanColumn } from '../../core/contract/scan.ts'
import { variantName } from '../../core/contract/types.ts'
import type { Engine } from '../../core/engine/engine.ts'
import {
  type CheckedColumn,
  type CheckedContract,
  type CheckedRow,
  type CheckedRule,
  checkRow,
} from './row-checker.ts'

const pool = openTestPool(1)

const severity = fc.constantFrom('error', 'warn' as const)
const some = <T extends object>(shape: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(shape, { requiredKeys: [] })
const column = (base: CheckedColumn, rules: fc.Arbitrary<object>) =>
  fc.record({ rules, nullable: fc.boolean(), severity }).map(({ rules: own, nullable, severity: given }) => {
    const rulesOf = { ...own, ...(nullable ? {} : { nullable: false }) }
    // A severity needs a rule to apply to.
    return { ...base, ...rulesOf, ...(Object.keys(rulesOf).length === 0 ? {} : { severity: given }) }
  })

const columns = fc.record({
  i: column(
    { type: 'integer' },
    some({ min: fc.integer({ min: -5, max: 0 }), max: fc.integer({ min: 1, max: 9 }) }),
  ),
  k: column({ type: 'integer' }, some({ accepted_values: fc.constantFrom([1, 2, 3], [0, null], [null]) })),
  d: column(
    { type: 'decimal', precision: 6, scale: 2 },
    some({ min: fc.constantFrom('0', '0.5'), max: fc.constantFrom('9.99', '100') }),
  ),
  s: column(
    { type: 'string' },
    some({
      min_length: fc.nat(2),
      max_length: fc.integer({ min: 2, max: 4 }),
      pattern: fc.constantFrom('[a-c]*', '.{1,3}', 'a|bb'),
    }),
  ),
  t: column(
    { type: 'date' },
    some({ min: fc.constantFrom('2024-01-01'), max: fc.constantFrom('2024-06-30') }),
  ),
  b: column({ type: 'boolean' }, some({ accepted_values: fc.constantFrom([true], [false, null]) })),
})

type Number3 = bigint | null | undefined
const number = (value: unknown) => value as Number3
const both = (a: Number3, b: Number3, holds: (a: bigint, b: bigint) => boolean) =>
  a == null || b == null ? undefined : holds(a, b)

/** Each expression in SQL and in TypeScript. */
const expressions: readonly Omit<CheckedRule, 'severity'>[] = [
  {
    name: 'ordered',
    expr: 'i <= K',
    columns: ['i', 'k'],
    holds: ({ i, k }) => both(number(i), number(k), (a, b) => a <= b),
  },
  {
    name: 'or_null',
    expr: 'i IS NULL OR d > i',
    columns: ['i', 'd'],
    holds: ({ i, d }) => i === null || both(number(d), number(i), (a, b) => a > b),
  },
  {
    name: 'short_when_true',
    expr: 'CASE WHEN b THEN length(s) < 3 ELSE true END',
    columns: ['s', 'b'],
    holds: ({ s, b }) => b !== true || (s === null ? undefined : [...(s as string)].length < 3),
  },
  {
    name: 'spring',
    expr: '"t" < DATE \'2024-06-01\' -- or so',
    columns: ['t'],
    holds: ({ t }) => (t === null ? undefined : (t as string) < '2024-06-01'),
  },
  {
    name: 'cannot',
    expr: 'CAST(s AS INTEGER) >= 0',
    columns: ['s'],
    holds: ({ s }) => (s === '7' ? true : undefined),
  },
]

const rules = fc
  .subarray([...expressions])
  .chain((chosen) =>
    fc.tuple(...chosen.map((rule) => severity.map((given): CheckedRule => ({ ...rule, severity: given })))),
  )

const contracts = fc.record({
  enforcement: fc.constantFrom('strict', 'quarantine', 'warn', 'coerce' as const),
  conflict_policy: fc.constantFrom('fail', 'quarantine', 'variant_column' as const),
  columns,
  rules,
})

const cell = (...texts: readonly string[]) =>
  fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...texts) }, fc.constant(null))
const row = fc.record({
  i: cell('-9', '-3', '0', '2', '7', '50', '+4', '007', '1.0', ' 3', '1.5', 'x', '2147483648'),
  k: cell('1', '2', '3', '4', '5.', '3\t', 'one', '1 2'),
  d: cell('0', '0.50', '1.5', '9.99', '10.000', '99', '-0.01', '.5', '1.234', '10000', '1,5'),
  s: cell('', 'a', 'ab', 'bb', 'abcd', 'x y', '😀', '😀é', '7', ' '),
  t: cell(
    '2024-01-05',
    '2024-05-31',
    '2024-06-15',
    '2023-12-31',
    '2024/02/29',
    ' 2024-03-01',
    '2024-02-30',
    'soon',
  ),
  b: cell('true', 'FALSE', 'yes', '0', ' no ', 'maybe'),
})
type Row = typeof row extends fc.Arbitrary<infer T> ? T : never

function scanColumns(contract: CheckedContract): ScanColumn[] {
  const own = Object.entries(contract.columns).map(
    ([name, spec]) => [name, enforced(spec, contract)] as const,
  )
  const judged = columnsOf({ n: { type: 'integer' }, ...Object.fromEntries(own) }).map((each) =>
    each.name === 'n' ? withoutContract(each) : each,
  )
  const variants = judged
    .filter((each) => keepsVariants(each.contract, contract))
    .map(
      ({ name }, i): ScanColumn => ({
        source: null,
        name: variantName(name),
        type: { type: 'string' },
        input: 'text',
        field_id: judged.length + i + 1,
        variant_of: name,
      }),
    )
  return [...judged, ...variants]
}

function withoutContract({ contract: _, ...each }: ScanColumn): ScanColumn {
  return each
}

const cellText = (value: string | null) => (value === null ? '' : `"${value.replaceAll('"', '""')}"`)

/** What a scan makes of rows numbered from `from`, told as the checker tells it. */
async function scanned(engine: Engine, contract: CheckedContract, rows: readonly Row[], from: number) {
  const header = ['n', 'i', 'k', 'd', 's', 't', 'b']
  const lines = rows.map((each, n) =>
    [`${from + n}`, ...header.slice(1).map((name) => cellText(each[name as keyof Row]))].join(','),
  )
  const { result, accepted, rejected } = await scanAll(engine, {
    inputs: [
      csvInput(engine, `${[header.join(','), ...lines].join('\n')}\n`, header, { name: `part-${from}.csv` }),
    ],
    columns: scanColumns(contract),
    rules: contract.rules.map(({ name, expr, severity: given }) =>
      enforced({ name, expr, severity: given }, contract),
    ),
    coerce: contract.enforcement === 'coerce',
    pii_policy: 'preserve',
  })
  const reasons = new Map(
    rejected.map((each) => [
      Number(JSON.parse(each.raw!).n),
      each.reasons.map(({ column: of, rule, name }) => name ?? `${of} ${rule}`),
    ]),
  )
  return { result, accepted: new Map(accepted.map((each) => [Number(each.n), each])), reasons }
}

type Scanned = Awaited<ReturnType<typeof scanned>>

const countBy = (lists: readonly (readonly string[])[]) => {
  const counts: Record<string, number> = {}
  for (const name of lists.flat()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** Counts of one scan or of several together, those of zero left out. */
function told(scans: readonly Scanned[]) {
  const sum = (pairs: readonly (readonly [string, number])[]) => {
    const sums: Record<string, number> = {}
    for (const [name, count] of pairs) if (count > 0) sums[name] = (sums[name] ?? 0) + count
    return sums
  }
  const results = scans.map(({ result }) => result)
  const rulesOf = (wanted: string) =>
    sum(
      results.flatMap(({ rules: counted }) =>
        counted
          .filter((each) => each.severity === wanted)
          .map((each) => [each.name ?? `${each.column} ${each.rule}`, each.count] as const),
      ),
    )
  const columnsOfKind = (kind: 'coerced' | 'variants') =>
    sum(results.flatMap((result) => (result[kind] ?? []).map((each) => [each.column, each.count] as const)))
  return {
    errors: rulesOf('error'),
    warnings: rulesOf('warn'),
    warned: results.reduce((n, result) => n + (result.rows_warned ?? 0), 0),
    coerced: columnsOfKind('coerced'),
    variants: columnsOfKind('variants'),
    by_reason: sum(
      results.flatMap(({ rejected }) =>
        (rejected?.by_reason ?? []).map(
          (each) => [each.name ?? `${each.column} ${each.rule}`, each.count] as const,
        ),
      ),
    ),
  }
}

function wanted(checked: readonly CheckedRow[]): ReturnType<typeof told> {
  const loaded = checked.filter(({ rejectedFor }) => rejectedFor.length === 0)
  const errors = countBy(checked.map(({ rejectedFor }) => rejectedFor))
  return {
    errors,
    warnings: countBy(checked.map(({ warnedOf }) => warnedOf)),
    warned: loaded.filter(({ warnedOf }) => warnedOf.length > 0).length,
    coerced: countBy(loaded.map(({ coerced }) => coerced)),
    variants: countBy(loaded.map(({ variants }) => Object.keys(variants))),
    by_reason: errors,
  }
}

test('accepted and rejected rows, reasons and all counts are those of a checker without SQL, in parts as well', async () => {
  const seen = { rejected: 0, warned: 0, coerced: 0, variants: 0, stops: 0 }
  const check = async (contract: CheckedContract, rows: readonly Row[]) => {
    const checked = rows.map((each) => checkRow(contract, each))
    await pool.use(async (engine) => {
      const whole = await scanned(engine, contract, rows, 0)
      for (const [n, { rejectedFor, values, variants }] of checked.entries()) {
        // In the one or in the other, never in both.
        expect([n, whole.accepted.has(n), whole.reasons.get(n)]).toEqual([
          n,
          rejectedFor.length === 0,
          rejectedFor.length === 0 ? undefined : rejectedFor,
        ])
        const stored = whole.accepted.get(n)
        if (stored === undefined) continue
        const nulls = Object.keys(values).filter((name) => stored[name] === null)
        expect([n, nulls]).toEqual([n, Object.keys(values).filter((name) => values[name] === null)])
        const texts = Object.entries(stored).filter(
          ([name, text]) => /__variant$/.test(name) && text !== null,
        )
        expect(Object.fromEntries(texts)).toEqual(
          Object.fromEntries(Object.entries(variants).map(([name, text]) => [variantName(name), text])),
        )
      }
      expect(whole.result.rows_accepted + whole.result.rows_rejected).toBe(rows.length)
      expect(told([whole])).toEqual(wanted(checked))
      const half = Math.ceil(rows.length / 2)
      const parts = [await scanned(engine, contract, rows.slice(0, half), 0)]
      if (half < rows.length) parts.push(await scanned(engine, contract, rows.slice(half), half))
      expect(told(parts)).toEqual(told([whole]))
      const stops = whole.result.rejected?.by_reason.some(({ rule }) => stopsLoad(rule, contract)) === true
      expect(stops).toBe(
        checked.some(({ rejectedFor }) => rejectedFor.some((reason) => stopsAt(contract, reason))),
      )
      seen.stops += stops ? 1 : 0
    })
    for (const { rejectedFor, warnedOf, coerced, variants } of checked) {
      seen.rejected += rejectedFor.length
      seen.warned += warnedOf.length
      seen.coerced += coerced.length
      seen.variants += Object.keys(variants).length
    }
  }
  await fc.assert(fc.asyncProperty(contracts, fc.array(row, { minLength: 1, maxLength: 12 }), check), {
    numRuns: Number(process.env.ROW_CASES ?? 25),
  })
  for (const [what, count] of Object.entries(seen)) expect([what, count > 0]).toEqual([what, true])
}, 120_000)

/** The table of docs/contracts.md, once more. */
function stopsAt({ enforcement, conflict_policy }: CheckedContract, reason: string): boolean {
  if (enforcement === 'quarantine') return false
  return reason.endsWith(' type') ? conflict_policy !== 'quarantine' : true
}
