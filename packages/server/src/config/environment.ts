/** Reads AGENTBOX_<SECTION>_<KEY>. An unknown name in a known section is refused, so that a misspelt one is not lost. */
import { nearest } from '@agentbox/base';
import { invalid } from './invalid.ts';
import type { Override } from './override.ts';
import { type Setting, sectionsOf, settings } from './settings.ts';

export function environmentSettings(env: Readonly<Record<string, string | undefined>>): readonly Override[] {
  const prefixes = sectionsOf().map((section) => `AGENTBOX_${section.toUpperCase()}_`);
  const names = Object.keys(env).filter((name) => prefixes.some((prefix) => name.startsWith(prefix)));
  if (names.length === 0) return [];
  const known = new Map(
    settings().flatMap((setting) => (setting.variable === null ? [] : [[setting.variable, setting]])),
  );
  return names.flatMap((name) => {
    const text = env[name];
    if (text === undefined) return [];
    const setting = known.get(name);
    if (setting === undefined) throw unknownVariable(name, [...known.keys()]);
    const path = [setting.section, setting.key.slice(setting.section.length + 1)] as const;
    return [{ path, value: valueOf(setting, text), origin: name }];
  });
}

function unknownVariable(name: string, known: readonly string[]): Error {
  const meant = nearest(name, known);
  const fix = meant === undefined ? 'docs/configuration.md lists the names that exist.' : `Did you mean \`${meant}\`?`;
  return invalid([`${name}: is not a setting. ${fix}`]);
}

const BOOLEANS: Readonly<Record<string, boolean>> = { true: true, 1: true, false: false, 0: false };

/** What cannot be read as the setting's type stays text, and the schema then refuses it by name. */
function valueOf(setting: Setting, text: string): unknown {
  if (setting.type === 'boolean') return BOOLEANS[text] ?? text;
  if (setting.type === 'integer') return /^\d{1,15}$/.test(text) ? Number(text) : text;
  if (setting.type !== 'array') return text;
  const items = text.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '');
}
