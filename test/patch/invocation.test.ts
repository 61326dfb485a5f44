/** Which shell commands are a patch and nothing else. */
import assert from 'node:assert/strict';
import { isBarePatch, parseApplyPatchInvocation } from '@agentbox/apply-patch';
import { verifies } from '../requirements/verifies.ts';
import { wrap } from './sandbox-tree.ts';

const PATCH = wrap('*** Add File: foo', '+hi').trimEnd();
const doc = (before = '', after = '', word = 'PATCH', quoted = `'${word}'`): string =>
  `${before}apply_patch <<${quoted}\n${PATCH}\n${word}${after}`;

const ACCEPTED: readonly (readonly [string, string, string | null])[] = [
  ['quoted word', doc(), null],
  ['double-quoted word', doc('', '', 'EOF', '"EOF"'), null],
  ['bare word', doc('', '', 'EOF', 'EOF'), null],
  ['space before the word', doc('', '', 'EOF', " 'EOF'"), null],
  ['a line end after it', doc('', '\n\n'), null],
  ['blank lines before it', doc('\n  \n'), null],
  ['applypatch', doc().replace('apply_patch', 'applypatch'), null],
  ['tabs taken off by <<-', `apply_patch <<-'EOF'\n${PATCH.replaceAll(/^/gmu, '\t')}\n\tEOF`, null],
  ['cd and', doc('cd foo && '), 'foo'],
  ['cd and on the next line', doc('cd foo &&\n'), 'foo'],
  ['cd to single quotes', doc("cd 'foo bar' && "), 'foo bar'],
  ['cd to double quotes', doc('cd "foo bar" && '), 'foo bar'],
  ['cd to an escaped space', doc('cd foo\\ bar && '), 'foo bar'],
  ['cd to an absolute path', doc('cd /a/b-c_d.e && '), '/a/b-c_d.e'],
  ['cd to letters of any script', doc('cd größe && '), 'größe'],
  ['one argument', `apply_patch '${PATCH}'`, null],
  ['one argument in double quotes', `apply_patch "${PATCH}"`, null],
  ['bash -lc', `bash -lc "${doc()}"`, null],
  ['bash -c in single quotes', `bash -c '${doc('', '', 'EOF', 'EOF')}'`, null],
  ['/bin/sh -c with cd', `/bin/sh -c "${doc('cd foo && ')}"`, 'foo'],
  ['zsh -lc', `zsh -lc "${doc()}"`, null],
];

for (const [cell, command, workdir] of ACCEPTED) {
  verifies(
    'patch.invocation.accepted',
    () => {
      const found = parseApplyPatchInvocation(command);
      assert.deepEqual(found === null ? null : { ...found, patch: found.patch.trimEnd() }, { patch: PATCH, workdir });
    },
    { cell },
  );
}

const REFUSED: readonly (readonly [string, string])[] = [
  ['cd with ;', doc('cd foo; ')],
  ['cd or', doc('cd bar || ')],
  ['cd into a pipe', doc('cd bar | ')],
  ['two cd', doc('cd foo && cd bar && ')],
  ['cd with two arguments', doc('cd foo bar && ')],
  ['cd with an option', doc('cd -P foo && ')],
  ['cd to an expansion', doc('cd "$HOME" && ')],
  ['cd to the home', doc('cd ~/x && ')],
  ['cd to a pattern', doc('cd fo* && ')],
  ['cd alone', 'cd foo'],
  ['a command before', doc('echo foo && ')],
  ['a command before, with ;', doc('echo foo; ')],
  ['a command before cd', doc('echo foo; cd bar && ')],
  ['an assignment before', doc('A=1 ')],
  ['a command after', doc('', ' && echo done')],
  ['a command on the next line', doc('', '\necho done')],
  ['a command beside the word', `apply_patch <<'EOF' && echo done\n${PATCH}\nEOF`],
  ['a pipe beside the word', `apply_patch <<'EOF' | cat\n${PATCH}\nEOF`],
  ['an argument before the document', `apply_patch foo <<'EOF'\n${PATCH}\nEOF`],
  ['another command', doc().replace('apply_patch', 'apply_patches')],
  ['cat', doc().replace('apply_patch', 'cat')],
  ['no end of the document', `apply_patch <<'EOF'\n${PATCH}`],
  ['an argument that the shell expands', `apply_patch "$(cat patch)"`],
  ['an argument that is no patch', "apply_patch 'hello'"],
  ['two arguments', `apply_patch '${PATCH}' x`],
  ['two documents', `${doc()}\n${doc()}`],
  ['bash with a file', 'bash script.sh'],
  ['bash -c and more', `bash -c '${doc('', '', 'EOF', 'EOF')}' x; ls`],
  ['nothing', ''],
  ['a patch alone', PATCH],
];

for (const [cell, command] of REFUSED) {
  verifies('patch.invocation.refused', () => assert.equal(parseApplyPatchInvocation(command), null), { cell });
}

verifies('patch.invocation.bare', () => {
  assert.equal(isBarePatch(PATCH), true);
  assert.equal(isBarePatch(`\n  ${PATCH}\n\n`), true);
  assert.equal(isBarePatch(`cat <<EOF\n${PATCH}\nEOF`), false);
  assert.equal(isBarePatch('*** Begin Patch\nnonsense\n*** End Patch'), false);
  assert.equal(isBarePatch(`echo x; ${PATCH}`), false);
});
