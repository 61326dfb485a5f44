/** Terminal text as a model reads it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cleanOutput, decodeUtf8 } from '../../packages/providers/src/machine/output/index.ts';
import { verifies } from '../requirements/verifies.ts';
import { pick, seeded } from './random.ts';
import * as streams from './streams.ts';

const cleaned = (text: string): string => cleanOutput(text, { atEnd: true }).text;

verifies('output.clean.codes-removed', () => {
  const CELLS: readonly (readonly [string, string])[] = [
    ['\x1b[1;31mred\x1b[0m', 'red'],
    ['\x1b[38;5;208mo\x1b[38:2::1:2:3mk\x1b[m', 'ok'],
    ['\x1b]0;title\x07text', 'text'],
    ['\x1b]8;;https://example.com\x1b\\link\x1b]8;;\x1b\\', 'link'],
    ['\x1bP1$r0m\x1b\\a\x1b_app\x1b\\b\x1b^pm\x1b\\c\x1bXsos\x1b\\d', 'abcd'],
    ['\x1b(B\x1b)0\x1b%G\x1b#8a', 'a'],
    ['\x1b=\x1b>\x1b[?2004h\x1b[?25lb\x1b[>4;1m\x1b[c', 'b'],
    ['a\x1b', 'a'],
    ['a\x1b[31', 'a'],
    ['a\x1b\x1b[1mb', 'ab'],
    ['a\x1b[31\nb', 'a\nb'],
  ];
  for (const [text, expected] of CELLS) assert.equal(cleaned(text), expected, JSON.stringify(text));
});

verifies(
  'output.clean.codes-removed',
  (context) => {
    const grep = spawnSync('grep', ['--color=always', '-n', 'root', '/etc/passwd'], { encoding: 'utf8' });
    if (grep.status !== 0) return context.skip('grep finds no root in /etc/passwd here');
    assert.match(grep.stdout, /\u001b\[/);
    assert.match(cleaned(grep.stdout), /^1:root:x:0:0:/);
    return undefined;
  },
  { cell: 'grep in colour' },
);

const FOLDED: readonly (readonly [string, string, string])[] = [
  ['a bar', streams.carriageReturnBar, `download ${'#'.repeat(25)} 100%\ndone\n`],
  [
    'git',
    streams.gitClone,
    "Cloning into 'repo'...\nCounting objects: 100% (100/100), done.\nReceiving objects: 100% (100/100), done.\nResolving deltas: 100% (100/100), done.\n",
  ],
  ['npm', streams.npmInstall, '\nadded 60 packages in 2s\n'],
  ['pip', streams.pipInstall, `Collecting demo\n   ${'━'.repeat(25)} 50/50 kB\nInstalled demo-1.0\n`],
  ['curl', streams.curlMeter, '  % Total    % Received\n100 1000k\n'],
];
for (const [cell, text, expected] of FOLDED) {
  verifies('output.clean.progress-folded', () => assert.equal(cleaned(text), expected), { cell });
}

verifies(
  'output.clean.progress-folded',
  (context) => {
    const curl = spawnSync('curl', ['-o', '/dev/null', 'file:///etc/passwd'], { encoding: 'utf8' });
    if (curl.status !== 0) return context.skip('curl is not installed');
    const lines = cleaned(curl.stderr).trimEnd().split('\n');
    assert.ok(lines.length <= 4 && lines.at(-1)?.startsWith('100 '), curl.stderr);
    return undefined;
  },
  { cell: 'the real curl' },
);

verifies(
  'output.clean.redraws-folded',
  () => {
    assert.equal(
      cleaned(streams.dockerBuild),
      '[+] Building 3s (3/3)\n => FROM 30s\n => COPY 30s\n => RUN 30s\nbuilt\n',
    );
  },
  { cell: 'docker build' },
);

verifies(
  'output.clean.redraws-folded',
  () => {
    const unpacked = Array.from({ length: 20 }, (_, index) => `Unpacking part ${index + 1} ...\n`).join('');
    assert.equal(cleaned(streams.aptUnfinished), `${unpacked}Progress: [100%]\n`);
    assert.equal(cleaned(streams.aptInstall), unpacked);
  },
  { cell: 'apt with a bar at the bottom' },
);

verifies(
  'output.clean.redraws-folded',
  () => {
    const far = `${'x\n'.repeat(1000)}\x1b[9999Atop\n`;
    const text = cleaned(far);
    assert.equal(text.split('\n').length, 1000);
    assert.ok(text.includes('top\n'));
  },
  { cell: 'further up than lines can be edited' },
);

verifies('output.clean.overstrike', () => {
  assert.equal(cleaned('N\bNA\bAM\bME\bE _\bf_\bi_\bl_\be\n'), 'NAME file\n');
  assert.equal(cleaned('passwort\b \b\b \bword'), 'passwoword');
  assert.equal(cleaned('进度\b\b中'), '进中');
  assert.equal(cleaned('\b\b\ba'), 'a');
});

verifies('output.clean.line-ends', () => {
  assert.equal(cleaned('a\r\nb\r\r\nc\td\x07\x00\x0e\x0f\x7f\ne\x0bf\x0cg'), 'a\nb\nc\td\ne\nf\ng');
  const plain = '  indented\t\ttabs  \n\n\ntrailing blanks   \nno end';
  assert.equal(cleaned(plain), plain);
  assert.equal(cleaned(`${plain}\x1b[0m`), plain);
  const unicode = 'ünïcödé 进度 हिन्दी می‌خواهم 👨‍👩‍👧 ❤️ 1️⃣ é';
  assert.equal(cleaned(unicode), unicode);
});

verifies('output.clean.invisible-made-visible', () => {
  const CELLS: readonly (readonly [string, string])[] = [
    ['abc\u202etxt.exe', 'abc<U+202E>txt.exe'],
    ['\u2066a\u2069\u200f', '<U+2066>a<U+2069><U+200F>'],
    ['pass\u200bword\ufeff', 'pass<U+200B>word<U+FEFF>'],
    ['a\u200db', 'a<U+200D>b'],
    ['\u009b31mred\u0085', '<U+009B>31mred<U+0085>'],
    ['x\u{e0041}\u{e007f}', 'x<U+E0041><U+E007F>'],
    ['a\ufe0f\ufe0f', 'a<U+FE0F><U+FE0F>'],
    ['\ud800', '\ufffd'],
  ];
  for (const [text, expected] of CELLS) assert.equal(cleaned(text), expected);
});

verifies('output.clean.nothing-hidden', () => {
  assert.equal(cleaned('\x1b]0;never ended\nsecret output\n'), '0;never ended\nsecret output\n');
  const long = cleanOutput(`\x1b]0;${'a'.repeat(300_000)}\nsecret output\n`);
  assert.ok(long.text.endsWith('\nsecret output\n') && long.heldChars === 0);
  const number = cleanOutput(`\x1b[${'1'.repeat(1000)} shown`);
  assert.ok(number.text.endsWith(' shown'));
});

verifies('output.clean.chunks-join', () => {
  const text = 'a\x1b[1;31mred €😀\x1b[0m\r\n\x1b]0;title\x1b\\b\x1b(B\tc\x1b[Kd\x1bP+q\x1b\\e\r\nf';
  const bytes = Buffer.from(text);
  for (let cut = 0; cut <= bytes.length; cut += 1) assert.equal(joined([cut], bytes), cleaned(text), `cut at ${cut}`);
  const random = seeded(11);
  for (let round = 0; round < 200; round += 1) {
    const cuts = Array.from({ length: 5 }, () => random(bytes.length + 1)).sort((a, b) => a - b);
    assert.equal(joined(cuts, bytes), cleaned(text), `cuts at ${cuts.join()}`);
  }
});

/** Polls as a reader does: what is held by the decoder or the cleaner comes again with the next bytes. */
function joined(cuts: readonly number[], bytes: Uint8Array): string {
  let text = '';
  let from = 0;
  for (const [index, end] of [...cuts, bytes.length].entries()) {
    const atEnd = index === cuts.length;
    const decoded = decodeUtf8(bytes.subarray(from, end), { atEnd });
    const clean = cleanOutput(decoded.text, { atEnd });
    text += clean.text;
    from = end - decoded.heldBytes - clean.heldBytes;
  }
  return text;
}

const HOSTILE: readonly (readonly [string, string])[] = [
  ['carriage returns on a long line', `${'x'.repeat(10_000)}${'\ra'.repeat(100)}`],
  ['deletions on a long line', `${'y'.repeat(5000)}${'\x1b[D\x1b[P'.repeat(1000)}`],
  ['insertions', 'abc\r\x1b[200@'.repeat(1000)],
  ['strings that nobody ends', '\x1b]'.repeat(5000)],
  ['one string that nobody ends', `\x1b]${'a'.repeat(20_000)}`],
  ['far up and down', '\x1b[9999Aq\x1b[9999B\n'.repeat(1000)],
  ['cleared screens', '\n\n\n\x1b[2J\x1b[H'.repeat(1000)],
  ['saved cursors', `${'\n'.repeat(300)}\x1b7${'\n'.repeat(300)}\x1b8`.repeat(20)],
  ['status lines', '\x1b7\x1b[1;1Hx\x1b8'.repeat(1000)],
  ['alternate screens', '\x1b[?1049hx\x1b[?1049l'.repeat(1000)],
  ['far columns', 'a\x1b[9999Cb\r'.repeat(1000)],
  ['direction marks', '\u202e'.repeat(10_000)],
];
for (const [cell, text] of HOSTILE) {
  verifies(
    'output.clean.linear',
    () => {
      const timed = (repeats: number): number => {
        const long = text.repeat(repeats);
        const started = performance.now();
        cleanOutput(long, { atEnd: true });
        return performance.now() - started;
      };
      timed(4);
      const short = Math.min(timed(4), timed(4), timed(4));
      const long = Math.min(timed(32), timed(32));
      assert.ok(long < 100 || long < 8 * 4 * short, `8 times the text took ${long / short} times as long`);
    },
    { cell },
  );
}

verifies(
  'output.clean.linear',
  () => {
    for (const step of ['\x1b[9999Cx\n', 'ab\r\x1b[9999@\n', '\x1b[9999B', '\x1b[9999;9999Hx', 'x\x1b[9999b']) {
      const text = step.repeat(1000);
      assert.ok(cleaned(text).length <= 40 * text.length, JSON.stringify(step));
    }
  },
  { cell: 'a few bytes cannot open much space' },
);

verifies('output.clean.alternate-screen', () => {
  const left = cleanOutput('$ vim\r\n\x1b[?1049h\x1b[2J\x1b[1;1Hfile text\x1b[?1049l$ ');
  assert.deepEqual([left.text, left.screen, left.closedScreens], ['$ vim\n$ ', 'none', 1]);
  const open = cleanOutput('$ less\r\n\x1b[?1049hpage');
  assert.deepEqual([open.text, open.screen], ['$ less\n', 'alternate']);
  const next = cleanOutput('more\x1b[?1049l$ ', { startsOnAlternateScreen: true });
  assert.deepEqual([next.text, next.screen, next.closedScreens], ['$ ', 'none', 1]);
  assert.equal(cleanOutput('\x1b[5;10Hdrawn').screen, 'addressed');
});

verifies(
  'output.clean.codes-removed',
  () => {
    const random = seeded(3);
    const parts = [
      'a',
      '\x1b',
      '[',
      ']',
      '?',
      '1',
      ';',
      'm',
      'H',
      '\n',
      '\r',
      '\b',
      '\x07',
      '\\',
      'P',
      '\x18',
      '€',
    ] as const;
    for (let round = 0; round < 2000; round += 1) {
      const text = Array.from({ length: random(60) }, () => pick(random, [...parts])).join('');
      assert.doesNotMatch(cleaned(text), /[\u0000-\u0008\u000b-\u001f\u007f]/, JSON.stringify(text));
    }
  },
  { cell: 'no control character survives random text' },
);
