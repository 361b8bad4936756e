/**
 * Who refused that an object be created, from the API server's words. Pure.
 */

/** Who refuses, by name. */
export interface Refuser {
  readonly kind: 'ResourceQuota' | 'webhook'
  readonly name: string
}

/**
 * The quota or the webhook that a message of the API server blames. Only the name is kept: a webhook may quote the object.
 * Source: apiserver/pkg/admission/plugin/resourcequota/controller.go ("exceeded quota: NAME"),
 * apiserver/pkg/admission/plugin/webhook/errors/statuserror.go and mutating/dispatcher.go.
 */
export function refuserIn(message = ''): Refuser | undefined {
  const quota = /exceeded quota: ([-.a-z0-9]+)/.exec(message)?.[1]
  if (quota !== undefined) return { kind: 'ResourceQuota', name: quota }
  const webhook = /(?:admission|calling) webhook "([-.a-z0-9]+)"/.exec(message)?.[1]
  return webhook === undefined ? undefined : { kind: 'webhook', name: webhook }
}
