import { Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'
import { setFeatureFlags } from './feature-flags.ts'
import type { SluiceStackProps } from './props.ts'
import { Sluice } from './sluice.ts'

/**
 * A stack that is {@link Sluice} and nothing else, with the outputs that a client reads. Its template depends on its
 * properties only, not on the feature flags of the app that it is put in.
 */
export class SluiceStack extends Stack {
  readonly sluice: Sluice

  constructor(scope: Construct, id: string, props: SluiceStackProps = {}) {
    super(scope, id, props)
    setFeatureFlags(this)
    // This id is left out of logical ids, so that they are as short as those of the parts.
    this.sluice = new Sluice(this, 'Default', props)
    this.sluice.writeOutputs()
  }
}
