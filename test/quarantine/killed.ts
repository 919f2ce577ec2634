/**
 * One process that is to die: it runs the project of its first argument as the run of its second, in 2020, and kills
 * itself once its third has been written into the evidence store (a regular expression over the key), or instead of that.
 */
import { intercepted } from '../support/faulty-ports.ts'
import { runProject } from '../support/project.ts'

const [directory, run_id, wanted, when] = process.argv.slice(2) as [string, string, string, string]
await runProject(directory, {
  run_id,
  clock: () => new Date('2020-01-01T00:00:00Z'),
  decorate: (ports) =>
    intercepted(ports, async ({ port, target }, perform) => {
      const isHere = port === 'evidence' && new RegExp(wanted).test(target)
      if (isHere && when === 'instead') process.kill(process.pid, 'SIGKILL')
      const answer = await perform()
      if (isHere) process.kill(process.pid, 'SIGKILL')
      return answer
    }),
})
