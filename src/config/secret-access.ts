/**
 * How far Sluice reads Secrets, from most rights to least. Pure.
 *
 * `cluster` lists and watches all; `namespaces` those of the namespaces that are named; `named` watches each Secret
 * that an opted-in workload is judged by, one by one: that takes no right but `watch` on it.
 */
export const SECRET_ACCESS = ['cluster', 'namespaces', 'named'] as const

export type SecretAccess = (typeof SECRET_ACCESS)[number]
