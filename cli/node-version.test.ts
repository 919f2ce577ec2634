import { expect, test } from 'vitest'
import { nodeVersionProblem } from './node-version.ts'

test.each(['22.13.0', '22.20.1', '24.0.0', '100.0.0'])('%s is new enough', (version) => {
  expect(nodeVersionProblem(version)).toBeUndefined()
})

test.each(['22.12.9', '20.19.0', '18.0.0', '8.1.2'])('%s is too old, and is told so', (version) => {
  expect(nodeVersionProblem(version)).toContain(`needs Node.js 22.13 or newer, and this is ${version}`)
})
