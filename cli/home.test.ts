import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDirectoryStore } from '../core/stores/directory-object-store.ts'
import { openSqliteStore } from '../core/stores/sqlite-state-store.ts'
import { openHome, openRecords, openWritableRecords } from './home.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'home-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const io = () => ({ project: '.', home, stack: undefined })
const run = { pk: 'RUN#r', sk: 'META', started_at: '2026-01-01T00:00:00.000Z' }

describe('records that are looked at', () => {
  it('are what was written, with nothing by which to write', async () => {
    const writer = openSqliteStore(join(home, 'state.db'))
    await writer.state.transact([{ kind: 'put', item: run }])
    await openDirectoryStore(join(home, 'evidence')).put('a/b', 'text')
    const records = await openRecords(io())
    expect(await records?.state.get('RUN#r', 'META')).toEqual(run)
    expect(await records?.state.listRuns(10)).toEqual([run])
    expect(await records?.evidence.head('a/b')).toMatchObject({ size: 4 })
    expect(Object.keys(records?.state ?? {}).sort()).toEqual(['close', 'get', 'listRuns', 'query'])
    for (const store of [records?.lake, records?.evidence])
      expect(Object.keys(store ?? {}).sort()).toEqual(['download', 'get', 'head', 'list', 'read', 'uri'])
    await writer.state.transact([{ kind: 'put', item: { ...run, pk: 'RUN#s' } }])
    expect(await records?.state.get('RUN#s', 'META')).toMatchObject({ pk: 'RUN#s' })
    records?.close()
    writer.state.close()
  })

  it('are none where nothing has run, and looking for them makes nothing', () => {
    expect(openHome({ project: '.', home: join(home, 'none') })).toBeUndefined()
    expect(existsSync(join(home, 'none'))).toBe(false)
    writeFileSync(join(home, 'state.db'), '')
    expect(openHome(io())).toBeUndefined()
    expect(readFileSync(join(home, 'state.db'))).toHaveLength(0)
  })

  it('of commands that add to them can be written', async () => {
    openSqliteStore(join(home, 'state.db')).state.close()
    const records = await openWritableRecords(io())
    await records?.state.transact([{ kind: 'put', item: run }])
    expect(await records?.state.get('RUN#r', 'META')).toEqual(run)
    records?.close()
  })
})
