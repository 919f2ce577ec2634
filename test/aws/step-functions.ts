import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { S3Client } from '@aws-sdk/client-s3'
import { DescribeStateMachineCommand, SFNClient, StateMachineDoesNotExist } from '@aws-sdk/client-sfn'
import {
  type FindStateMachine,
  type InvokeFunction,
  lambdaTasks,
  type StepFunctionsServer,
  s3Objects,
  startStepFunctions,
} from '../../local/step-functions/index.ts'

/** Executions of the state machines that an emulator keeps, with its functions and its objects. */
export async function startStepFunctionsOver(
  endpoint: string,
  port: number,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
): Promise<StepFunctionsServer> {
  // Retries are the state machine's own, so the client makes none.
  const config = { endpoint, region: 'us-east-1', credentials, maxAttempts: 1 }
  const functions = new LambdaClient(config)
  const machines = new SFNClient(config)
  const objects = new S3Client({ ...config, forcePathStyle: true, maxAttempts: 3 })
  const server = await startStepFunctions({
    port,
    findStateMachine: findIn(machines),
    tasks: lambdaTasks(invokeWith(functions)),
    objects: s3Objects(objects),
  })
  return {
    url: server.url,
    stop: async () => {
      await server.stop()
      for (const client of [functions, machines, objects]) client.destroy()
    },
  }
}

function invokeWith(client: LambdaClient): InvokeFunction {
  return async (FunctionName, payload, abortSignal) => {
    const answer = await client.send(new InvokeCommand({ FunctionName, Payload: Buffer.from(payload) }), {
      abortSignal,
    })
    return {
      payload: Buffer.from(answer.Payload ?? []).toString('utf8'),
      ...(answer.FunctionError === undefined ? {} : { functionError: answer.FunctionError }),
    }
  }
}

function findIn(client: SFNClient): FindStateMachine {
  return async (stateMachineArn) => {
    try {
      const found = await client.send(new DescribeStateMachineCommand({ stateMachineArn }))
      return {
        definition: found.definition ?? '',
        roleArn: found.roleArn ?? '',
        type: found.type ?? 'STANDARD',
        creationDate: found.creationDate ?? new Date(),
      }
    } catch (error) {
      if (error instanceof StateMachineDoesNotExist) return undefined
      throw error
    }
  }
}
