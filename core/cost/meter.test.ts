import { describe, expect, it } from 'vitest'
import type { Deployment, Ports } from '../ports.ts'
import { meteredPorts } from './meter.ts'
import { runCost } from './run-cost.ts'
import { invocationUsage, noUsage, type Usage } from './usage.ts'

const put = { kind: 'put', item: { pk: 'p', sk: 's', text: 'x'.repeat(1500) } } as const
const express: Deployment = {
  region: 'eu-west-1',
  architecture: 'x64',
  child_type: 'EXPRESS',
  memory_mb: 4096,
}

function portsOf(deployment?: Deployment): Ports {
  const state = { get: async () => undefined, transact: async () => undefined }
  return { state, ...(deployment && { deployment }) } as unknown as Ports
}

describe('meteredPorts', () => {
  it('counts what was asked, what is spared, and the writes that are still to come', async () => {
    const ports = meteredPorts('contract', portsOf())
    await ports.state.get('p', 's')
    await ports.state.transact([put])
    ports.meter?.spared(3)
    const usage = ports.meter?.reading([put], { child_transitions: 2 }) as Usage
    expect(usage).toMatchObject({
      dynamodb_read_units: 1 + 3,
      dynamodb_write_units: 4 + 4,
      child_transitions: 2,
    })
    expect(usage.child_milliseconds).toBe(usage.handlers.contract?.milliseconds)
  })

  it('takes the memory of the function, or of a default stack; two invocations do not see each other', () => {
    const gbSeconds = (ports: Ports) => {
      const used = ports.meter?.reading([]).handlers.contract
      return [used?.gb_seconds, used?.milliseconds] as [number, number]
    }
    const [embedded, ms] = gbSeconds(meteredPorts('contract', portsOf()))
    expect(embedded).toBeCloseTo((ms * 3008) / 1024 / 1000, 8)
    const [deployed, ms2] = gbSeconds(meteredPorts('contract', portsOf(express)))
    expect(deployed).toBeCloseTo((ms2 * 4096) / 1024 / 1000, 8)
  })

  it("the run's own handlers are in no dataflow's execution", () => {
    const ports = meteredPorts('seal', portsOf())
    expect(ports.meter?.reading([]).child_milliseconds).toBe(0)
  })
})

describe('runCost', () => {
  const flow: Usage = {
    ...noUsage,
    handlers: { extract: invocationUsage(99.2, 1024) },
    child_transitions: 18,
    child_executions: 1,
    child_milliseconds: 100,
  }

  it('says for whom an embedded run is estimated', () => {
    const cost = runCost({ ...noUsage, transitions: 8 }, [flow, undefined, flow], undefined)
    expect(cost).toMatchObject({
      estimated_for: 'aws',
      child_type: 'STANDARD',
      transitions: 8 + 36,
      lambda_requests: 2,
    })
    expect(cost.lambda_gb_seconds).toBeCloseTo(0.2, 9)
    expect(cost).not.toHaveProperty('run_region')
  })

  it('and of a deployed one how and where it ran, at the prices that it has', () => {
    const cost = runCost({ ...noUsage, transitions: 8 }, [flow, flow], express)
    expect(cost).toMatchObject({
      run_region: 'eu-west-1',
      region: 'us-east-1',
      architecture: 'x64',
      transitions: 8,
      express_requests: 2,
    })
    expect(cost).not.toHaveProperty('estimated_for')
  })
})
