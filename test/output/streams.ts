/** What well-known programs send to a terminal, step by step, as seen on a terminal of 80 columns. */

const steps = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index + 1);

export const carriageReturnBar = `${steps(100)
  .map((step) => `\rdownload ${'#'.repeat(step / 4).padEnd(25)} ${step}%`)
  .join('')}\ndone\n`;

/** git clone over a terminal: each stage ends with `, done.` and a line end, and clears the rest of the line. */
export const gitClone = [
  "Cloning into 'repo'...\r\n",
  ...['Counting objects', 'Receiving objects', 'Resolving deltas'].flatMap((stage) => [
    ...steps(100).map((step) => `${stage}: ${String(step).padStart(3)}% (${step}/100)\x1b[K\r`),
    `${stage}: 100% (100/100), done.\x1b[K\r\n`,
  ]),
].join('');

/** npm: a spinner in the first column, erased before every line of text. */
export const npmInstall = `${steps(60)
  .map((step) => `\x1b[1G\x1b[0K${'⠋⠙⠹⠸'[step % 4]}`)
  .join('')}\x1b[1G\x1b[0K\x1b[?25h\nadded 60 packages in 2s\n\x1b[1G\x1b[0K`;

/** pip: a bar that erases its line and hides the cursor. */
export const pipInstall = `Collecting demo\n\x1b[?25l${steps(50)
  .map((step) => `\r\x1b[2K   \x1b[38;2;249;38;114m${'━'.repeat(step / 2)}\x1b[0m ${step}/50 kB`)
  .join('')}\r\x1b[2K   \x1b[32m${'━'.repeat(25)}\x1b[0m 50/50 kB\r\n\x1b[?25hInstalled demo-1.0\n`;

/** docker build: goes up over all of its lines and draws them anew. */
export const dockerBuild = `${steps(30)
  .map((step) => {
    const up = step === 1 ? '\x1b[1A\x1b[1B\x1b[0G\x1b[?25l' : '\x1b[4A\x1b[0G\x1b[?25l';
    const lines = [
      `[+] Building ${step / 10}s (${Math.min(step, 3)}/3)`,
      ...['FROM', 'COPY', 'RUN'].map((name) => ` => ${name} ${step}s`),
    ];
    return `${up}${lines.map((line) => `${line.padEnd(40)}\n`).join('')}\x1b[?25h`;
  })
  .join('')}built\n`;

const aptSteps = steps(20)
  .map(
    (step) =>
      `Unpacking part ${step} ...\r\n\x1b7\x1b[24;0f\x1b[42m\x1b[30mProgress: [${String(step * 5).padStart(3)}%]\x1b[49m\x1b[39m\x1b8`,
  )
  .join('');

/** apt with its bar at the bottom: save, go to the last row, draw, restore. */
export const aptUnfinished = `\n\x1b7\x1b[0;23r\x1b8\x1b[1A${aptSteps}`;
export const aptInstall = `${aptUnfinished}\n\x1b7\x1b[0;24r\x1b8\x1b[1A\x1b[J`;

/** curl without a terminal: a heading, then one line that is overwritten. */
export const curlMeter = `  % Total    % Received\r\n${steps(100)
  .map((step) => `\r${String(step).padStart(3)} 1000k`)
  .join('')}\n`;
