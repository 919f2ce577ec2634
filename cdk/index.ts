export { type DuckdbArchitecture, duckdbLayer } from './duckdb-layer.ts'
export { featureFlags } from './feature-flags.ts'
export { GateFunctions, type GateFunctionsProps, type Stores } from './gate-functions.ts'
export { GlueMirror, type GlueMirrorProps } from './glue-mirror.ts'
export { type HandlerName, handlerNames } from './handlers.ts'
export { LakeBuckets, type LakeBucketsProps } from './lake-buckets.ts'
export { type LakeReaderProps, lakeReader } from './lake-reader.ts'
export { type Grant, type MirrorGrant, mirrorPermissions, permissions, type Target } from './permissions.ts'
export {
  defaultMemory,
  type GlueMirrorOptions,
  type SluiceProps,
  type SluiceStackProps,
  type SourceLocation,
  smallMemory,
} from './props.ts'
export { RunAlarms, type RunAlarmsProps } from './run-alarms.ts'
export { RunDashboard, type RunDashboardProps } from './run-dashboard.ts'
export { RunStateMachine, type RunStateMachineProps } from './run-state-machine.ts'
export { Schedules, type SchedulesProps } from './schedules.ts'
export { Sluice } from './sluice.ts'
export { SluiceStack } from './sluice-stack.ts'
export { StateTables, type StateTablesProps } from './state-tables.ts'
