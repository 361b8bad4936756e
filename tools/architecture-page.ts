/**
 * Makes the picture of the rooms in docs/architecture.md from the imports of the source.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'

/** The committed page. */
export const ARCHITECTURE_PAGE = join(import.meta.dirname, '../docs/architecture.md')

const BEGIN = '<!-- made by `make generated` -->\n'
const END = '<!-- end -->\n'

/** The text of {@link ARCHITECTURE_PAGE}: the page as it is, with a new picture. */
export async function architecturePage(
  page = readFileSync(ARCHITECTURE_PAGE, 'utf8'),
): Promise<string> {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (begin < 0 || end < begin) throw new Error(`expected ${BEGIN} and ${END} in the page`)
  return page.slice(0, begin) + BEGIN + picture(await usedRooms()) + page.slice(end)
}

type Rooms = ReadonlyMap<string, ReadonlySet<string>>

/** Which other rooms each room uses, type imports included. `operator` and `main` are rooms here. */
async function usedRooms(): Promise<Rooms> {
  const { output } = await cruise(['src'], {
    baseDir: join(import.meta.dirname, '..'),
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
  })
  const rooms = new Map<string, Set<string>>()
  for (const { source, dependencies } of (output as ICruiseResult).modules) {
    const room = roomOf(source)
    if (room === undefined) continue
    const used = rooms.get(room) ?? new Set()
    rooms.set(room, used)
    for (const { resolved } of dependencies) {
      const other = roomOf(resolved)
      if (other !== undefined && other !== room) used.add(other)
    }
  }
  return rooms
}

function roomOf(file: string): string | undefined {
  return /^src\/([^/]+?)(\.ts$|\/)/.exec(file)?.[1]
}

/** A graph of the rooms; an arrow that follows from two others is left out. */
function picture(rooms: Rooms): string {
  const arrows = [...rooms].flatMap(([room, used]) => {
    const indirect = new Set([...used].flatMap((each) => [...reachable(rooms, each)]))
    return [...used].filter((each) => !indirect.has(each)).map((each) => `  ${room} --> ${each}`)
  })
  return ['```mermaid', 'graph TD', ...arrows.sort(), '```', ''].join('\n')
}

/** What a room uses through others, itself left out. */
function reachable(rooms: Rooms, from: string): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (room: string) => {
    for (const each of rooms.get(room) ?? []) {
      if (found.has(each)) continue
      found.add(each)
      visit(each)
    }
  }
  visit(from)
  return found
}

if (import.meta.main) writeFileSync(ARCHITECTURE_PAGE, await architecturePage())
