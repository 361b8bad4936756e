/**
 * The Grafana dashboard: rows in the order in which a person on call asks.
 */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
  type Panel,
  type VariableModel,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { budget } from './budget.ts'
import { health } from './health.ts'
import { outcomes } from './outcomes.ts'
import { DATASOURCE } from './panel.ts'
import { running } from './running.ts'
import { stale } from './stale.ts'
import { waiting } from './waiting.ts'

const ROWS: readonly (readonly [title: string, panels: readonly Builder<Panel>[]])[] = [
  ['Is anything stale, and since when?', stale],
  ['What is running, and when is it done?', running],
  ['What waits, and why?', waiting],
  ['The budget', budget],
  ['Outcomes and durations', outcomes],
  ['Sluice itself', health],
]

/** The dashboard as Grafana imports it. */
export function dashboard() {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- every Grafana imports this schema, few the second one
  const builder = new DashboardBuilder('Sluice')
    .uid('sluice')
    .description('Restarts after changes of Secrets. https://github.com/sluice-dev/sluice')
    .tags(['sluice', 'kubernetes'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .withVariable(
      new DatasourceVariableBuilder('datasource').label('data source').type('prometheus'),
    )
    .withVariable(one('job', 'label_values(sluice_build_info, job)'))
    .withVariable(several('namespace', 'label_values(sluice_stale_pods, namespace)'))
    .withVariable(
      several('workload', 'label_values(sluice_stale_pods{namespace=~"$namespace"}, workload)'),
    )
  for (const [title, panels] of ROWS) {
    builder.withRow(new RowBuilder(title))
    for (const panel of panels) builder.withPanel(panel)
  }
  return builder.build()
}

function several(name: string, query: string): Builder<VariableModel> {
  return one(name, query)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: 'All', value: '$__all' })
}

function one(name: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .query({ query, refId: name })
    .definition(query)
    .datasource(DATASOURCE)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
}
