/** Writes a client's file: the old one is kept beside it, the new one appears whole or not at all. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { AgentboxError } from '@agentbox/protocol';
import { merge } from './merge.ts';
import type { Entry } from './recipe.ts';

export interface Written {
  readonly file: string;
  readonly backup: string | null;
  readonly changed: boolean;
}

/** New files hold a token, so only the user may read them. */
const PRIVATE = 0o600;

/** What holds `token` is closed to others, whatever it was before. */
export function writeEntry(entry: Entry, token: string): Written {
  const exists = existsSync(entry.file);
  // A dotfile is often a link into a repository: the link stays and its target changes.
  const file = exists ? realpathSync(entry.file) : entry.file;
  const text = exists ? readFileSync(file, 'utf8') : '';
  const merged = merge(text, entry);
  if (merged.kind === 'refused') {
    throw new AgentboxError(
      'CONFIG_INVALID',
      `${file} was left as it is, because ${merged.why}. Add the entry by hand: agentbox connect shows it without --write`,
      { file },
    );
  }
  const holdsToken = JSON.stringify(entry.value).includes(token);
  if (merged.text === text) {
    if (holdsToken) chmodSync(file, PRIVATE);
    return { file, backup: null, changed: false };
  }
  mkdirSync(dirname(file), { recursive: true });
  const backup = exists ? backupName(file) : null;
  if (backup !== null) {
    copyFileSync(file, backup);
    // It may hold the token of a former entry.
    if (holdsToken) chmodSync(backup, PRIVATE);
  }
  const mode = exists && !holdsToken ? statSync(file).mode & 0o777 : PRIVATE;
  const fresh = `${file}.agentbox-${process.pid}`;
  writeFileSync(fresh, merged.text, { mode });
  renameSync(fresh, file);
  return { file, backup, changed: true };
}

function backupName(file: string): string {
  const stamp = new Date().toISOString().replaceAll(/[-:]/g, '').slice(0, 15);
  return `${file}.before-agentbox-${stamp}`;
}
