/** SKILL.md of any bytes: read or refused in words, never a throw, and what is said to a model is harmless. */
import assert from 'node:assert/strict';
import { describeSkill } from '../../../packages/providers/src/machine/skills/describe-skill.ts';
import { parseSkillFile } from '../../../packages/providers/src/machine/skills/front-matter.ts';
import { plainRecord } from '../../../packages/providers/src/machine/skills/skill-text.ts';

const MISLEADING = /[\p{Cc}<>\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;

function check(bytes: Uint8Array): void {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const parsed = parseSkillFile(text);
  if (parsed.kind === 'unreadable') return;
  assert.ok(text.replaceAll('\r\n', '\n').endsWith(parsed.body));
  const shown = JSON.stringify(plainRecord(parsed.fields));
  assert.doesNotMatch(shown, MISLEADING);
  const described = describeSkill('/skills/folder', parsed, text);
  if (described.kind === 'invalid') return;
  const { name, title, description, tags } = described;
  for (const said of [name, title, description, ...tags]) assert.doesNotMatch(said, MISLEADING);
  assert.ok(name.length <= 64 && Array.from(description).length <= 1024 && title !== '' && tags.length <= 16);
}

export const skillFrontMatter = {
  name: 'skill-front-matter',
  seeds: [
    '---\nname: pdf\ndescription: Reads: forms\ntags: [a, b]\n---\n# Title\nbody',
    '\ufeff---\r\nname: "x"\r\ndescription: >\r\n  folded\r\n  text\r\n---\r\n',
    '---\na: &a [1]\nb: [*a, *a]\nmetadata:\n  tags: x, y\n__proto__: {x: 1}\n...\n',
    'policy:\n  allow_implicit_invocation: false\ninterface:\n  display_name: "<b>\u202e"\n',
  ].map((text) => new TextEncoder().encode(text)),
  dictionary: [
    '---\n',
    'name: ',
    'description: ',
    '&a ',
    '*a',
    '<<: ',
    '!!js ',
    '? ',
    '- ',
    '>\n',
    '|\n',
    '"',
    '\u202e',
    '</x>',
    '\r\n',
    '{',
    '}',
    '__proto__',
  ],
  run: check,
} as const;
