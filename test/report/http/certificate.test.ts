import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  keepCertificateNew,
  readCertificate,
  type Certificate,
} from '../../../src/report/http/certificate.ts'
import { newCertificate } from './new-certificate.ts'

let directory: string
let first: Certificate
let second: Certificate

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluice-tls-'))
  first = await newCertificate()
  second = await newCertificate()
})
afterAll(() => rm(directory, { recursive: true }))
beforeEach(() => write(first))

async function write({ cert, key }: Certificate): Promise<void> {
  await writeFile(join(directory, 'tls.crt'), cert)
  await writeFile(join(directory, 'tls.key'), key)
}

/** Lets so many looks go by, with what is in the files at each; returns what came of them. */
async function looks(...contents: readonly Certificate[]) {
  const [renewed, errors]: [Certificate[], unknown[]] = [[], []]
  const end = new AbortController()
  const left = [...contents]
  await keepCertificateNew(
    {
      directory,
      current: first,
      onRenewed: (certificate) => renewed.push(certificate),
      onError: (error) => errors.push(error),
      async sleep(ms) {
        expect(ms).toBe(60_000)
        const next = left.shift()
        if (next) await write(next)
        else end.abort()
      },
    },
    end.signal,
  )
  return { renewed, errors }
}

describe('the certificate', () => {
  test('is read from the files of a Secret of the type kubernetes.io/tls', async () => {
    expect(await readCertificate(directory)).toEqual(first)
  })

  test('that is missing is told with its file', async () => {
    await expect(readCertificate('/nowhere')).rejects.toMatchObject({
      message: 'expected a certificate and its key in /nowhere/tls.crt and /nowhere/tls.key',
      cause: { code: 'ENOENT' },
    })
  })

  test.each<[string, () => Certificate]>([
    ['has the key of another one', () => ({ cert: first.cert, key: second.key })],
    ['is no certificate', () => ({ cert: 'hunter2', key: first.key })],
    ['has a key that is none', () => ({ cert: first.cert, key: 'hunter2' })],
    ['is empty', () => ({ cert: '', key: '' })],
  ])('that %s is refused, and not quoted', async (_, made) => {
    await write(made())
    const error: unknown = await readCertificate(directory).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    expect(`${String(error)} ${String((error as Error).cause)}`).not.toContain('hunter2')
  })

  test('that changes is used from the next look on, once', async () => {
    expect(await looks(first, second, second, first)).toEqual({
      renewed: [second, first],
      errors: [],
    })
  })

  test('whose files do not belong together yet is left for the next look', async () => {
    const half = { cert: second.cert, key: first.key }
    const { renewed, errors } = await looks(half, second)
    expect(renewed).toEqual([second])
    expect(errors).toHaveLength(1)
  })
})
