/**
 * Panels of the dashboard: each has a title, a description, a unit and its queries.
 */
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  BigValueColorMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TableSortByFieldStateBuilder,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common'
import {
  type Panel,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

/** Units by their names in Grafana. */
type Unit = 'short' | 's' | 'dateTimeFromNow' | 'bytes' | 'percentunit' | 'reqps'

export interface Query {
  readonly expr: string
  /** How its series are called, such as `{{workload}}`. */
  readonly legend?: string
}

interface Common {
  readonly title: string
  /** What it shows, and what to think of it. */
  readonly description: string
  readonly unit: Unit
  /** Of 24. */
  readonly width: number
  /** What stands there without data, where that is the good case. */
  readonly none?: string
}

export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }
const HEIGHT = 8
const STAT_HEIGHT = 4

/** One number as it is now; from `warn` on it is yellow, from `bad` on red. */
export function number(
  panel: Common & { readonly query: Query; readonly warn?: number; readonly bad?: number },
): Builder<Panel> {
  const { query, warn, bad } = panel
  const steps = [
    { value: null, color: warn === undefined && bad === undefined ? 'text' : 'green' },
    ...(warn === undefined ? [] : [{ value: warn, color: 'yellow' }]),
    ...(bad === undefined ? [] : [{ value: bad, color: 'red' }]),
  ]
  return common(new StatBuilder(), panel, STAT_HEIGHT)
    .colorMode(BigValueColorMode.Value)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
    .targets([toTarget(query, 0).instant()])
}

/** Lines over time; `stacked` where their sum means something. */
export function lines(
  panel: Common & { readonly queries: readonly Query[]; readonly stacked?: boolean },
): Builder<Panel> {
  const { queries, stacked = false } = panel
  return common(new TimeSeriesBuilder(), panel, HEIGHT)
    .min(0)
    .fillOpacity(stacked ? 30 : 10)
    .stacking(new StackingConfigBuilder().mode(stacked ? StackingMode.Normal : StackingMode.None))
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .targets(queries.map((query, index) => toTarget(query, index).range()))
}

/** A row for each series as it is now: these labels, and the value under a name. */
export function list(
  panel: Common & {
    readonly query: Query
    readonly columns: readonly string[]
    readonly value: string
  },
): Builder<Panel> {
  const { query, columns, value } = panel
  const order = [...columns, 'Value']
  return common(new TableBuilder(), panel, HEIGHT)
    .sortBy([new TableSortByFieldStateBuilder().displayName(value).desc(true)])
    .withTransformation({ id: 'filterFieldsByName', options: { include: { names: order } } })
    .withTransformation({
      id: 'organize',
      options: {
        indexByName: Object.fromEntries(order.map((name, index) => [name, index])),
        renameByName: { Value: value },
      },
    })
    .targets([toTarget(query, 0).instant().format(PromQueryFormat.Table)])
}

function common<B extends StatBuilder | TableBuilder | TimeSeriesBuilder>(
  builder: B,
  { title, description, unit, width, none }: Common,
  height: number,
): B {
  builder.title(title).description(description).unit(unit).span(width).height(height)
  builder.datasource(DATASOURCE)
  if (none !== undefined) builder.noValue(none)
  return builder
}

function toTarget({ expr, legend = '' }: Query, index: number): DataqueryBuilder {
  return new DataqueryBuilder()
    .expr(expr)
    .legendFormat(legend)
    .refId(String.fromCharCode('A'.charCodeAt(0) + index))
    .datasource(DATASOURCE)
}
