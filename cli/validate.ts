import { ManifestError } from '../core/errors.ts'
import type { Problem } from '../core/manifest/problems.ts'
import { checkPreserve, parseEnvironment } from '../core/runs/environments.ts'
import { loadProject, type Project } from '../local/project.ts'
import { exitCodes } from './fail.ts'
import type { Io } from './io.ts'
import { type Block, emit } from './report.ts'
import { plural } from './words.ts'

/** Checks the manifest. As text its problems are an error like any other; as JSON and Markdown they are the answer. */
export async function validate(io: Io): Promise<number> {
  let project: Project
  try {
    project = await loadProject(io.project)
  } catch (error) {
    const problems = problemsOf(error)
    if (problems === undefined || io.format === 'text') throw error
    emit(io, { schema: 'sluice.validation.v1', valid: false, problems }, problemBlocks(problems))
    return exitCodes.refused
  }
  const { rendered, provenance } = project
  checkPreserve(parseEnvironment(process.env.SLUICE_ENVIRONMENT, 'development'), rendered.dataflows)
  const count = {
    files: provenance.files.length,
    connections: Object.keys(rendered.connections).length,
    dataflows: rendered.dataflows.length,
    inactive: rendered.dataflows.filter((dataflow) => !dataflow.is_active).length,
    stages: new Set(rendered.dataflows.flatMap((dataflow) => dataflow.stage ?? [])).size,
  }
  const inactive = count.inactive === 0 ? '' : ` (${count.inactive} inactive)`
  const parts = [
    `${plural(count.dataflows, 'dataflow')}${inactive}`,
    plural(count.stages, 'stage'),
    plural(count.connections, 'connection'),
    plural(count.files, 'file'),
  ]
  const text = `${rendered.project} is valid: ${parts.join(', ')}`
  const data = {
    schema: 'sluice.validation.v1',
    valid: true,
    project: rendered.project,
    ...count,
    problems: [],
  }
  emit(io, data, [{ kind: 'text', text }])
  return exitCodes.success
}

function problemsOf(error: unknown): readonly Problem[] | undefined {
  if (!(error instanceof ManifestError) || error.code !== 'MANIFEST_INVALID') return undefined
  return error.details.problems as readonly Problem[]
}

function problemBlocks(problems: readonly Problem[]): Block[] {
  const place = ({ file, line, column }: Problem) => [file, line, column].filter((part) => part !== undefined)
  return [
    { kind: 'title', text: `The manifest has ${plural(problems.length, 'problem')}` },
    {
      kind: 'table',
      columns: [
        { title: 'place' },
        { title: 'key' },
        { title: 'problem' },
        { title: 'what to write instead' },
      ],
      rows: problems.map((problem) => [
        place(problem).join(':'),
        problem.path,
        problem.message,
        problem.hint ?? '',
      ]),
    },
  ]
}
