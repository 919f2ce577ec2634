import { loadProject } from '../local/project.ts'
import { exitCodes } from './fail.ts'
import type { Io } from './io.ts'
import { emit } from './report.ts'

/** Prints the effective manifest, or with `--why` where the values at a path came from. */
export async function render(io: Io, options: { readonly why?: string }): Promise<number> {
  const project = await loadProject(io.project)
  if (options.why !== undefined) {
    const { formatWhy, why } = await import('../core/manifest/why.ts')
    const answers = why({ manifest: project.rendered, provenance: project.provenance }, options.why)
    if (io.format === 'json') emit(io, answers, [])
    else io.out(io.format === 'md' ? fenced('', formatWhy(answers)) : formatWhy(answers))
    return exitCodes.success
  }
  if (io.format === 'json') {
    emit(io, project.rendered, [])
    return exitCodes.success
  }
  const { renderYaml } = await import('../core/manifest/render.ts')
  const yaml = renderYaml(project.rendered)
  io.out(io.format === 'md' ? fenced('yaml', yaml) : yaml)
  return exitCodes.success
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\`\n`
}
