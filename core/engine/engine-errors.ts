import { RetryableError, SluiceError, SourceError, TerminalError } from '../errors.ts'
import { engineWords } from './engine-words.ts'

/**
 * DuckDB's error as one of ours. Codes: `SOURCE_UNREADABLE` (a file is not what it should be),
 * `ENGINE_MEMORY` (retryable), `ENGINE_FORBIDDEN` (the lock-down held), `ENGINE_STATEMENT` (anything else).
 * The engine's own message is the cause, which is stored and printed nowhere: it may quote values of rows.
 */
export function mapEngineError(error: unknown): SluiceError {
  if (error instanceof SluiceError) return error
  const text = error instanceof Error ? error.message : String(error)
  const fact = `DuckDB says: ${engineWords(text)}`
  if (/^Out of Memory/.test(text)) {
    const next = 'Give the engine more memory or split the input'
    return new RetryableError({ code: 'ENGINE_MEMORY', fact, next, cause: error })
  }
  if (/No space left on device|max_temp_directory_size/.test(text)) {
    const next = 'Give the working directory more room or split the input'
    return new RetryableError({ code: 'ENGINE_DISK', fact, next, cause: error })
  }
  if (/^Permission Error/.test(text)) {
    const consequence = 'The engine reads and writes nothing outside its own directory'
    return new TerminalError({ code: 'ENGINE_FORBIDDEN', fact, consequence, cause: error })
  }
  if (unreadable.test(text) && !ofValues.test(text)) {
    return new SourceError({
      code: 'SOURCE_UNREADABLE',
      fact,
      consequence: 'Nothing was written',
      cause: error,
    })
  }
  return new TerminalError({
    code: 'ENGINE_STATEMENT',
    fact,
    consequence: 'Nothing was written',
    ...(ofValues.test(text) ? { next: forEveryValue } : {}),
    cause: error,
  })
}

/** They quote values, which may hold any word by which a file's errors are known. */
const ofValues = /^(Conversion|Out of Range|Not implemented) Error/

const forEveryValue =
  'Where the SQL is the manifest’s, write it for every value that the columns may have: TRY_CAST, nullif, CASE'

const unreadable = new RegExp(
  [
    'No magic bytes',
    'too small to be a Parquet file',
    'Failed to read file',
    'Malformed JSON in file',
    'JSON transform error',
    'Expected top-level JSON array',
    'CSV Parser state machine',
    'CSV Error',
    'not a GZIP stream',
    'No files found that match',
    'Cannot open file',
    '"maximum_object_size"',
    'Parquet file',
    'parquet file',
    'TProtocolException',
    'TTransportException',
    "don't know what type",
    'Invalid Parquet',
    'decompress',
    'corrupt',
  ].join('|'),
)

/** An instance after such an error may be in any state: it is thrown away. */
export function breaksInstance(error: unknown): boolean {
  const text = error instanceof Error ? error.message : String(error)
  return /^(FATAL|INTERNAL) Error|database has been invalidated/.test(text)
}

/**
 * The first line of what the engine itself said, whole: of a statement that was bound and not run, whose only values are
 * those that it writes out.
 */
export function wordsOfBinding(error: SluiceError): string {
  const { cause } = error
  return cause instanceof Error ? `DuckDB says: ${cause.message.split('\n')[0]}` : error.message
}
