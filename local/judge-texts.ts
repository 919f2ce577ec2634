import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WrittenText } from '../core/contract/written.ts'

/** An engine for the time of the call, which reads nothing but the texts; opening one takes 100 ms. */
export async function judgeTexts(texts: readonly WrittenText[]): Promise<(string | undefined)[]> {
  const [{ openEnginePool }, { writtenProblem }] = await Promise.all([
    import('../core/engine/engine.ts'),
    import('../core/contract/written.ts'),
  ])
  const directory = await mkdtemp(join(tmpdir(), 'sluice-manifest-'))
  const pool = openEnginePool({ directory, size: 1, threads: 1 })
  try {
    return await pool.use(async (engine) => {
      const problems: (string | undefined)[] = []
      for (const text of texts) problems.push(await writtenProblem(engine, text))
      return problems
    })
  } finally {
    await pool.close()
    await rm(directory, { recursive: true, force: true })
  }
}
