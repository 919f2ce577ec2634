import { loadProject } from '../../local/project.ts'
import { runLocally } from '../../local/run.ts'
import { openWorkspace } from '../../local/workspace.ts'
import { report } from '../measure.ts'

/** Runs a project whose dataflows must all succeed. Argument: its directory, without a workspace. */
const directory = process.argv[2] as string
const project = await loadProject(directory)
const started = performance.now()
const workspace = openWorkspace({ projectDirectory: directory })
const { result } = await runLocally(workspace.ports, { manifest: project.rendered })
const run = (performance.now() - started) / 1000
await workspace.close()
if (result.has_failures) throw new Error(JSON.stringify(result.errors))
report({ run, rows: result.rows.accepted, quarantined: result.rows.quarantined })
