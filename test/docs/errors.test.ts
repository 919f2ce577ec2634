import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const root = new URL('../../', import.meta.url)
const rooms = ['core', 'lambdas', 'local', 'remote', 'cli']
const sources = rooms
  .flatMap((room) =>
    readdirSync(new URL(room, root), { recursive: true, encoding: 'utf8' }).map((file) => `${room}/${file}`),
  )
  .filter((file) => /\.ts$/.test(file) && !/\.(test|suite)\.ts$|^local\/asl\//.test(file))
  .map((file) => readFileSync(new URL(file, root), 'utf8'))

const documented = [
  ...readFileSync(new URL('docs/errors.md', root), 'utf8').matchAll(/`([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)`/g),
]
  .map((match) => match[1] as string)
  .filter((code) => code !== 'SELECT')

it('docs/errors.md has every code that an error is made with', () => {
  const made = sources.flatMap((text) =>
    [...text.matchAll(/\bcode: '([A-Z0-9]+_[A-Z0-9_]+)'/g)].map((match) => match[1] as string),
  )
  expect([...new Set(made)].filter((code) => !documented.includes(code)).sort()).toEqual([])
})

it('and none that nothing throws', () => {
  const text = sources.join('\n')
  expect(documented.filter((code) => !new RegExp(`\\b${code}\\b`).test(text))).toEqual([])
})
