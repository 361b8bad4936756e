/**
 * Makes the section about reasons in docs/annotations.md from the table of reasons.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HOLD_REASONS, REASONS, type EndedBy } from '../src/model/hold.ts'

/** The committed page. */
export const ANNOTATIONS_PAGE = join(import.meta.dirname, '../docs/annotations.md')

const HEADING = '## Reasons\n'

const ENDS = {
  time: 'time',
  turn: 'its turn',
  pods: 'its pods',
  owner: 'a person',
  halt: 'the end of a Halt',
} as const satisfies Record<EndedBy, string>

/** The text of {@link ANNOTATIONS_PAGE}: the page as it is, with the section about reasons made again. */
export function annotationsPage(page = readFileSync(ANNOTATIONS_PAGE, 'utf8')): string {
  const start = page.indexOf(HEADING)
  if (start < 0) throw new Error(`expected the heading ${HEADING.trim()} in ${ANNOTATIONS_PAGE}`)
  const next = page.indexOf('\n## ', start)
  return page.slice(0, start) + section() + (next < 0 ? '' : page.slice(next))
}

function section(): string {
  const rows = HOLD_REASONS.map((reason) => {
    const { state, endedBy, hint } = REASONS[reason]
    return `| \`${reason}\` | ${state} | ${ENDS[endedBy]} | ${hint} |`
  })
  return `${HEADING}
\`kubectl get consumers\` shows these under REASON. A workload shows the first one that applies, in this order. The table is made from
\`src/model/hold.ts\` by \`make generated\`.

| reason | state | ended by | what to do |
|---|---|---|---|
${rows.join('\n')}
`
}

if (import.meta.main) writeFileSync(ANNOTATIONS_PAGE, annotationsPage())
