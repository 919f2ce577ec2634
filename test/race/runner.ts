/** Runs the project in the first argument as the run of the second one, and prints its result. */
import { runProject } from '../support/project.ts'

const [directory, run_id] = process.argv.slice(2) as [string, string]
const { result } = await runProject(directory, { run_id })
process.stdout.write(JSON.stringify(result))
