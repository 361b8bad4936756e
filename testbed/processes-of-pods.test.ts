// The contract on our own nodes; test/e2e/real-node.test.ts has it on a real one.
import { afterAll, beforeAll } from 'vitest'
import { type TestCluster, startCluster } from './cluster.ts'
import { podContract } from './pod-contract.ts'

let cluster: TestCluster

beforeAll(async () => {
  cluster = await startCluster()
})
afterAll(() => cluster.stop())

podContract(() => cluster, '127.')
