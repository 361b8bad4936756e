/**
 * What a dashboard asks and shows, as its tests and the picture in docs/ need it.
 */
import type { Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard'

export interface PanelContent {
  readonly title: string
  readonly description: string
  readonly unit: string
  readonly queries: readonly string[]
  /** How the series of each query are called. */
  readonly legends: readonly string[]
}

/** All panels but the headings of rows. */
export function panelsOf({
  panels = [],
}: {
  panels?: readonly (Panel | RowPanel)[]
}): PanelContent[] {
  return panels
    .filter((panel): panel is Panel => panel.type !== 'row')
    .map(({ title = '', description = '', fieldConfig, targets = [] }) => ({
      title,
      description,
      unit: fieldConfig?.defaults.unit ?? '',
      queries: targets.map((target) => ('expr' in target ? String(target.expr) : '')),
      legends: targets.map((target) =>
        'legendFormat' in target ? String(target.legendFormat) : '',
      ),
    }))
}
