/**
 * The objects of a large cluster as an API server sends them: with managedFields, conditions and all else that real
 * ones have. They are made one by one when they are asked for.
 */

export interface ClusterSize {
  readonly workloads: number
  readonly podsEach: number
  /** One of them has the pods; the others are those of the last revisions. */
  readonly replicaSetsEach: number
  /** Whether the workloads have opted in. */
  readonly optedIn: boolean
}

/** Nothing but a namespace. */
export const EMPTY: ClusterSize = {
  workloads: 0,
  podsEach: 0,
  replicaSetsEach: 0,
  optedIn: false,
}

const WORKLOADS_EACH = 20
const MADE = '2026-01-01T00:00:00Z'
const CONTENT = { value: Buffer.from('a password').toString('base64') }

/** All objects of a resource; none of one that this cluster has none of. */
export function* objectsOf(resource: string, size: ClusterSize): Generator<object> {
  const { workloads, podsEach, replicaSetsEach } = size
  if (resource === 'namespaces') {
    yield { metadata: { name: 'sluice-system', uid: uid('n', 0), resourceVersion: '1' } }
    for (let i = 0; i < workloads / WORKLOADS_EACH; i++) yield namespace(i)
  }
  for (let i = 0; i < workloads; i++) {
    if (resource === 'secrets') yield secret(i)
    if (resource === 'deployments') yield deployment(i, size)
    if (resource === 'replicasets') {
      for (let revision = 0; revision < replicaSetsEach; revision++) yield replicaSet(i, revision)
    }
    if (resource === 'pods') for (let pod = 0; pod < podsEach; pod++) yield runningPod(i, pod)
  }
}

/** 36 characters, as a UID has. */
function uid(kind: string, ...numbers: readonly number[]): string {
  const digits = numbers.map((each) => each.toString(16).padStart(6, '0')).join('')
  const hex = (kind.charCodeAt(0).toString(16) + digits).padStart(32, '3')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5')
}

const placeOf = (i: number) => ({
  namespace: `team-${Math.floor(i / WORKLOADS_EACH)}-production`,
  name: `service-number-${i}`,
})
const hashOf = (revision: number) => (0x5d4f8c6b9 + revision).toString(16).slice(-9)

function namespace(i: number): object {
  const { namespace: name } = placeOf(i * WORKLOADS_EACH)
  const labels = { 'kubernetes.io/metadata.name': name }
  return {
    metadata: { name, uid: uid('n', i + 1), resourceVersion: String(1000 + i), labels },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }
}

function secret(i: number): object {
  return {
    metadata: {
      ...placeOf(i),
      uid: uid('s', i),
      resourceVersion: String(10_000 + i),
      creationTimestamp: MADE,
      managedFields: [managed('helm', { 'f:data': { 'f:password': {} }, 'f:type': {} })],
    },
    type: 'Opaque',
    data: { password: CONTENT.value, username: CONTENT.value },
  }
}

function managed(manager: string, fieldsV1: object, subresource?: string): object {
  return {
    manager,
    operation: 'Update',
    apiVersion: 'v1',
    time: MADE,
    fieldsType: 'FieldsV1',
    fieldsV1,
    ...(subresource !== undefined && { subresource }),
  }
}

function podSpec(i: number): Readonly<Record<string, unknown>> {
  const { name } = placeOf(i)
  const probe = (path: string) => ({
    httpGet: { path, port: 8080, scheme: 'HTTP' },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  })
  const container = (called: string) => ({
    name: called,
    image: `registry.example.com/shop/${called}@sha256:${'ab'.repeat(32)}`,
    env: [
      { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name, key: 'password' } } },
      { name: 'DB_USER', valueFrom: { secretKeyRef: { name, key: 'username' } } },
      { name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
      ...Array.from({ length: 8 }, (_, n) => ({ name: `SETTING_${n}`, value: `value ${n}` })),
    ],
    resources: { limits: { memory: '512Mi' }, requests: { cpu: '250m', memory: '512Mi' } },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/config', readOnly: true },
      {
        name: 'kube-api-access-7xk2p',
        readOnly: true,
        mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
      },
    ],
    livenessProbe: probe('/healthz'),
    readinessProbe: probe('/readyz'),
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: 'IfNotPresent',
  })
  return {
    volumes: [
      { name: 'config', configMap: { name, defaultMode: 420 } },
      {
        name: 'kube-api-access-7xk2p',
        projected: {
          sources: [
            { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
            {
              configMap: {
                name: 'kube-root-ca.crt',
                items: [{ key: 'ca.crt', path: 'ca.crt' }],
              },
            },
          ],
          defaultMode: 420,
        },
      },
    ],
    containers: [container('application'), container('proxy')],
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'default',
    schedulerName: 'default-scheduler',
  }
}

function deployment(i: number, { podsEach, optedIn }: ClusterSize): object {
  const { name } = placeOf(i)
  const labels = { 'app.kubernetes.io/name': name }
  return {
    metadata: {
      ...placeOf(i),
      uid: uid('d', i),
      resourceVersion: String(1_000_000 + i),
      generation: 1,
      creationTimestamp: MADE,
      labels,
      annotations: {
        'deployment.kubernetes.io/revision': '11',
        ...(optedIn && { 'sluice.dev/restart-on-change': 'true' }),
      },
    },
    spec: {
      replicas: podsEach,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec(i) },
      strategy: {
        type: 'RollingUpdate',
        rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
      },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    },
    status: {
      observedGeneration: 1,
      replicas: podsEach,
      updatedReplicas: podsEach,
      readyReplicas: podsEach,
      availableReplicas: podsEach,
      conditions: [
        {
          type: 'Progressing',
          status: 'True',
          lastUpdateTime: MADE,
          lastTransitionTime: MADE,
          reason: 'NewReplicaSetAvailable',
          message: `ReplicaSet "${name}-${hashOf(0)}" has successfully progressed.`,
        },
      ],
    },
  }
}

function replicaSet(i: number, revision: number): object {
  const { namespace: space, name } = placeOf(i)
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {
      namespace: space,
      name: `${name}-${hashOf(revision)}`,
      uid: uid('r', i, revision),
      resourceVersion: String(2_000_000 + i * 100 + revision),
      creationTimestamp: MADE,
      labels: { 'app.kubernetes.io/name': name, 'pod-template-hash': hashOf(revision) },
      ownerReferences: [owner('apps/v1', 'Deployment', name, uid('d', i))],
    },
  }
}

function owner(apiVersion: string, kind: string, name: string, of: string): object {
  return { apiVersion, kind, name, uid: of, controller: true, blockOwnerDeletion: true }
}

function runningPod(i: number, pod: number): object {
  const { namespace: space, name } = placeOf(i)
  const number = i * 1000 + pod
  const condition = (type: string) => ({
    type,
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: MADE,
  })
  const status = (called: string, n: number) => ({
    name: called,
    image: `registry.example.com/shop/${called}`,
    imageID: `registry.example.com/shop/${called}@sha256:${'ab'.repeat(32)}`,
    containerID: `containerd://${(number * 10 + n).toString(16).padStart(64, 'c')}`,
    ready: true,
    started: true,
    restartCount: 0,
    state: { running: { startedAt: MADE } },
    lastState: {},
  })
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {
      namespace: space,
      name: `${name}-${hashOf(0)}-${(0x20000 + (pod % 0x8000)).toString(36).padStart(5, 'x')}`,
      generateName: `${name}-${hashOf(0)}-`,
      uid: uid('p', i, pod),
      resourceVersion: String(10_000_000 + number),
      creationTimestamp: MADE,
      labels: { 'app.kubernetes.io/name': name, 'pod-template-hash': hashOf(0) },
      ownerReferences: [owner('apps/v1', 'ReplicaSet', `${name}-${hashOf(0)}`, uid('r', i, 0))],
      managedFields: [
        managed('kube-controller-manager', { 'f:metadata': {}, 'f:spec': { 'f:containers': {} } }),
        managed(
          'kubelet',
          { 'f:status': { 'f:conditions': {}, 'f:containerStatuses': {}, 'f:phase': {} } },
          'status',
        ),
      ],
    },
    spec: { ...podSpec(i), nodeName: `node-${number % 500}.example.com` },
    status: {
      phase: 'Running',
      conditions: [
        'PodReadyToStartContainers',
        'Initialized',
        'Ready',
        'ContainersReady',
        'PodScheduled',
      ].map(condition),
      hostIP: '10.0.0.1',
      podIP: `10.1.${(number >> 8) % 256}.${number % 256}`,
      startTime: MADE,
      containerStatuses: [status('application', 0), status('proxy', 1)],
      qosClass: 'Burstable',
    },
  }
}
