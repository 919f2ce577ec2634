import { randomUUID } from 'node:crypto'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { afterAll, expect, inject, it } from 'vitest'
import { s3Objects } from '../../local/step-functions/index.ts'
import { localS3 } from './clients.ts'

const ministack = inject('ministack')
if (ministack === undefined || 'skipped' in ministack) {
  it.skip(`S3 on MiniStack: ${ministack?.skipped ?? 'runs under npm run test:aws only'}`, () => undefined)
} else {
  const client = localS3(ministack.url)
  afterAll(() => client.destroy())

  it('gives a state machine the objects of a bucket, as they are and all of them', async () => {
    const bucket = `objects-${randomUUID()}`
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
    const objects = s3Objects(client)
    const keys = Array.from({ length: 1001 }, (_, n) => `in/${String(n).padStart(4, '0')}`)
    await Promise.all(keys.map((key) => objects.putObject(bucket, key, `ü${key}`)))
    await objects.putObject(bucket, 'out/1', 'x')
    expect(Buffer.from(await objects.getObject(bucket, 'in/0007')).toString()).toBe('üin/0007')
    await expect(objects.getObject(bucket, 'in/none')).rejects.toMatchObject({ name: 'NoSuchKey' })
    const listed = []
    for await (const object of await objects.listObjects(bucket, 'in/')) listed.push(object)
    expect(listed.map(({ key }) => key)).toEqual(keys)
    expect(listed[0]).toMatchObject({
      size: 9,
      etag: expect.stringMatching(/^"/),
      lastModified: expect.any(Date),
    })
  })
}
