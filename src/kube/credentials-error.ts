/** Credentials that are missing or cannot be used. The message tells where and what, and quotes none of them. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError'
}
