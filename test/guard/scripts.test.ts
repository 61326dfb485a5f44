/** Rules of the real engine on programs that a script's first line starts, as the kernel starts them. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { liveRules, put } from '../policy/live-rules.ts';
import { verifies } from '../requirements/verifies.ts';
import { noNamespaces, runGuarded } from './launch.ts';

const LOADER = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'].find((path) => existsSync(path)) ?? '';

const RULES = `
prefix_rule(pattern = ["uname"], decision = "forbidden")
prefix_rule(pattern = ["git", "push"], decision = "forbidden")
prefix_rule(pattern = ["sh"], decision = "forbidden")
`;

const needs = (path: string): string | false => (existsSync(path) ? noNamespaces : `${path} is not installed here`);

/** Each would print something or remove `victim`. */
const SCRIPTS: readonly (readonly [cell: string, script: string, needs?: string])[] = [
  ['the loader and a forbidden program', `printf '#!${LOADER} /usr/bin/uname\n' > s; chmod +x s; ./s`],
  ['the loader through a link', `ln -s ${LOADER} ld; printf "#!$PWD/ld /usr/bin/uname\n" > s; chmod +x s; ./s`],
  ['a forbidden subcommand', `printf '#!/usr/bin/git push\n' > s; chmod +x s; ./s`, '/usr/bin/git'],
  ['a program behind env', `printf '#!/usr/bin/env -S git push\n' > s; chmod +x s; ./s`, '/usr/bin/git'],
  ['a name that is a link', `printf '#!/bin/sh\necho ran\n' > s; chmod +x s; ./s`],
  ['a link of its own on the way', `ln -s /bin/sh mine; printf "#!$PWD/mine\necho ran\n" > s; chmod +x s; ./s`],
  [
    'what destroys',
    `mkdir victim; printf '#!/usr/bin/rm -rf\n' > s; chmod +x s; ./s victim; [ -d victim ] || echo gone`,
  ],
  ['a script of a script', `printf '#!/usr/bin/uname\n' > s; printf "#!$PWD/s x\n" > t; chmod +x s t; ./t`],
];

for (const [cell, script, program = '/bin/bash'] of SCRIPTS) {
  verifies(
    'guard.exec.scripts',
    async () => {
      await using rules = await liveRules((folder) => put(`${folder}/home/.codex/rules/a.rules`, RULES));
      const run = await runGuarded(script, {
        heads: rules.policy.heads(),
        decide: (facts) => {
          const verdict = rules.policy.decide(facts, { noExecFromWritable: false });
          return verdict.kind === 'run' ? { kind: 'run' } : { kind: 'deny', text: `it is ${verdict.kind}` };
        },
      });
      assert.match(run.output, /it is (?:deny|ask)/);
      assert.equal(run.stdout, '');
    },
    { cell, skip: needs(program) },
  );
}
