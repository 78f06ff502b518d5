// Writes each dashboard as TypeScript literals of the types in @grafana/schema and lets the compiler find what does not fit:
// a wrong type, a word that is none of an enum's, a key that there is not.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dashboards = join(here, '../../dashboards/grafana');
const out = join(here, 'generated');

const kinds = {
  timeseries: { file: 'timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen', custom: 'FieldConfig' },
  stat: { file: 'stat/panelcfg/x/StatPanelCfg_types.gen' },
  bargauge: { file: 'bargauge/panelcfg/x/BarGaugePanelCfg_types.gen' },
  table: { file: 'table/panelcfg/x/TablePanelCfg_types.gen', custom: 'FieldConfig' },
};

const imports = Object.entries(kinds).map(([kind, { file }]) =>
  `import type * as ${kind} from '@grafana/schema/dist/esm/raw/composable/${file}';`).join('\n');

const prelude = `import type { Dashboard, FieldConfig, FieldConfigSource, Panel, RowPanel } from '@grafana/schema';
${imports}

// JSON has an enum's text where TypeScript wants the enum's name, and nothing that is left out is required of a table's cells.
type Plain<T> = T extends string ? \`\${T}\` : T extends (infer U)[] ? Plain<U>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
type Query = { refId: string; datasource: { type: 'prometheus'; uid: string }; expr: string; legendFormat: string; editorMode: 'code' | 'builder';
  range: boolean; instant: boolean; format?: 'table' | 'time_series' | 'heatmap' };
type Shell = Omit<Plain<Dashboard>, 'panels'>;
type PanelShell = Omit<Plain<Panel>, 'options' | 'fieldConfig' | 'targets'>;
type Defaults = Omit<Plain<FieldConfig>, 'custom'>;
type Override = NonNullable<FieldConfigSource['overrides']>;
`;

function ofDashboard(board) {
  const { panels, ...shell } = board;
  // A data source adds keys of its own to an annotation; these are Prometheus's, which the types do not have.
  for (const annotation of shell.annotations.list) {
    for (const key of ['expr', 'step', 'titleFormat', 'textFormat']) delete annotation[key];
  }
  const lines = [prelude, `export const shell: Shell = ${JSON.stringify(shell, null, 2)};`];
  for (const panel of panels) {
    if (panel.type === 'row') {
      lines.push(`export const row${panel.id}: Plain<RowPanel> = ${JSON.stringify(panel)};`);
      continue;
    }
    const kind = kinds[panel.type];
    if (!kind) throw new Error(`${board.title}: no types for a panel of kind ${panel.type}`);
    const { options, fieldConfig, targets, ...rest } = panel;
    const { custom, ...defaults } = fieldConfig.defaults;
    lines.push(`export const panel${panel.id}: PanelShell = ${JSON.stringify(rest)};`,
      `export const options${panel.id}: Plain<${panel.type}.Options> = ${JSON.stringify(options)};`,
      `export const targets${panel.id}: Query[] = ${JSON.stringify(targets)};`,
      `export const defaults${panel.id}: Defaults = ${JSON.stringify(defaults)};`,
      `export const overrides${panel.id}: Override = ${JSON.stringify(fieldConfig.overrides)};`);
    if (custom) lines.push(`export const custom${panel.id}: Plain<${panel.type}.${kind.custom}> = ${JSON.stringify(custom)};`);
  }
  return lines.join('\n');
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out);
const names = readdirSync(dashboards).filter((name) => name.endsWith('.json'));
if (names.length === 0) throw new Error('no dashboards');
const files = names.map((name) => {
  const file = join(out, name.replace('.json', '.ts'));
  writeFileSync(file, ofDashboard(JSON.parse(readFileSync(join(dashboards, name), 'utf8'))));
  return file;
});
// That the check can fail: a word, a type and a key that are wrong.
const wrong = join(out, 'wrong.ts');
writeFileSync(wrong, `${prelude}
export const a: Plain<timeseries.Options>['tooltip'] = { mode: 'sometimes', sort: 'desc' };
export const b: Defaults = { unit: 7 };
export const c: PanelShell = { type: 'stat', titel: 'x' };
`);

const tsc = join(here, 'node_modules/typescript/bin/tsc');
const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'esnext', '--moduleResolution', 'bundler', '--target', 'es2022'];
function complaints(paths) {
  try {
    execFileSync(process.execPath, [tsc, ...flags, ...paths], { encoding: 'utf8' });
    return [];
  } catch (error) {
    return `${error.stdout}`.trim().split('\n').filter((line) => line.includes('error TS'));
  }
}
const expected = complaints([wrong]);
if (expected.length !== 3) throw new Error(`the check does not check: ${expected.join('\n')}`);
const found = complaints(files);
console.log(found.length ? found.join('\n') : `${names.length} dashboards fit the types of @grafana/schema`);
process.exitCode = found.length ? 1 : 0;
