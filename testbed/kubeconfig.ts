import { writeFileSync } from 'node:fs'
import { stringify } from 'yaml'

/** Writes a kubeconfig with one cluster and one user, and returns its path. */
export function writeKubeconfig(
  path: string,
  access: {
    server: string
    certificateAuthority: string
    user: string
    token: string
    namespace?: string
  },
): string {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    clusters: [
      {
        name: 'test',
        cluster: {
          server: access.server,
          'certificate-authority-data': Buffer.from(access.certificateAuthority).toString('base64'),
        },
      },
    ],
    users: [{ name: access.user, user: { token: access.token } }],
    contexts: [
      {
        name: 'test',
        context: { cluster: 'test', user: access.user, namespace: access.namespace ?? 'default' },
      },
    ],
  }
  writeFileSync(path, stringify(config), { mode: 0o600 })
  return path
}
