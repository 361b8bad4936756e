/**
 * A certificate for tests, that nobody has signed but itself.
 */
import { generate } from 'selfsigned'
import type { Certificate } from '../../../src/report/http/certificate.ts'

/** For `localhost` and `127.0.0.1`. */
export async function newCertificate(): Promise<Certificate> {
  const made = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    extensions: [
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  return { cert: made.cert, key: made.private }
}
