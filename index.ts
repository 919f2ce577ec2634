/**
 * Sluice as a library: load a project, plan it, run it embedded.
 *
 * @module
 */
export type { Cost, RunCost } from './core/cost/run-cost.ts'
export type { ErrorParts } from './core/errors.ts'
export { RetryableError, SluiceError, TerminalError, UnknownOutcomeError } from './core/errors.ts'
export type { RenderedManifest } from './core/manifest/types.ts'
export { buildPlan as plan } from './core/planning/plan.ts'
export type { Plan, RunOptions } from './core/planning/types.ts'
export type { ExecutionResult, FlowResult } from './core/runs/result.ts'
export { loadProject, type Project } from './local/project.ts'
export { type RunOutcome, type RunRequest, runLocally as run } from './local/run.ts'
export { openWorkspace, type Workspace, type WorkspaceOptions } from './local/workspace.ts'
