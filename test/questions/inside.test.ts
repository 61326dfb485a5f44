/** What is asked about and what is not, and what an answer tells of refusals. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { until } from '../cli/product.ts';
import { NO_SANDBOX, SandboxedHome } from '../e2e/sandboxed.ts';
import { verifies } from '../requirements/verifies.ts';
import { QuestionClient } from './clients.ts';
import { Place } from './place.ts';

const skip = NO_SANDBOX;
const MODERN = '2026-07-28 over HTTP';
const refusing = { person: () => ({ action: 'decline' }) as const };

verifies(
  'questions.heuristic.direct',
  async () => {
    await using place = await Place.open();
    await using client = await QuestionClient.connect(place, MODERN, refusing);
    writeFileSync(place.home.at('work', 'clean.sh'), 'mkdir made\nrm -rf made\necho "code $?"\n');
    const deep = await client.exec('sh clean.sh');
    assert.equal(deep.output, 'code 0\n', deep.text);
    assert.equal(client.asked.length, 0);
    const direct = await client.exec('mkdir kept; rm -rf kept; echo "code $?"; ls -d kept');
    assert.match(direct.output, /code 1\nkept\n$/, direct.text);
    assert.equal(client.asked.length, 1);
  },
  { skip },
);

verifies(
  'questions.alike',
  async () => {
    await using place = await Place.open();
    await using client = await QuestionClient.connect(place, MODERN, { person: null });
    const calls = [client.exec('rm -rf none; echo one'), client.exec('rm -rf none; echo two')];
    await Promise.all(calls);
    const waiting = await until('both wait', async () => {
      const { stdout } = await place.cli('approvals', 'list', '--json');
      const ids = stdout.match(/q_[a-z0-9]{12}/g) ?? [];
      return new Set(ids).size === 2 && [...new Set(ids)];
    });
    assert.equal((await place.cli('approvals', 'allow', waiting[0] ?? '', '--session')).code, 0);
    await until(
      'none waits',
      async () => !/q_[a-z0-9]{12}/.test((await place.cli('approvals', 'list', '--json')).stdout),
    );
  },
  { skip },
);

verifies(
  'questions.private-directory',
  async () => {
    await using place = await Place.open();
    await using client = await QuestionClient.connect(place, MODERN, { person: null });
    const ran = await client.exec('cd /tmp && date +%Y');
    assert.match(ran.output, /^20\d\d\n$/, ran.text);
    const [decided] = await until('it is in the record', async () => {
      const found = (await place.record()).filter(({ detail }) => detail['file'] === '/usr/bin/date');
      return found.length > 0 && found;
    });
    assert.deepEqual([decided?.detail['decision'], decided?.detail['by']], ['run', 'rule']);
  },
  { skip },
);

verifies(
  'questions.denied.once',
  async () => {
    await using place = await Place.open();
    await using client = await QuestionClient.connect(place, MODERN, { person: null });
    const first = await client.exec('id -u; read line; id -g', { stdin: true, yield_time_ms: 1500 });
    assert.deepEqual(
      first.denied.map(({ argv }) => argv),
      [['id', '-u']],
      first.text,
    );
    const input = { session_id: first.session_id, chars: 'x\n', yield_time_ms: 5000 };
    const next = await client.call('agentbox_write_stdin', input);
    assert.deepEqual(
      next.denied.map(({ argv }) => argv),
      [['id', '-g']],
      next.text,
    );
  },
  { skip },
);

verifies(
  'questions.rules.broken',
  async () => {
    await using home = new SandboxedHome();
    home.write('home/rules/default.rules', 'x = 1\nprefix_rule(["factor"], "forbiden")\n');
    const refused = await home.run(['up', '--port', '0', '--json']);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /^RULES_INVALID .*home\/rules\/default\.rules:2:1: .*did you mean "forbidden"/);
  },
  { skip },
);
