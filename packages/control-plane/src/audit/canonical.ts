/**
 * One text for one value: keys sorted, no white space, so that a hash means the content. Two values that JSON writes alike
 * have the same text: what was stored as JSON and read again still has its hash. Pure.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(',')}]`;
  if ('toJSON' in value) return canonicalJson(JSON.parse(JSON.stringify(value)));
  return canonicalObject(value);
}

/** Appends in a loop: this runs for every record, and lists in between cost more than the text. */
function canonicalObject(object: object): string {
  let text = '';
  for (const key of Object.keys(object).sort()) {
    const member: unknown = Reflect.get(object, key);
    if (member === undefined || typeof member === 'function' || typeof member === 'symbol') continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${canonicalJson(member)}`;
  }
  return `{${text}}`;
}
