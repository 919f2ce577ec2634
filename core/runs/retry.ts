import { isTerminalName } from '../errors.ts'
import type { FlowItem } from './items.ts'

/** Seconds, whole as a Wait wants them; the delay doubles from try to try up to here. */
const longestDelay = 60

/** Whether the attempt that failed is followed by another one of the same execution, once that is under way. */
export function mayTryAgain(
  { status, reason, error, tries }: Pick<FlowItem, 'status' | 'reason' | 'error' | 'tries'>,
  retry_count: number,
): boolean {
  if (status !== 'failed' || reason !== undefined || error === undefined) return false
  return !isTerminalName(error.name) && tries <= retry_count
}

/** Seconds between the end of a failed attempt and the admission of the next one. */
export function retryDelay({ tries }: Pick<FlowItem, 'tries'>, retry_delay_seconds: number): number {
  return Math.min(Math.ceil(retry_delay_seconds * 2 ** Math.max(0, tries - 1)), longestDelay)
}
