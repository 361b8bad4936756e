/**
 * The certificate that endpoints are served with, in the files of a Secret of the type kubernetes.io/tls.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** In PEM. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** How often it is looked whether there is a new one (ms); the kubelet takes as long to write it. */
const LOOK_EVERY = 60_000

/** Reads `tls.crt` and `tls.key`. @throws with a clear message where they cannot be used */
export async function readCertificate(directory: string): Promise<Certificate> {
  const [certFile, keyFile] = [join(directory, 'tls.crt'), join(directory, 'tls.key')]
  try {
    const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')])
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      throw new Error('the key is that of another certificate')
    }
    return { cert, key }
  } catch (error) {
    // The cause has nothing of the key in it: the system names a file, OpenSSL the kind of fault.
    throw new Error(`expected a certificate and its key in ${certFile} and ${keyFile}`, {
      cause: error,
    })
  }
}

export interface CertificateWatch {
  readonly directory: string
  /** That in use. */
  readonly current: Certificate
  readonly onRenewed: (certificate: Certificate) => void
  /** Told where the files cannot be used; what is in use stays so. */
  readonly onError: (error: unknown) => void
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Looks for a new certificate until `signal` aborts. */
export async function keepCertificateNew(
  { directory, current, onRenewed, onError, sleep }: CertificateWatch,
  signal: AbortSignal,
): Promise<void> {
  let used = current
  for (;;) {
    await sleep(LOOK_EVERY, signal)
    if (signal.aborted) return
    try {
      const found = await readCertificate(directory)
      if (found.cert === used.cert && found.key === used.key) continue
      onRenewed(found)
      used = found
    } catch (error) {
      onError(error)
    }
  }
}
