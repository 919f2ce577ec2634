import { setTimeout } from 'node:timers/promises'

/**
 * Waits before the next try: a random part ("full jitter") of a time that doubles from 50 ms to 2 s, so that
 * those who met do not meet again.
 */
export async function pauseBefore(tries: number): Promise<void> {
  await setTimeout(Math.random() * Math.min(2000, 50 * 2 ** (tries - 1)))
}
