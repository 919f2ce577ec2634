import { Listr, ListrLogger, ProcessOutput } from 'listr2'
import type { Colors } from './io.ts'
import type { Progress } from './progress.ts'
import { activeLine, totalsText } from './progress-lines.ts'

export interface LiveView {
  readonly progress: Progress
  /** The last of them are shown. */
  readonly failures: string[]
  /** Said instead of the totals, while the run is being stopped. */
  notice: string | undefined
  /** Why nothing is at work, where it is another run that has to end first. */
  waits: string | undefined
}

/** Milliseconds between two drawings: faster than the eye needs only costs time of the run. */
const interval = 100
const shownFailures = 5

/**
 * Draws the run on a terminal's standard error until `work` has ended, then wipes the drawing away: the result
 * follows. However many dataflows there are, it shows those at work, the last failures and the totals, and no
 * more lines than the terminal has.
 */
export async function drawLive<T>(view: LiveView, colors: Colors, work: () => Promise<T>): Promise<T> {
  let result: T | undefined
  const output = new ProcessOutput(process.stderr, process.stderr)
  const list = new Listr(
    [
      {
        title: 'run',
        task: async (_context, task) => {
          const draw = () => {
            task.title = liveText(view, colors, process.stderr.rows ?? 24, Date.now())
          }
          draw()
          const timer = setInterval(draw, interval)
          try {
            result = await work()
          } finally {
            clearInterval(timer)
          }
        },
      },
    ],
    {
      renderer: 'default',
      registerSignalListeners: false,
      rendererOptions: {
        clearOutput: true,
        formatOutput: 'truncate',
        showErrorMessage: false,
        logger: new ListrLogger({ processOutput: output, useIcons: true }),
      },
    },
  )
  await list.run()
  return result as T
}

/** The drawing: totals first, then failures, then what is at work. At most `rows` - 2 lines. */
export function liveText(view: LiveView, colors: Colors, rows: number, now: number): string {
  const { progress } = view
  const head = `${progress.run_id ?? 'run'}: ${totalsText(progress)}`
  const failures = view.failures.slice(-shownFailures).map((line) => colors.red(line))
  const room = roomFor(view, rows)
  const active = [...progress.active.values()]
  const shown = active.length > room ? active.slice(0, room - 1) : active
  const width = shown.reduce((max, flow) => Math.max(max, flow.dataflow.length), 0)
  const lines = shown.map((flow) => activeLine(flow, Math.min(width, 40), now))
  if (shown.length < active.length) lines.push(colors.dim(`and ${active.length - shown.length} more at work`))
  const notice = [view.notice, view.waits].flatMap((text) =>
    text === undefined ? [] : [colors.yellow(text)],
  )
  return [colors.bold(head), ...notice, ...failures, ...lines].join('\n')
}

/** How many lines there are for dataflows at work on a terminal of `rows`. */
export function roomFor({ failures }: Pick<LiveView, 'failures'>, rows = 24): number {
  return Math.max(1, rows - 5 - Math.min(failures.length, shownFailures))
}
