import { App, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import { SluiceStack } from './cdk/index.ts'
import { featureFlags } from './cdk/feature-flags.ts'
const app = new App({ context: { ...featureFlags, 'aws:cdk:disable-asset-staging': true }, outdir: '/tmp/cdk-nag-out' })
new SluiceStack(app, 'Sluice', { architecture: 'x64', sources: [{ bucketName: 'landing', prefix: 'in/' }], env: { account: '123456789012', region: 'eu-west-1' } })
Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
const t = Date.now()
try { app.synth() } catch (e) { console.log(String((e as Error).message)) }
console.log(Date.now() - t)
