import recommended from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' }
import type { Construct } from 'constructs'

/**
 * The feature flags that `cdk init` writes into a new project's cdk.json, from the CDK that is installed.
 * Without them a bare `new App()`, as tests use it, makes another template than `cdk deploy` does.
 */
export const featureFlags: Readonly<Record<string, unknown>> = recommended

/**
 * Sets the flags for everything below `scope`, so that the stack is the same one in whatever app it is put.
 * Only before the scope has children.
 */
export function setFeatureFlags(scope: Construct): void {
  for (const [flag, value] of Object.entries(featureFlags)) scope.node.setContext(flag, value)
}
