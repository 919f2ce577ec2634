import { engineWords } from '../engine/engine-words.ts'

/** What a reader's complaint about a file comes to, without a value of the file: errors are kept in evidence. */
export interface Unreadable {
  readonly fact: string
  readonly next: string
}

/**
 * `said` is the engine's message. Complaints about JSON are put in other words, since the engine's quote the whole
 * object; of others what the engine's words are known to say.
 */
export function unreadable(said: string): Unreadable {
  return objectOfJson(said) ?? textOfJson(said) ?? other(said)
}

const ndjson = 'format: ndjson is one object a line, each key once, in UTF-8'
const array = 'format: json is one array of objects, each key once, in UTF-8'

/** A JSON text that is no object, or one that cannot be told. The engine counts these from 1. */
function objectOfJson(said: string): Unreadable | undefined {
  const found = /JSON transform error in file ".*?", in (line|record\/value) (\d+): (.*)/s.exec(said)
  if (found === null) return undefined
  const [, unit, number, why = ''] = found
  const what = /^Expected OBJECT/.test(why)
    ? 'is no object'
    : / has duplicate key ".*"/s.test(why)
      ? 'has a key twice'
      : 'cannot be taken apart'
  const place = unit === 'line' ? `line ${number}` : `item ${number} of the array`
  return { fact: `${place} ${what}`, next: `Correct it: ${unit === 'line' ? ndjson : array}` }
}

/** A text that is no JSON. The engine has counted the line, too; where it stands in an array, is counted as lines are not. */
function textOfJson(said: string): Unreadable | undefined {
  const found = /Malformed JSON in file ".*?", at byte \d+ in (line|record\/value) (\d+): (.*?)\. /s.exec(
    said,
  )
  if (found === null) return undefined
  const [, unit, number, why] = found
  if (unit !== 'line') return { fact: `it is no JSON (${why})`, next: `Correct it: ${array}` }
  return { fact: `line ${Number(number) - 1} is no JSON (${why})`, next: `Correct it: ${ndjson}` }
}

function other(said: string): Unreadable {
  return { fact: engineWords(said).replace(/[. ]*$/, ''), next: nextStep(said) }
}

function nextStep(said: string): string {
  if (said.includes('CSV Parser state machine')) {
    return 'Deliver the file with one kind of line end throughout and with quotes doubled inside quoted fields'
  }
  if (said.includes('Expected top-level JSON array')) {
    return 'format: json is one array of objects, in UTF-8; for one object a line use format: ndjson'
  }
  if (said.includes('maximum_object_size')) return 'Deliver objects of less than 16 MiB'
  return 'Deliver the file again, whole'
}
