#!/usr/bin/env node
import module from 'node:module'
import { nodeVersionProblem } from './node-version.ts'

// Nothing else is imported before this check: an old Node.js would fail on it with a message about syntax.
const problem = nodeVersionProblem(process.versions.node)
if (problem === undefined) {
  // What one command has compiled the next one need not: half of the CPU of a start. NODE_DISABLE_COMPILE_CACHE=1 ends it.
  module.enableCompileCache()
  const { runCli } = await import('./program.ts')
  // Not process.exit: what was written to a pipe must get through first.
  process.exitCode = await runCli(process.argv.slice(2))
} else {
  process.stderr.write(`error [NODE_TOO_OLD]: ${problem}\n`)
  process.exitCode = 2
}
