const PATTERN = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/

/** True for RFC 3339 with capital T and a zone, the only form Step Functions takes. */
export function isTimestamp(text: string): boolean {
  return PATTERN.test(text) && !Number.isNaN(Date.parse(text))
}
