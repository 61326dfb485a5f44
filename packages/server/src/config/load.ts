/**
 * Settles the configuration: defaults, under HOME/config.toml, under the environment, under flags. Every refusal names
 * where the value came from (file and line, variable or flag), the key and what to do.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nearest } from '@agentbox/base';
import { AgentboxError } from '@agentbox/protocol';
import { parse as parseToml, TomlError } from 'smol-toml';
import type { z } from 'zod';
import { environmentSettings } from './environment.ts';
import { invalid } from './invalid.ts';
import { lineOf } from './locate.ts';
import type { Override } from './override.ts';
import { type Config, configSchema } from './schema.ts';
import { sectionsOf, settings } from './settings.ts';

export interface ConfigSources {
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: readonly Override[];
}

const CONFIG_CEILING_BYTES = 1024 * 1024;

export function loadConfig(sources: ConfigSources): Config {
  const file = join(sources.home, 'config.toml');
  const text = readText(file);
  const overrides = [...environmentSettings(sources.env), ...sources.flags];
  const raw = withOverrides(parseText(file, text), overrides);
  const parsed = configSchema.safeParse(raw);
  const name = (path: readonly string[]): string => originOf(file, text, overrides, path);
  const problems = parsed.success
    ? crossChecks(parsed.data, name)
    : parsed.error.issues.flatMap((i) => explain(i, raw, name));
  if (problems.length > 0) throw invalid(problems);
  return parsed.success ? parsed.data : configSchema.parse({});
}

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > CONFIG_CEILING_BYTES) throw invalid([`${file}: larger than ${CONFIG_CEILING_BYTES} bytes`]);
    return bytes.toString('utf8');
  } catch (fault) {
    if (fault instanceof AgentboxError) throw fault;
    if (fault instanceof Error && 'code' in fault && fault.code === 'ENOENT') return '';
    const cause = fault instanceof Error ? fault.message : String(fault);
    throw invalid([`${file}: cannot be read (${cause}). Make it a file that you may read.`]);
  }
}

type Raw = Readonly<Record<string, unknown>>;

function parseText(file: string, text: string): Raw {
  try {
    return parseToml(text);
  } catch (fault) {
    if (!(fault instanceof TomlError)) throw fault;
    const said = fault.message.replace(/^Invalid TOML document: /, '').split('\n')[0] ?? '';
    throw invalid([`${file}:${fault.line}:${fault.column}: not TOML: ${said}`]);
  }
}

function isTable(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withOverrides(raw: Raw, overrides: readonly Override[]): Raw {
  const merged: Record<string, unknown> = { ...raw };
  for (const { path, value } of overrides) {
    const [section, key] = path;
    const standing = merged[section];
    merged[section] = { ...(isTable(standing) ? standing : {}), [key]: value };
  }
  return merged;
}

function originOf(file: string, text: string, overrides: readonly Override[], path: readonly string[]): string {
  const override = overrides.findLast(({ path: at }) => at[0] === path[0] && at[1] === path[1]);
  if (override !== undefined) return override.origin;
  const line = lineOf(text, path);
  return line === undefined ? file : `${file}:${line}`;
}

type Name = (path: readonly string[]) => string;

function explain(issue: z.core.$ZodIssue, raw: Raw, name: Name): readonly string[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], name));
  const isMissing = issue.code === 'invalid_type' && valueAt(raw, path) === undefined;
  return [`${name(path)}: ${path.join('.')}: ${isMissing ? 'is missing.' : sentence(issue)}`];
}

function valueAt(raw: Raw, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isTable(value) ? value[key] : undefined), raw);
}

function unknownKey(path: readonly string[], name: Name): string {
  const key = path.join('.');
  const all = path.length === 1 ? sectionsOf() : settings().map((setting) => setting.key);
  const sameSection = all.filter((known) => path.length === 1 || known.startsWith(`${path.slice(0, -1).join('.')}.`));
  const meant = nearest(key, sameSection) ?? nearest(key, all) ?? homonym(path, all);
  const fix = meant === undefined ? `The known ones are: ${sameSection.join(', ')}.` : `Did you mean \`${meant}\`?`;
  return `${name(path)}: ${key} is not a ${path.length === 1 ? 'section' : 'setting'}. ${fix}`;
}

/** A right name in a wrong section. */
function homonym(path: readonly string[], all: readonly string[]): string | undefined {
  return all.find((known) => known.endsWith(`.${path.at(-1)}`));
}

const KIND: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a whole number',
  boolean: 'true or false',
};

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type') {
    return `must be ${KIND[issue.expected] ?? `of type ${issue.expected}`}.`;
  }
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}.`;
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}.`;
  if (issue.code === 'invalid_value')
    return `must be one of ${issue.values.map((one) => `"${String(one)}"`).join(', ')}.`;
  return `${issue.message}.`;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/;

/** What one field cannot say alone. */
function crossChecks(config: Config, name: Name): readonly string[] {
  const { host, dangerously_bind_all_interfaces: mayBindAll } = config.server;
  if (LOOPBACK.test(host) || mayBindAll) return [];
  return [
    `${name(['server', 'host'])}: server.host: "${host}" is reached by other machines without encryption. ` +
      'Use 127.0.0.1 with `agentbox expose`, or set server.dangerously_bind_all_interfaces = true.',
  ];
}
