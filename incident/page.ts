/**
 * The report: one page that needs nothing but itself.
 */
import { escape, figure, type Row } from './figure.ts'
import type { Run } from './run.ts'
import { RESPONSES, ROTATIONS, nameOf, type Conditions, type Rotation } from './scenario.ts'
import { summarise, type Summary } from './summary.ts'

/** PostgreSQL keeps these for its superuser. */
const RESERVED = 3

/** The columns of the table of results, in the page and on the terminal. */
export const COLUMNS: readonly {
  readonly title: string
  readonly of: (found: Summary) => string
}[] = [
  { title: 'failed requests', of: ({ failed }) => grouped(failed) },
  { title: 'of', of: ({ sent }) => grouped(sent) },
  { title: 'wrong password', of: ({ wrongPassword }) => grouped(wrongPassword) },
  { title: 'too many clients', of: ({ noSlot }) => grouped(noSlot) },
  { title: 'most connections', of: ({ mostConnections }) => grouped(mostConnections) },
  { title: 'most opened in 1 s', of: ({ mostOpened }) => grouped(mostOpened) },
  { title: 'most pods starting', of: ({ mostStarting }) => grouped(mostStarting) },
  { title: 'most pods away', of: ({ mostAway }) => grouped(mostAway) },
  {
    title: 'all pods fresh after',
    of: ({ finished }) => (finished === undefined ? 'never' : `${finished.toFixed(0)} s`),
  },
]

/** The picture of the runs of one rotation. */
export function pictureOf(runs: readonly Run[], conditions: Conditions): string {
  const { rate, maxConnections } = conditions
  const pods = podsOf(conditions)
  const rows = runs.map((run): Row => {
    const found = summarise(run, pods)
    return {
      title: RESPONSES[run.scenario.response],
      note: `${grouped(found.failed)} failed requests · ${grouped(found.wrongPassword + found.noSlot)} refused logins · ${
        found.finished === undefined ? 'never done' : `done after ${found.finished.toFixed(0)} s`
      }`,
      samples: run.samples,
      moments: run.moments,
    }
  })
  return figure(rows, { rate, slots: maxConnections - RESERVED, pods })
}

/** The whole page. */
export function page(runs: readonly Run[], conditions: Conditions): string {
  const sections = (Object.keys(ROTATIONS) as Rotation[]).flatMap((rotation) => {
    const these = runs.filter(({ scenario }) => scenario.rotation === rotation)
    return these.length > 0 ? [section(rotation, these, conditions)] : []
  })
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A password rotation, three ways</title>
<style>${STYLE}</style>
<main>
<h1>A password rotation, three ways</h1>
<p class="lead">A shop of ${conditions.services} services with ${conditions.replicas} pods each reads the login of one
PostgreSQL from one Secret into environment variables. The password is changed. The pods keep what they started with,
until somebody restarts them. All of it is real: processes, PostgreSQL ${POSTGRES}, API server, controllers, passwords.</p>
${sections.join('\n')}
<section>
<h2>How it was measured</h2>
<ul>
<li>The same for every run: ${conditions.rate} requests a second on average, sent whether or not earlier ones were
answered, to any Ready pod. Nineteen of twenty are an INSERT, one is five INSERTs at once. Of the ${podsOf(conditions)} pods
each opens 3 connections at start and has 6 at most; a connection lives 60 to 180 s.
<code>max_connections = ${conditions.maxConnections}</code>, of which ${RESERVED} are PostgreSQL’s own: enough for what the shop
has open undisturbed, 165 on average and 185 at times, and for rolling updates of a few services at a time.</li>
<li>The services try a refused connection again with jitter, say by their readiness whether the database answers, exit
when they cannot open their first connections in five attempts, and serve for 4 s after SIGTERM.</li>
<li>“Everything restarts at once” is <code>kubectl rollout restart deployment</code> with the default strategy of
Deployments (a quarter of the pods down, a quarter up).</li>
<li>Sluice ran with ${conditions.sluiceFlags.length === 0 ? 'its default settings' : `<code>${conditions.sluiceFlags.join(' ')}</code>`}.
It knows nothing of the shop but the annotation <code>sluice.dev/restart-on-change: "true"</code>; the Secret of the
cut-over is marked <code>sluice.dev/urgent: "true"</code>.</li>
<li>Refused logins and opened connections are counted from PostgreSQL’s own log, open ones from
<code>pg_stat_activity</code>, pods from the API server by an observer who does not ask Sluice, and old logins from what the
processes were really given. Pods starting and away are the extremes of each second.</li>
<li>Clients, servers and database share the processors of one machine, so latencies mean little here; a run beside other
work can show time-outs that have nothing to do with passwords.</li>
</ul>
<p>To run it again: <code>make incident</code>. The raw numbers, one line a second, lie beside this page:
${runs.map(({ scenario }) => `<a href="${nameOf(scenario)}.csv">${nameOf(scenario)}.csv</a>`).join(', ')}.</p>
</section>
</main>
</html>
`
}

const POSTGRES = '18'

function section(rotation: Rotation, runs: readonly Run[], conditions: Conditions): string {
  const { title, what } = ROTATIONS[rotation]
  const rows = runs.map((run) => {
    const found = summarise(run, podsOf(conditions))
    const cells = COLUMNS.map(({ of }) => `<td>${of(found)}</td>`).join('')
    return `<tr><th scope="row">${RESPONSES[run.scenario.response]}</th>${cells}</tr>`
  })
  const moments = runs.map((run) => {
    const lines = run.moments.map(
      ({ second, what }) => `<li><b>${second.toFixed(1)} s</b> ${escape(what)}</li>`,
    )
    const halt = run.halted === undefined ? '' : `<blockquote>${escape(run.halted)}</blockquote>`
    return `<details><summary>${RESPONSES[run.scenario.response]}: what happened when</summary><ul>${lines.join('')}</ul>${halt}</details>`
  })
  return `<section>
<h2>${escape(title)}</h2>
<p>${escape(what)}</p>
<div class="wide">${pictureOf(runs, conditions)}</div>
<div class="wide"><table><thead><tr><th></th>${COLUMNS.map((column) => `<th scope="col">${column.title}</th>`).join('')}</tr></thead>
<tbody>${rows.join('')}</tbody></table></div>
${moments.join('\n')}
</section>`
}

function podsOf({ services, replicas }: Conditions): number {
  return services * replicas
}

function grouped(number: number): string {
  return number.toLocaleString('en')
}

const STYLE = `
:root { color: #1f2933; background: #f5f7fa; font: 16px/1.55 system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif }
main { max-width: 1280px; margin: 0 auto; padding: 2rem 1.5rem 4rem }
h1 { font-size: 2rem; margin: 0 0 .5rem } h2 { font-size: 1.3rem; margin: 0 0 .25rem }
p, ul { max-width: 75ch } .lead { font-size: 1.1rem }
section { background: #fff; border: 1px solid #e4e7eb; border-radius: 10px; padding: 1.25rem 1.5rem; margin-top: 1.5rem }
.wide { overflow-x: auto } svg { width: 100%; min-width: 900px; height: auto; display: block }
table { border-collapse: collapse; font-size: .9rem; margin: .75rem 0; width: 100% }
th, td { padding: .35rem .7rem; text-align: right; border-bottom: 1px solid #e4e7eb; font-variant-numeric: tabular-nums }
thead th { color: #616e7c; font-weight: 500 } tbody th { text-align: left; white-space: nowrap }
details { margin-top: .4rem } summary { cursor: pointer; color: #3e4c59 }
code { background: #f0f2f5; border-radius: 4px; padding: .1em .3em; font-size: .9em }
blockquote { border-left: 3px solid #e69f00; margin: .5rem 0; padding: .25rem .9rem; max-width: 90ch }
a { color: #0072b2 }
`
