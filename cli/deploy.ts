import type { Trigger } from '../core/planning/triggers.ts'
import { loadProject } from '../local/project.ts'
import { type Deployment, deployProject } from '../remote/deploy.ts'
import { openStackPorts } from '../remote/ports.ts'
import { findStack } from '../remote/stack.ts'
import { newTriggerClients } from '../remote/triggers.ts'
import { exitCodes } from './fail.ts'
import type { Io } from './io.ts'
import { type Block, emit } from './report.ts'
import { requireStack } from './require-stack.ts'
import { plural } from './words.ts'

/** Makes the project of `--project` what the stack of `--stack` runs, and says what that changes. */
export async function deploy(io: Io): Promise<number> {
  const name = requireStack(io, 'deploy')
  const { rendered } = await loadProject(io.project)
  const stack = await findStack(name)
  const ports = openStackPorts(stack)
  try {
    const deployment = await deployProject(stack, ports, rendered, newTriggerClients())
    emit(io, { schema: 'sluice.deployment.v1', ...deployment }, blocksOf(io, deployment))
    return exitCodes.success
  } finally {
    ports.state.close()
  }
}

function blocksOf(io: Io, deployment: Deployment): Block[] {
  const { project, stack, version, previous_version, added, removed, changed, triggers } = deployment
  const same = version === previous_version
  const changes = [
    ...added.map((name) => `new      ${name}`),
    ...changed.map((name) => `changed  ${name}`),
    ...removed.map((name) => `removed  ${name} (its table and state stay)`),
  ]
  const moved = triggers.filter(({ change }) => change !== 'unchanged')
  const title = same
    ? `${project} was deployed to ${stack} already: version ${version}`
    : `${project} is deployed to ${stack}: version ${version}, ${plural(changes.length, 'dataflow')} changed`
  return [
    { kind: 'title', text: title },
    ...(changes.length === 0 ? [] : [{ kind: 'list', title: 'Dataflows', items: changes } as const]),
    ...(moved.length === 0
      ? []
      : [
          {
            kind: 'list',
            title: 'Starts by itself',
            items: moved.map(({ change, name, trigger }) =>
              trigger === undefined ? `${change}  ${name}` : `${change}  ${name}: ${triggerText(trigger)}`,
            ),
          } as const,
        ]),
    { kind: 'code', title: 'How to go on', lines: [io.command('run')] },
  ]
}

function triggerText(trigger: Trigger): string {
  const { dataflows } = trigger
  const shown = dataflows.length <= 5 ? dataflows : [...dataflows.slice(0, 4), `${dataflows.length - 4} more`]
  const when =
    trigger.kind === 'schedule'
      ? `${trigger.expression} ${trigger.time_zone}`
      : `objects of s3://${trigger.bucket}`
  return `${when} starts ${shown.join(', ')}`
}
