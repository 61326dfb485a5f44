/**
 * The environment of a program that runs outside the sandbox: a few variables of the server's own, by name, and a PATH
 * of the system's directories. Nothing that makes a program load or run something else is ever among them.
 */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const KEPT = /^(?:HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|COLUMNS|LINES|NO_COLOR)$/;
/** of these a path would name a file to load */
const NAMES_ONLY = /^(?:LANG|LANGUAGE|LC_[A-Z]+|TERM)$/;
const TIME_ZONE = /^(?:[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*)$/;

export function environmentForEscalation(
  base: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  const kept: Record<string, string> = { PATH };
  for (const [name, value] of Object.entries(base)) {
    if (value === undefined || !KEPT.test(name) || /\p{Cc}/u.test(value)) continue;
    if (NAMES_ONLY.test(name) && value.includes('/')) continue;
    if (name === 'TZ' && !TIME_ZONE.test(value)) continue;
    kept[name] = value;
  }
  return kept;
}
