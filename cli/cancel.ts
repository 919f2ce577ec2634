import { cancelRun } from '../core/runs/cancel.ts'
import { exitCodes } from './fail.ts'
import { withWritableRecords } from './home.ts'
import type { Io } from './io.ts'
import { emit } from './report.ts'
import { whoAsks } from './who.ts'

/** Asks a run to stop; it goes on with what is at work, and ends by itself. `now` cuts that off. */
export async function cancel(
  io: Io,
  runId: string,
  options: { readonly now?: boolean } = {},
): Promise<number> {
  if (options.now === true) return await (await import('./cancel-now.ts')).cancelNow(io, runId)
  return await withWritableRecords(io, runId, async (records) => {
    const run = await cancelRun({ state: records.state, clock: () => new Date() }, runId, whoAsks())
    emit(io, { schema: 'sluice.cancellation.v1', run_id: runId, cancelled: run.cancelled }, [
      { kind: 'title', text: `Run ${runId} stops` },
      {
        kind: 'text',
        text: 'No further dataflow begins. Those at work go on to their end; then the run is sealed with the rest pending.',
      },
      {
        kind: 'code',
        title: 'How to go on',
        lines: [
          io.command(`status ${runId}`),
          `${io.command(`cancel ${runId} --now`)}   # cuts off what is at work`,
          `${io.command(`run --resume ${runId}`)}   # later, with the rest`,
        ],
      },
    ])
    return exitCodes.success
  })
}
