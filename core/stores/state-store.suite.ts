import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConditionFailedError, UnknownOutcomeError } from '../errors.ts'
import { compareCodePoints } from './code-point-order.ts'
import { withLostAnswers, withLostRequests } from './lost-answers.suite.ts'
import { applyToModel, emptyModel, itemsOf, tableKey } from './state-model.suite.ts'
import type { Catalog, Expectation, Item, StateStore, TableIdentifier, Write } from './state-store.ts'

/** A fresh, empty store for one test. */
export interface StateStoreSubject {
  readonly state: StateStore
  readonly catalog: Catalog
  /** A further client of the same place, as another process would have; the first stays open. */
  reopen(): Promise<{ readonly state: StateStore; readonly catalog: Catalog }>
  /** Lets the next transaction reach the store and its answer get lost on the way, below the adapter. */
  dropAnswer?(): void
  cleanup(): Promise<void>
}

const table = { namespace: 'bronze', name: 'flights' }

/** What every {@link StateStore} and its {@link Catalog} do, whatever they are made of. */
export function stateStoreSuite(name: string, factory: () => Promise<StateStoreSubject>): void {
  describe(`${name} is a state store`, () => {
    let subject: StateStoreSubject
    let state: StateStore
    let catalog: Catalog
    beforeEach(async () => {
      subject = await factory()
      state = subject.state
      catalog = subject.catalog
    })
    afterEach(async () => await subject.cleanup())

    const put = async (...items: Item[]) =>
      await state.transact(items.map((item): Write => ({ kind: 'put', item })))
    const all = async (pk: string, prefix?: string) => await collect(state.query(pk, prefix))

    describe('items', () => {
      it('come back as they went in', async () => {
        const item = {
          pk: 'DATAFLOW#grüß',
          sk: 'HEAD',
          text: 'zero \u0000, quote ", 😀, \u2028',
          empty: '',
          numbers: [0, -1, 1.5, 0.1, 1e21, 5e-324, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
          flags: [true, false, null],
          nested: { a: { b: [{ c: [] }, {}] }, 'a.b': 1, ünï: 'x' },
        }
        await put(item)
        expect(await state.get(item.pk, item.sk)).toStrictEqual(item)
        expect(await all(item.pk)).toStrictEqual([item])
      })

      it('are undefined where there are none', async () => {
        await put({ pk: 'a', sk: 'b' })
        expect(await state.get('a', 'c')).toBeUndefined()
        expect(await state.get('b', 'b')).toBeUndefined()
        expect(await all('b')).toEqual([])
      })

      it('are replaced whole, and lose members that are undefined', async () => {
        await put({ pk: 'a', sk: 'b', old: 1, both: 1 })
        await put({ pk: 'a', sk: 'b', both: 2, left_out: undefined })
        expect(await state.get('a', 'b')).toStrictEqual({ pk: 'a', sk: 'b', both: 2 })
      })

      it('are deleted, also where there are none', async () => {
        await put({ pk: 'a', sk: 'b' }, { pk: 'a', sk: 'c' })
        await state.transact([
          { kind: 'delete', pk: 'a', sk: 'b' },
          { kind: 'delete', pk: 'x', sk: 'y' },
        ])
        expect(await all('a')).toEqual([{ pk: 'a', sk: 'c' }])
      })

      it('are not shared with the caller', async () => {
        const item = { pk: 'a', sk: 'b', list: [1] }
        await put(item)
        item.list.push(2)
        const first = (await state.get('a', 'b')) as unknown as { list: number[] }
        first.list.push(3)
        expect(await state.get('a', 'b')).toEqual({ pk: 'a', sk: 'b', list: [1] })
      })
    })

    describe('query', () => {
      it('is in code-point order of the sort key and takes the prefix as plain text', async () => {
        const sks = [
          'A',
          'COMMIT#1',
          'COMMIT#10',
          'COMMIT#2',
          'COMMIT',
          'COMMIU',
          'a',
          'Ａ',
          '😀',
          '😀#1',
          '%',
          '_',
          'é',
          '\uffff',
          '\u{10ffff}',
        ]
        await put(...sks.map((sk) => ({ pk: 'p', sk })), { pk: 'p2', sk: 'COMMIT#3' })
        const sorted = [...sks].sort(compareCodePoints)
        expect(sorted.indexOf('Ａ')).toBeLessThan(sorted.indexOf('😀'))
        expect((await all('p')).map((item) => item.sk)).toEqual(sorted)
        for (const prefix of [
          '',
          'C',
          'COMMIT',
          'COMMIT#',
          'COMMIT#1',
          '%',
          '_',
          '😀',
          '\u{10ffff}',
          'zzz',
          'é',
        ]) {
          const expected = sorted.filter((sk) => sk.startsWith(prefix))
          expect((await all('p', prefix)).map((item) => item.sk)).toEqual(expected)
        }
      })

      it('goes through 5,000 items, and can be left early', async () => {
        const items = Array.from({ length: 5000 }, (_, i) => ({
          pk: 'many',
          sk: `I#${i}`,
          body: 'x'.repeat(500),
        }))
        for (let at = 0; at < items.length; at += 100) await put(...items.slice(at, at + 100))
        await put({ pk: 'many', sk: 'H' }, { pk: 'many', sk: 'J' })
        const listed = (await all('many', 'I#')).map((item) => item.sk)
        expect(listed).toEqual(items.map((item) => item.sk).sort(compareCodePoints))
        expect(await all('many')).toHaveLength(5002)
        for await (const item of state.query('many')) {
          expect(item.sk).toBe('H')
          break
        }
      })

      it('lets others write, and itself, while it is under way', async () => {
        for (let at = 0; at < 1200; at += 100) {
          await put(
            ...Array.from({ length: 100 }, (_, i) => ({ pk: 'q', sk: String(at + i).padStart(5, '0') })),
          )
        }
        const other = (await subject.reopen()).state
        let count = 0
        for await (const item of state.query('q')) {
          count += 1
          if (count === 3) await other.transact([{ kind: 'put', item: { pk: 'q', sk: `${item.sk}-new` } }])
          if (count % 400 === 0) await put({ pk: 'seen', sk: item.sk })
        }
        expect(count).toBeGreaterThanOrEqual(1200)
        expect(await all('seen')).toHaveLength(Math.floor(count / 400))
      })
    })

    describe('transact', () => {
      it('does nothing for nothing', async () => {
        await state.transact([])
      })

      it('applies all writes, or none, and names the first that failed', async () => {
        await put({ pk: 'a', sk: '1', v: 1 }, { pk: 'a', sk: '2', v: 2 })
        const failing: Write[] = [
          { kind: 'put', item: { pk: 'a', sk: '3', v: 3 }, expect: 'absent' },
          { kind: 'delete', pk: 'a', sk: '1' },
          { kind: 'pointer', table, base: undefined, next: 's3://b/1.json' },
          { kind: 'put', item: { pk: 'a', sk: '2', v: 9 }, expect: { v: 7 } },
          { kind: 'check', pk: 'a', sk: '4', expect: {} },
        ]
        const error = await failure(state.transact(failing))
        expect(error).toBeInstanceOf(ConditionFailedError)
        expect(error).toMatchObject({ index: 3 })
        expect(await all('a')).toEqual([
          { pk: 'a', sk: '1', v: 1 },
          { pk: 'a', sk: '2', v: 2 },
        ])
        expect(await catalog.load(table)).toBeUndefined()
        expect(await catalog.list()).toEqual([])
        await state.transact(failing.slice(0, 3))
        expect(await all('a')).toEqual([
          { pk: 'a', sk: '2', v: 2 },
          { pk: 'a', sk: '3', v: 3 },
        ])
        expect(await catalog.load(table)).toBe('s3://b/1.json')
      })

      const stored = {
        pk: 'e',
        sk: 'x',
        s: 'text',
        n: 7,
        z: 0,
        f: false,
        t: true,
        nil: null,
        deep: { a: 1 },
        empty: '',
      }
      const cases: readonly (readonly [expect: Expectation, whenStored: boolean, whenAbsent: boolean])[] = [
        ['absent', false, true],
        [{}, true, false],
        [{ s: 'text' }, true, false],
        [{ s: 'Text' }, false, false],
        [{ s: 'text', n: 7, t: true, f: false }, true, false],
        [{ s: 'text', n: 8 }, false, false],
        [{ n: '7' }, false, false],
        [{ n: 7.0000001 }, false, false],
        [{ z: 0 }, true, false],
        [{ z: false }, false, false],
        [{ z: '' }, false, false],
        [{ f: null }, false, false],
        [{ empty: null }, false, false],
        [{ empty: '' }, true, false],
        [{ nil: null }, true, false],
        [{ missing: null }, true, false],
        [{ missing: null, s: null }, false, false],
        [{ missing: 'x' }, false, false],
        [{ deep: 'x' }, false, false],
        [{ deep: null }, false, false],
        [{ toString: null }, true, false],
        [{ 'deep.a': 1 }, false, false],
        [{ pk: 'e', sk: 'x' }, true, false],
      ]
      it.each(cases)(
        'judges the expectation %j: %s where the item is, %s where it is not',
        async (expectation, there, absent) => {
          const other = { pk: 'e', sk: 'y' }
          const kinds: ((sk: string) => Write)[] = [
            (sk) => ({ kind: 'check', pk: 'e', sk, expect: expectation }),
            (sk) => ({ kind: 'put', item: { pk: 'e', sk, put: 1 }, expect: expectation }),
            (sk) => ({ kind: 'delete', pk: 'e', sk, expect: expectation }),
          ]
          for (const make of kinds) {
            for (const [sk, allowed] of [
              ['x', there],
              ['none', absent],
            ] as const) {
              await state.transact([
                { kind: 'put', item: stored },
                { kind: 'delete', pk: 'e', sk: 'none' },
                { kind: 'delete', ...other },
              ])
              const before = await state.get('e', sk)
              const write = make(sk)
              const error = await failure(state.transact([{ kind: 'put', item: other }, write]))
              if (allowed) expect(error).toBeUndefined()
              else {
                expect(error).toBeInstanceOf(ConditionFailedError)
                expect(error).toMatchObject({ index: 1 })
              }
              expect(await state.get('e', 'y')).toEqual(allowed ? other : undefined)
              const after = await state.get('e', sk)
              if (!allowed || write.kind === 'check') expect(after).toStrictEqual(before)
              else expect(after).toEqual(write.kind === 'put' ? write.item : undefined)
            }
          }
        },
      )

      it('refuses two writes to one item or one table', async () => {
        const item = { pk: 'd', sk: '1' }
        const pairs: Write[][] = [
          [
            { kind: 'put', item },
            { kind: 'put', item: { ...item, v: 1 } },
          ],
          [
            { kind: 'check', ...item, expect: 'absent' },
            { kind: 'put', item },
          ],
          [
            { kind: 'delete', ...item },
            { kind: 'put', item },
          ],
          [
            { kind: 'pointer', table, base: undefined, next: 'a' },
            { kind: 'pointer', table: { ...table }, base: 'a', next: 'b' },
          ],
        ]
        for (const pair of pairs) {
          const writes: Write[] = [{ kind: 'put', item: { pk: 'd', sk: 'other' } }, ...pair]
          await expect(state.transact(writes)).rejects.toMatchObject({
            name: 'TerminalError',
            code: 'STATE_WRITE_DUPLICATE',
          })
        }
        expect(await all('d')).toEqual([])
        await put({ pk: 'd#1', sk: '2' }, { pk: 'd', sk: '1#2' }, { pk: 'd', sk: '#12' })
      })

      it('takes 100 writes and refuses 101', async () => {
        const writes = (count: number): Write[] =>
          Array.from({ length: count }, (_, i) => ({ kind: 'put', item: { pk: 'n', sk: `${i}` } }))
        await expect(state.transact(writes(101))).rejects.toMatchObject({
          name: 'TerminalError',
          code: 'STATE_WRITE_TOO_MANY',
        })
        expect(await all('n')).toEqual([])
        await state.transact(writes(100))
        expect(await all('n')).toHaveLength(100)
      })

      const unstorable: readonly (readonly [string, unknown])[] = [
        ['NaN', Number.NaN],
        ['Infinity', Number.POSITIVE_INFINITY],
        ['a Date', new Date(0)],
        ['a Map', new Map()],
        ['a bigint', 1n],
        ['a function', () => 1],
        ['undefined in an array', [undefined]],
        ['a lone surrogate', '\ud800'],
        ['a lone surrogate in a name', { '\ud800': 1 }],
        ['something deep', { a: [{ b: Number.NaN }] }],
      ]
      it.each(unstorable)('refuses a value that would not come back: %s', async (_, value) => {
        await expect(put({ pk: 'u', sk: 'ok' }, { pk: 'u', sk: 'v', value })).rejects.toMatchObject({
          name: 'TerminalError',
          code: 'STATE_WRITE_INVALID',
        })
        expect(await all('u')).toEqual([])
      })

      it('refuses what is too large for one item or one transaction', async () => {
        const large = { name: 'TerminalError', code: 'STATE_WRITE_TOO_LARGE' }
        const body = 'x'.repeat(250 * 1024)
        await expect(put({ pk: 'l', sk: '1', body: body + body })).rejects.toMatchObject(large)
        const twenty = Array.from({ length: 20 }, (_, i) => ({ pk: 'l', sk: `${i}`, body }))
        await expect(put(...twenty)).rejects.toMatchObject(large)
        expect(await all('l')).toEqual([])
        await put(...twenty.slice(0, 10))
        expect(await state.get('l', '9')).toEqual(twenty[9])
      })

      it.each(['', '\0', 'a\0b', '\udc00', 'k'.repeat(1025)])('refuses the key %j', async (key) => {
        const invalid = { name: 'TerminalError', code: 'STATE_KEY_INVALID' }
        await expect(put({ pk: key, sk: 'a' })).rejects.toMatchObject(invalid)
        await expect(put({ pk: 'a', sk: key })).rejects.toMatchObject(invalid)
        await expect(state.get(key, 'a')).rejects.toMatchObject(invalid)
        await expect(state.get('a', key)).rejects.toMatchObject(invalid)
        await expect(all(key)).rejects.toMatchObject(invalid)
        await expect(state.transact([{ kind: 'delete', pk: key, sk: 'a' }])).rejects.toMatchObject(invalid)
        await expect(
          state.transact([{ kind: 'check', pk: 'a', sk: key, expect: 'absent' }]),
        ).rejects.toMatchObject(invalid)
      })

      it('refuses to expect what cannot be stored', async () => {
        const expectation = { v: Number.NaN }
        await expect(
          state.transact([{ kind: 'check', pk: 'a', sk: 'b', expect: expectation }]),
        ).rejects.toMatchObject({
          code: 'STATE_WRITE_INVALID',
        })
      })

      it('lets exactly one of many concurrent writers have an absent item, or take a version', async () => {
        const clients = await Promise.all(
          Array.from({ length: 4 }, async () => (await subject.reopen()).state),
        )
        for (let version = 0; version < 5; version++) {
          const expectation: Expectation = version === 0 ? 'absent' : { version }
          const results = await Promise.all(
            Array.from({ length: 12 }, (_, i) =>
              failure(
                clients[i % 4]!.transact([
                  {
                    kind: 'put',
                    item: { pk: 'race', sk: 'HEAD', version: version + 1, winner: i },
                    expect: expectation,
                  },
                  { kind: 'put', item: { pk: 'race', sk: `LOG#${version}#${i}` } },
                ]),
              ),
            ),
          )
          const winners = results.flatMap((error, i) => (error === undefined ? [i] : []))
          expect(winners).toHaveLength(1)
          for (const error of results)
            expect(error ?? new ConditionFailedError({ code: 'X', fact: 'x' })).toBeInstanceOf(
              ConditionFailedError,
            )
          expect(await state.get('race', 'HEAD')).toMatchObject({ winner: winners[0] })
          expect((await all('race', `LOG#${version}#`)).map((item) => item.sk)).toEqual([
            `LOG#${version}#${winners[0]}`,
          ])
        }
      })

      it('tells nothing when its answer never came, and what happened can be read back', async () => {
        const write: Write = { kind: 'put', item: { pk: 'lost', sk: 'COMMIT#1', by: 'us' }, expect: 'absent' }
        subject.dropAnswer?.()
        const sender = subject.dropAnswer === undefined ? withLostAnswers(state, () => true) : state
        const error = await failure(sender.transact([write]))
        expect(error).toBeInstanceOf(UnknownOutcomeError)
        expect(error).toMatchObject({ code: 'STATE_WRITE_UNKNOWN' })
        expect(await state.get('lost', 'COMMIT#1')).toEqual(write.item)
        expect(await failure(state.transact([write]))).toBeInstanceOf(ConditionFailedError)
        const request = withLostRequests(state, (_, count) => count === 1)
        const second: Write = { kind: 'put', item: { pk: 'lost', sk: 'COMMIT#2' }, expect: 'absent' }
        expect(await failure(request.transact([second]))).toBeInstanceOf(UnknownOutcomeError)
        expect(await state.get('lost', 'COMMIT#2')).toBeUndefined()
        await request.transact([second])
      })
    })

    describe('pointers and the catalog', () => {
      const move = async (base: string | undefined, next: string, of: TableIdentifier = table) =>
        await state.transact([{ kind: 'pointer', table: of, base, next }])

      it('are created once, swapped from their base, and never from a stale one', async () => {
        expect(await catalog.load(table)).toBeUndefined()
        await expect(move('s3://b/0.json', 's3://b/1.json')).rejects.toBeInstanceOf(ConditionFailedError)
        expect(await catalog.load(table)).toBeUndefined()
        await move(undefined, 's3://b/1.json')
        await expect(move(undefined, 's3://b/x.json')).rejects.toBeInstanceOf(ConditionFailedError)
        expect(await catalog.load(table)).toBe('s3://b/1.json')
        await move('s3://b/1.json', 's3://b/2.json')
        await expect(move('s3://b/1.json', 's3://b/x.json')).rejects.toMatchObject({ index: 0 })
        expect(await catalog.load(table)).toBe('s3://b/2.json')
        await move('s3://b/2.json', 's3://b/1.json')
        expect(await catalog.load(table)).toBe('s3://b/1.json')
      })

      it('move together with items, or not at all', async () => {
        const other = { namespace: 'silver', name: 'flights' }
        await move(undefined, '1')
        const commit: Write[] = [
          { kind: 'pointer', table, base: '1', next: '2' },
          { kind: 'pointer', table: other, base: undefined, next: '1' },
          { kind: 'put', item: { pk: 'DATAFLOW#f', sk: 'COMMIT#r' }, expect: 'absent' },
        ]
        await put({ pk: 'DATAFLOW#f', sk: 'COMMIT#r' })
        await expect(state.transact(commit)).rejects.toMatchObject({ index: 2 })
        expect(await catalog.load(table)).toBe('1')
        expect(await catalog.list()).toEqual([table])
        await state.transact([{ kind: 'delete', pk: 'DATAFLOW#f', sk: 'COMMIT#r' }])
        await state.transact(commit)
        expect([await catalog.load(table), await catalog.load(other)]).toEqual(['2', '1'])
      })

      it('lets exactly one of many concurrent racers win each swap', async () => {
        const clients = await Promise.all(
          Array.from({ length: 3 }, async () => (await subject.reopen()).state),
        )
        let base: string | undefined
        for (let round = 0; round < 6; round++) {
          const results = await Promise.all(
            Array.from({ length: 9 }, (_, i) =>
              failure(clients[i % 3]!.transact([{ kind: 'pointer', table, base, next: `${round}-${i}` }])),
            ),
          )
          const winners = results.flatMap((error, i) => (error === undefined ? [`${round}-${i}`] : []))
          expect(winners).toHaveLength(1)
          base = await catalog.load(table)
          expect(base).toBe(winners[0])
        }
      })

      it('are listed by namespace and name, in code-point order', async () => {
        const tables = [
          ['b', 'Z'],
          ['b', 'a'],
          ['b', '😀'],
          ['b', 'Ａ'],
          ['a', 'z'],
          ['b2', 'a'],
          ['B', 'a'],
          ['b_', 'x'],
        ].map(([namespace, name]) => ({ namespace: namespace!, name: name! }))
        for (const of of tables) await move(undefined, 'x', of)
        const sorted = [...tables].sort(
          (a, b) => compareCodePoints(a.namespace, b.namespace) || compareCodePoints(a.name, b.name),
        )
        expect(await catalog.list()).toEqual(sorted)
        for (const namespace of ['a', 'b', 'B', 'b_', 'none', '%']) {
          expect(await catalog.list(namespace)).toEqual(sorted.filter((of) => of.namespace === namespace))
        }
      })

      it.each(['', 'a.b', 'a\0', '\ud800', 'x'.repeat(256)])('refuses the name %j', async (part) => {
        const invalid = { name: 'TerminalError', code: 'TABLE_IDENTIFIER_INVALID' }
        for (const of of [
          { namespace: part, name: 'a' },
          { namespace: 'a', name: part },
        ]) {
          await expect(move(undefined, 'x', of)).rejects.toMatchObject(invalid)
          await expect(catalog.load(of)).rejects.toMatchObject(invalid)
        }
        await expect(move(undefined, '')).rejects.toMatchObject({ code: 'STATE_WRITE_INVALID' })
      })
    })

    describe('listRuns', () => {
      it('gives the runs that have started, newest first', async () => {
        const at = (minute: number) => `2026-01-01T00:${String(minute).padStart(2, '0')}:00.000Z`
        const runs = Array.from({ length: 40 }, (_, i) => ({
          pk: `RUN#${(i * 17) % 40}`,
          sk: 'META',
          started_at: at((i * 7) % 40),
        }))
        await put(...runs)
        await put(
          { pk: 'RUN#planned', sk: 'META' },
          { pk: 'RUN#null', sk: 'META', started_at: null },
          { pk: 'RUN#0', sk: 'FLOW#x', started_at: at(59) },
          { pk: 'DATAFLOW#x', sk: 'META', started_at: at(59) },
          { pk: 'RUN', sk: 'META', started_at: at(59) },
        )
        const newest = [...runs].sort((a, b) => (a.started_at < b.started_at ? 1 : -1))
        expect(await state.listRuns(100)).toEqual(newest)
        expect(await state.listRuns(3)).toEqual(newest.slice(0, 3))
        await put({ pk: 'RUN#5', sk: 'META', started_at: at(58), status: 'again' })
        expect((await state.listRuns(1))[0]).toMatchObject({ pk: 'RUN#5', status: 'again' })
        await state.transact([{ kind: 'delete', pk: 'RUN#5', sk: 'META' }])
        expect(await state.listRuns(100)).toHaveLength(39)
      })

      it.each([0, -1, 1.5, Number.NaN])('refuses the limit %s', async (limit) => {
        await expect(state.listRuns(limit)).rejects.toMatchObject({
          name: 'TerminalError',
          code: 'STATE_LIMIT_INVALID',
        })
      })
    })

    it('shows at once what another client wrote, and keeps it after closing', async () => {
      const other = await subject.reopen()
      await other.state.transact([
        { kind: 'put', item: { pk: 'p', sk: 's', v: 1 } },
        { kind: 'pointer', table, base: undefined, next: 'here' },
      ])
      expect(await state.get('p', 's')).toEqual({ pk: 'p', sk: 's', v: 1 })
      expect(await catalog.load(table)).toBe('here')
      other.state.close()
      other.state.close()
      state.close()
      const again = await subject.reopen()
      expect(await again.state.get('p', 's')).toEqual({ pk: 'p', sk: 's', v: 1 })
      expect(await again.catalog.list()).toEqual([table])
    })

    it('is equal to a map, whatever transactions are tried', async () => {
      const pk = fc.constantFrom('p', 'q')
      const sk = fc.constantFrom('a', 'b', 'ab', '😀')
      const scalar = fc.constantFrom<string | number | boolean | null>(null, 0, 1, '1', true, '')
      const expectation = fc.option(
        fc.oneof(
          fc.constant<Expectation>('absent'),
          fc.dictionary(fc.constantFrom('v', 'w'), scalar, { maxKeys: 2, noNullPrototype: true }),
        ),
        { nil: undefined },
      )
      const body = fc.record(
        { v: scalar, w: fc.oneof(scalar, fc.jsonValue({ maxDepth: 2 })) },
        { requiredKeys: [], noNullPrototype: true },
      )
      const location = fc.constantFrom('m1', 'm2', 'm3')
      const write = fc.oneof(
        {
          weight: 4,
          arbitrary: fc.tuple(pk, sk, body, expectation).map(
            ([pk, sk, rest, expect]): Write => ({
              kind: 'put',
              item: { ...rest, pk, sk },
              ...(expect && { expect }),
            }),
          ),
        },
        fc
          .tuple(pk, sk, expectation)
          .map(([pk, sk, expect]): Write => ({ kind: 'delete', pk, sk, ...(expect && { expect }) })),
        fc
          .tuple(pk, sk, expectation)
          .map(([pk, sk, expect]): Write => ({ kind: 'check', pk, sk, expect: expect ?? {} })),
        fc
          .tuple(fc.constantFrom('t', 'u'), fc.option(location, { nil: undefined }), location)
          .map(
            ([name, base, next]): Write => ({ kind: 'pointer', table: { namespace: 'n', name }, base, next }),
          ),
      )
      const target = (w: Write) =>
        w.kind === 'pointer'
          ? tableKey(w.table)
          : w.kind === 'put'
            ? `${w.item.pk}/${w.item.sk}`
            : `${w.pk}/${w.sk}`
      const transactions = fc.array(fc.uniqueArray(write, { selector: target, minLength: 1, maxLength: 5 }), {
        maxLength: 30,
      })
      const outcomes = { applied: 0, refused: 0 }
      await fc.assert(
        fc.asyncProperty(transactions, async (sequence) => {
          const subject = await factory()
          try {
            const model = emptyModel()
            for (const writes of sequence) {
              const expected = applyToModel(model, writes)
              const error = await failure(subject.state.transact(writes))
              outcomes[expected === undefined ? 'applied' : 'refused'] += 1
              expect((error as ConditionFailedError | undefined)?.index).toBe(expected)
            }
            for (const pk of ['p', 'q']) {
              for (const prefix of ['', 'a', 'ab', '😀']) {
                expect(await collect(subject.state.query(pk, prefix))).toStrictEqual(
                  itemsOf(model, pk, prefix),
                )
              }
            }
            const pointers: [string, string | undefined][] = []
            for (const of of await subject.catalog.list())
              pointers.push([tableKey(of), await subject.catalog.load(of)])
            expect(new Map(pointers)).toEqual(model.pointers)
          } finally {
            await subject.cleanup()
          }
        }),
        { numRuns: 60 },
      )
      expect(outcomes.applied).toBeGreaterThan(20)
      expect(outcomes.refused).toBeGreaterThan(20)
    })
  })
}

async function collect(items: AsyncIterable<Item>): Promise<Item[]> {
  const collected: Item[] = []
  for await (const item of items) collected.push(item)
  return collected
}

async function failure(attempt: Promise<unknown>): Promise<unknown> {
  return await attempt.then(
    () => undefined,
    (error: unknown) => error,
  )
}
