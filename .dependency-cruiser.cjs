/** The dependency rule of docs/architecture.md, checked by `npm run architecture`. */
module.exports = {
  forbidden: [
    {
      name: 'core-knows-no-host',
      comment: 'core is what the gates are made of; it knows neither Lambda nor a laptop nor a terminal.',
      severity: 'error',
      from: { path: '^core/' },
      to: { path: '^(lambdas|local|remote|cli|cdk|bench|examples)/' },
    },
    {
      name: 'lambdas-know-no-laptop',
      severity: 'error',
      from: { path: '^lambdas/' },
      to: { path: '^(local|remote|cli|cdk)/' },
    },
    {
      name: 'remote-runs-nothing-itself',
      comment:
        'remote/ is a client of a deployed stack; what an embedded run is made of is not its business.',
      severity: 'error',
      from: { path: '^remote/' },
      to: { path: '^(local|cli|cdk)/' },
    },
    {
      name: 'asl-is-a-library-of-its-own',
      severity: 'error',
      from: { path: '^local/asl/' },
      to: { path: '^(core|lambdas|remote|cli|cdk|local/(?!asl/))' },
    },
    {
      name: 'step-functions-knows-the-interpreter-only',
      comment: 'What it serves is any state machine, not this project.',
      severity: 'error',
      from: { path: '^local/step-functions/' },
      to: { path: '^(core|lambdas|remote|cli|cdk|local/(?!asl/|step-functions/))' },
    },
    {
      name: 'aws-sdk-at-the-edges-only',
      comment: 'The adapters of the stores, the client of a stack, and the stand-in for Step Functions.',
      severity: 'error',
      from: {
        path: '^(core|lambdas|local|remote|cli)/',
        pathNot: ['^core/stores/', '^remote/', '^local/step-functions/'],
      },
      to: { path: '@aws-sdk/' },
    },
    {
      name: 'duckdb-in-engine-only',
      comment: 'Tests may write Parquet files with DuckDB to read them back.',
      severity: 'error',
      from: {
        path: '^(core|lambdas|local|remote|cli)/',
        pathNot: ['^core/engine/', '\\.test\\.ts$', '\\.suite\\.ts$'],
      },
      to: { path: '@duckdb/' },
    },
    {
      name: 'middy-in-one-file-only',
      severity: 'error',
      from: { path: '^(core|lambdas|local|remote|cli)/', pathNot: '^lambdas/control-handler\\.ts$' },
      to: { path: '@middy/' },
    },
    {
      name: 'zod-at-authoring-time-only',
      comment: 'Handlers read rendered manifests; loading zod would cost every cold start 100 ms.',
      severity: 'error',
      from: { path: '^(lambdas|core/(?!manifest/))', pathNot: '\\.test\\.ts$' },
      to: { path: 'node_modules/zod' },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.js', '.json'],
    },
  },
}
