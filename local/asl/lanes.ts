/** Lanes that are opened at once. */
const FIRST_LANES = 64
/** Lanes opened per turn of the event loop after those. */
const LANES_PER_TURN = 4

/**
 * Runs up to `limit` lanes side by side; each takes work until there is none. Beyond the
 * first ones they are opened a few at a time: with
 * fast handlers the first ones do all the work, and 10,000 open iterations need not be held in memory at once.
 * A lane must not reject.
 */
export async function runLanes(
  limit: number,
  isWorkLeft: () => boolean,
  lane: () => Promise<void>,
): Promise<void> {
  const lanes: Promise<void>[] = []
  while (lanes.length < limit && isWorkLeft()) {
    lanes.push(lane())
    const pause = lanes.length >= FIRST_LANES && lanes.length % LANES_PER_TURN === 0
    if (pause) await new Promise((resolve) => setImmediate(resolve))
  }
  await Promise.all(lanes)
}
