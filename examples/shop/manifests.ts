/**
 * The shop as objects of Kubernetes: services that share one Secret, which holds the login of the database.
 */
import { join } from 'node:path'
import type { V1Deployment, V1Secret } from '@kubernetes/client-node'

/** The Secret that all services read. */
export const SECRET = 'shop-database'

export const SERVICES = [
  'billing',
  'cart',
  'customers',
  'invoices',
  'mail',
  'orders',
  'payments',
  'prices',
  'returns',
  'search',
  'shipping',
  'stock',
] as const

/** Connections that each pod opens at start, and may have. */
export const POOL = { min: 3, max: 6 }
/** The port that each pod serves on its own address. */
export const PORT = 8080

export interface DatabaseAddress {
  readonly host: string
  readonly port: number
  readonly name: string
}

export interface Login {
  readonly user: string
  readonly password: string
}

/** The login of the database; the annotation makes a rotation of it go first and faster. */
export function loginSecret(namespace: string, login: Login, urgent: boolean): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: SECRET,
      namespace,
      ...(urgent && { annotations: { 'sluice.dev/urgent': 'true' } }),
    },
    stringData: { DB_USER: login.user, DB_PASSWORD: login.password },
  }
}

/** A service: pods that are processes of this machine, with the strategy that every Deployment has by default. */
export function serviceDeployment(
  service: string,
  namespace: string,
  replicas: number,
  database: DatabaseAddress,
): V1Deployment {
  const fromSecret = (key: string) => ({
    name: key,
    valueFrom: { secretKeyRef: { name: SECRET, key } },
  })
  // Both ways are common: the variables one by one, or all that the Secret holds.
  const oneByOne = SERVICES.findIndex((name) => name === service) % 3 !== 2
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: service, namespace, annotations: { 'sluice.dev/restart-on-change': 'true' } },
    spec: {
      replicas,
      selector: { matchLabels: { app: service } },
      template: {
        metadata: {
          labels: { app: service },
          annotations: { 'sim.sluice.dev/runtime': 'process' },
        },
        spec: {
          terminationGracePeriodSeconds: 15,
          containers: [
            {
              name: 'service',
              image: 'registry.example/shop:1',
              command: [process.execPath, join(import.meta.dirname, 'service.ts')],
              ports: [{ name: 'http', containerPort: PORT }],
              env: [
                { name: 'SERVICE', value: service },
                { name: 'LISTEN', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
                { name: 'PORT', value: String(PORT) },
                { name: 'POOL_MIN', value: String(POOL.min) },
                { name: 'POOL_MAX', value: String(POOL.max) },
                { name: 'DB_HOST', value: database.host },
                { name: 'DB_PORT', value: String(database.port) },
                { name: 'DB_NAME', value: database.name },
                ...(oneByOne ? [fromSecret('DB_USER'), fromSecret('DB_PASSWORD')] : []),
              ],
              ...(!oneByOne && { envFrom: [{ secretRef: { name: SECRET } }] }),
              readinessProbe: {
                httpGet: { path: '/ready', port: 'http' },
                periodSeconds: 1,
                timeoutSeconds: 2,
                failureThreshold: 3,
              },
            },
          ],
        },
      },
    },
  }
}
