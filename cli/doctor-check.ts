/** One line of `sluice doctor`. `fail`: a run would be stopped by it. */
export interface Check {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** What to do about it. */
  readonly next?: string
}

export function check(name: string, status: Check['status'], message: string, next?: string): Check {
  return { check: name, status, message, ...(next === undefined ? {} : { next }) }
}
