import type { Engine } from '../engine/engine.ts'
import { wordsOfBinding } from '../engine/engine-errors.ts'
import { quoteLiteral } from '../engine/sql.ts'
import { SluiceError } from '../errors.ts'

/** What is wrong with a pattern that is no RE2. */
export async function patternError(engine: Engine, pattern: string): Promise<string | undefined> {
  try {
    await engine.rows(`SELECT regexp_full_match('', ${quoteLiteral(pattern)}) AS ok`)
    return undefined
  } catch (error) {
    if (!(error instanceof SluiceError) || error.code !== 'ENGINE_STATEMENT') throw error
    return `pattern ${pattern} is not RE2: ${wordsOfBinding(error).replace(/^.*?Error: /, '')}`
  }
}
