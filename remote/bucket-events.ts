import { GetBucketNotificationConfigurationCommand, type S3Client } from '@aws-sdk/client-s3'
import { ManifestError } from '../core/errors.ts'

/**
 * Refuses a bucket that tells EventBridge nothing of its objects, with the command that turns it on. Buckets of
 * sources are not the stack's, and the setting is one document with everybody's notifications in it: whoever owns
 * the bucket changes it.
 */
export async function checkBucketEvents(bucket: string, client: Pick<S3Client, 'send'>): Promise<void> {
  const { $metadata: _, ...configuration } = await read(bucket, client)
  if (configuration.EventBridgeConfiguration !== undefined) return
  // The command replaces the whole configuration, so that what is there has to be in it.
  const whole = JSON.stringify({ ...configuration, EventBridgeConfiguration: {} })
  throw new ManifestError({
    code: 'BUCKET_EVENTS_OFF',
    fact: `bucket ${bucket} sends no events to EventBridge, so that no object’s arrival would start anything`,
    consequence: 'No trigger was changed',
    next: `Turn it on, then deploy again: aws s3api put-bucket-notification-configuration --bucket ${bucket} --notification-configuration '${whole.replaceAll("'", `'\\''`)}'`,
  })
}

async function read(bucket: string, client: Pick<S3Client, 'send'>) {
  try {
    return await client.send(new GetBucketNotificationConfigurationCommand({ Bucket: bucket }))
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const { name } = error
    const reason = reasons[name]
    if (reason === undefined) throw error
    throw new ManifestError({
      code: 'BUCKET_EVENTS_UNKNOWN',
      fact: `whether bucket ${bucket} sends events to EventBridge cannot be told: ${reason.fact} (${name})`,
      consequence: 'No trigger was changed',
      next: reason.next,
      cause: error,
    })
  }
}

const reasons: Readonly<Record<string, { readonly fact: string; readonly next: string }>> = {
  NoSuchBucket: { fact: 'there is none of that name', next: 'Correct the path of the connection' },
  AccessDenied: {
    fact: 'its configuration may not be read',
    next: 'Deploy with s3:GetBucketNotification on it',
  },
  PermanentRedirect: {
    fact: 'it is in another region, whose events do not come to this one',
    next: 'Deploy a stack in the region of the bucket, or give the dataflow a schedule instead',
  },
}
