/**
 * The newest version of each object that anybody told of: a watch that lags behind the answer to our own write brings
 * older ones.
 */
import { isNewer } from '../sources/timeline.ts'

interface Versioned {
  readonly uid: string
  readonly resourceVersion: string
}

export class NewestVersions {
  /** By UID; none from before the last list was asked for. */
  readonly #versions = new Map<string, string>()

  /**
   * A list is asked for. It will show everything that was written until now, so whatever it brings is as new as what
   * was known before, also where its version is lower: a restored etcd counts on from an earlier one. What is answered
   * from now on may be newer than the list, which can have been made already.
   */
  listBegins(): void {
    this.#versions.clear()
  }

  /** Whether an object is to be taken in; an older one than was taken in before is not. */
  admit({ uid, resourceVersion }: Versioned): boolean {
    const known = this.#versions.get(uid)
    if (known !== undefined && isNewer(known, resourceVersion)) return false
    this.#versions.set(uid, resourceVersion)
    return true
  }

  forget(uid: string): void {
    this.#versions.delete(uid)
  }
}
