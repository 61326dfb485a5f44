/** The style rules that no linter knows: names, file sizes, plain errors, words of history, banners. */
import { basename } from 'node:path';
import { readSources, type SourceFile } from './files.ts';

const MAX_LINES = 500;
const BANNED_ENDING = /(?:^|-)(?:utils?|helpers?|common|misc|manager|impl|base|service)\.tsx?$/;
const BANNED_CLASS = /\bclass \w*(?:Manager|Impl|Base|Service|Helper|Utils?)\b/;
const PLAIN_ERROR = /\bthrow new (?:Error|TypeError|RangeError)\(/;
const HISTORY =
  /\b(?:previously|no longer|used to be|was changed|formerly|legacy code|round-\d+|bug ?fix|fixes #|#\d{2,})\b/i;
const BANNER = /^\s*(?:\/\/|\*|\/\*)\s*[=\-*#~]{5,}/;
const COMMENT = /(?:^|\s)\/\/|^\s*\/?\*/;

export async function checkStyle(root: string): Promise<readonly string[]> {
  const files = await readSources(root, /^(?:packages|scripts|bench|test)\/.*\.tsx?$/);
  const own = files.filter(({ path }) => !path.includes('/fixtures/') && !path.includes('/planted/'));
  return own.flatMap((file) => [...nameFindings(file), ...sizeFindings(file), ...lineFindings(file)]);
}

function nameFindings({ path, text }: SourceFile): readonly string[] {
  const found: string[] = [];
  if (BANNED_ENDING.test(basename(path)) && !path.startsWith('packages/base/'))
    found.push(`${path}: banned file ending`);
  if (!/^[a-z0-9.-]+$/.test(basename(path))) found.push(`${path}: file names are kebab-case`);
  const banned = BANNED_CLASS.exec(text);
  if (banned !== null) found.push(`${path}: banned class ending: ${banned[0]}`);
  return found;
}

function sizeFindings({ path, text }: SourceFile): readonly string[] {
  const lines = text.split('\n').length - 1;
  return lines > MAX_LINES ? [`${path}: ${lines} lines, at most ${MAX_LINES}: split by meaning`] : [];
}

function lineFindings({ path, text }: SourceFile): readonly string[] {
  const product = path.startsWith('packages/');
  return text.split('\n').flatMap((line, index) => {
    const at = `${path}:${index + 1}`;
    const found: string[] = [];
    if (product && PLAIN_ERROR.test(line)) found.push(`${at}: plain error: use AgentboxError or assertInvariant`);
    if (COMMENT.test(line) && HISTORY.test(line))
      found.push(`${at}: comment tells history: say why, in the present tense`);
    if (BANNER.test(line)) found.push(`${at}: banner comment`);
    return found;
  });
}
