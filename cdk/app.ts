import { App, RemovalPolicy } from 'aws-cdk-lib'
import { featureFlags } from './feature-flags.ts'
import { readSettings } from './settings.ts'
import { SluiceStack } from './sluice-stack.ts'

/** What `cdk deploy` deploys: one stack, set up by `-c sluice:…`. */
const app = new App({ context: { ...featureFlags } })
const { stackName, removalPolicy, ...settings } = readSettings(app.node)
const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env
new SluiceStack(app, stackName, {
  ...settings,
  removalPolicy: removalPolicy === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
  env: { account, region },
})
app.synth()
