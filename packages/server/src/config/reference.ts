/** The table of docs/configuration.md, made from the schema. */
import { type Setting, settings } from './settings.ts';

export function configurationTable(): string {
  const rows = settings().map(
    (one) => `| \`${one.key}\` | ${valueOf(one)} | ${variableOf(one)} | ${one.description} |`,
  );
  return ['| key | default | environment | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function valueOf(setting: Setting): string {
  return setting.standard === null ? 'unset' : `\`${JSON.stringify(setting.standard)}\``;
}

function variableOf(setting: Setting): string {
  return setting.variable === null ? '' : `\`${setting.variable}\``;
}
