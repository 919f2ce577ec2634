/**
 * The API of AWS Step Functions on a loopback port, over the project's own interpreter (`local/asl`), for emulators
 * of AWS whose own engine cannot be trusted with a Distributed Map. A client needs nothing but
 * `AWS_ENDPOINT_URL_SFN`.
 *
 * Served: StartExecution, DescribeExecution, StopExecution, ListExecutions, GetExecutionHistory and
 * DescribeStateMachine, with the names, limits and errors of AWS. Anything else, and every parameter that would
 * have to be ignored, is refused by name. State machines are not kept here: the definition is asked for at every
 * start, from whoever has it, so an execution runs what is deployed at that moment. Tasks are Lambda functions,
 * called through a port; an ItemReader and a ResultWriter use another one.
 *
 * Not as on AWS: executions live as long as the process; children of a Distributed Map are seen through their
 * parent and its ResultWriter only; nothing is redriven, throttled or charged.
 *
 * @module
 */
export { type InvokeAnswer, type InvokeFunction, lambdaTasks } from './lambda-tasks.ts'
export { s3Objects } from './s3-objects.ts'
export { type ServerOptions, type StepFunctionsServer, startStepFunctions } from './server.ts'
export type { FindStateMachine, StateMachineRecord } from './state-machines.ts'
