/**
 * What a process holds open, by the kernel's own count.
 */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** The state of a TCP connection that is established, in /proc/net/tcp. */
const ESTABLISHED = '01'

export interface OpenDescriptors {
  readonly all: number
  /** TCP connections to the port. */
  readonly connections: number
}

export function openDescriptors(pid: number, port: number): OpenDescriptors {
  const targets = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
  const sockets = new Set(targets.map((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1]))
  const rows = readFileSync(`/proc/${pid}/net/tcp`, 'utf8').trim().split('\n').slice(1)
  const connections = rows.filter((row) => {
    const [, , remote = '', state, , , , , , inode] = row.trim().split(/\s+/)
    const remotePort = parseInt(remote.split(':')[1] ?? '', 16)
    return remotePort === port && state === ESTABLISHED && sockets.has(inode)
  })
  return { all: targets.length, connections: connections.length }
}
