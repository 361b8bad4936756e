/**
 * How far Sluice reads Secrets, from most rights to least.
 *
 * `cluster` lists and watches all; a list of namespaces those of the namespaces that it names; `named` watches each Secret
 * that an opted-in workload is judged by, one by one: that takes no right but `watch` on it.
 */
export type SecretAccess = 'cluster' | 'named' | readonly string[]
