import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App } from 'aws-cdk-lib'
import { describe, expect, it } from 'vitest'
import { readSettings } from '../../cdk/settings.ts'

const settings = (context: Record<string, unknown>) => readSettings(new App({ context }).node)

describe('the context of the app', () => {
  it('may say nothing', () => {
    expect(settings({ '@aws-cdk/core:something': true })).toEqual({
      stackName: 'Sluice',
      architecture: 'arm64',
      childType: 'STANDARD',
      environment: 'production',
      removalPolicy: 'retain',
      sources: [],
    })
  })

  it('names sources by bucket and prefix', () => {
    expect(settings({ 'sluice:sources': 'landing, archive/2026/' }).sources).toEqual([
      { bucketName: 'landing', prefix: '' },
      { bucketName: 'archive', prefix: '2026/' },
    ])
  })

  it('turns the mirror on', () => {
    expect(settings({ 'sluice:glueMirror': true }).glueMirror).toEqual({})
    expect(settings({ 'sluice:glueMirror': 'true' }).glueMirror).toEqual({})
    expect(settings({ 'sluice:glueMirror': 'false' }).glueMirror).toBeUndefined()
  })

  it('is refused where a key or a value is not known', () => {
    expect(() => settings({ 'sluice:architcture': 'x64' })).toThrow(/sluice:architcture is not known/)
    expect(() => settings({ 'sluice:architcture': 'x64' })).toThrow(/glueMirror, alarmTopicArn/)
    expect(() => settings({ 'sluice:glueMirror': 'yes' })).toThrow(/"yes".*true, false/)
    expect(() => settings({ 'sluice:childType': 'express' })).toThrow(/"express".*STANDARD, EXPRESS/)
  })
})

describe('the app of cdk.json', () => {
  it('synthesizes the stack', () => {
    const outdir = mkdtempSync(join(tmpdir(), 'sluice-app-'))
    try {
      const { app } = JSON.parse(readFileSync('cdk.json', 'utf8')) as { readonly app: string }
      const context = {
        'sluice:stackName': 'Ours',
        'sluice:architecture': process.arch,
        'sluice:removalPolicy': 'destroy',
        'sluice:glueMirror': 'true',
        'aws:cdk:disable-asset-staging': true,
      }
      const [, file] = app.split(' ')
      const run = spawnSync(process.execPath, [file as string], {
        encoding: 'utf8',
        env: { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) },
      })
      expect([run.status, run.stderr]).toEqual([0, ''])
      const template = readFileSync(join(outdir, 'Ours.template.json'), 'utf8')
      expect(template).toContain('AWS::StepFunctions::StateMachine')
      expect(template).toContain('Custom::S3AutoDeleteObjects')
      expect(template).toContain('LakeReaderPolicyArn')
    } finally {
      rmSync(outdir, { recursive: true, force: true })
    }
  })
})
