import { inject, it } from 'vitest'
import { dynamoSuites } from './dynamodb-suites.ts'

for (const [name, key] of [
  ['MiniStack', 'ministack'],
  ['DynamoDB Local', 'dynamodbLocal'],
] as const) {
  const endpoint = inject(key)
  if (endpoint === undefined || 'skipped' in endpoint) {
    const why = endpoint?.skipped ?? 'runs under npm run test:aws only'
    it.skip(`DynamoDB on ${name}: ${why}`, () => undefined)
  } else {
    dynamoSuites(name, endpoint.url)
  }
}
