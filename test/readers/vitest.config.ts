import { join } from 'node:path'
import { defineConfig } from 'vitest/config'

const here = import.meta.dirname

/** Apart from the other tests, so that those need neither Python nor Java. */
// biome-ignore lint/style/noDefaultExport: it is what Vitest reads.
export default defineConfig({
  root: join(here, '..', '..'),
  test: {
    include: ['test/readers/**/*.test.ts'],
    globalSetup: join(here, 'set-up.ts'),
    pool: 'forks',
    // Each waits for its reader most of the time.
    maxWorkers: '100%',
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
