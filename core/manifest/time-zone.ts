import { nearest } from './near.ts'

/** Why the text is no IANA time zone that a schedule can have, and what to write instead; or `undefined`. */
export function timeZoneMistake(text: string): string | undefined {
  const example = 'write a name of the IANA database: UTC, Europe/Berlin, America/New_York'
  // Intl takes offsets such as +01:00, which EventBridge Scheduler does not, and which know no summer time.
  if (!/^[A-Za-z]/.test(text)) return example
  let resolved: string
  try {
    resolved = new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone
  } catch {
    const near = nearest(text, Intl.supportedValuesOf('timeZone'))
    return near === undefined ? example : `did you mean ${near}?`
  }
  // An alias (Asia/Calcutta) resolves to another name; the same name in other capitals is a misspelling.
  const isMisspelt = resolved !== text && resolved.toLowerCase() === text.toLowerCase()
  return isMisspelt ? `write ${resolved}` : undefined
}
