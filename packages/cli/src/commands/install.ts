/** `agentbox install`: a systemd user unit, so that agentbox starts with the machine. Writes one file and starts nothing. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { type Command, HOME, type Parsed } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { pathsOf } from '../place.ts';
import { screenOn } from '../terminal/screen.ts';

export const install: Command = {
  name: 'install',
  summary: 'Write a systemd user unit that runs `agentbox up`.',
  synopsis: '[--print] [--home DIR]',
  about:
    'A restart of the unit leaves the box alone: running terminals go on and are found again.\n' +
    'Nothing is enabled or started: the lines to run are printed.',
  options: { print: { type: 'boolean', help: 'print the unit and write nothing' }, home: HOME },
  examples: [
    ['agentbox install', 'write ~/.config/systemd/user/agentbox.service'],
    ['agentbox install --print', 'look at it first'],
  ],
  run: (args, io) => Promise.resolve(runInstall(args, io)),
};

function runInstall(args: Parsed, io: Io): number {
  const unit = unitFor(join(io.root, 'packages', 'cli', 'bin', 'agentbox'), pathsOf(args, io).home);
  if (args.flag('print')) {
    io.stdout.write(unit);
    return EXIT.done;
  }
  const base = io.env['XDG_CONFIG_HOME'] ?? join(io.env['HOME'] ?? homedir(), '.config');
  const file = join(base, 'systemd', 'user', 'agentbox.service');
  const screen = screenOn(io.stdout, io.env);
  const isSame = existsSync(file) && readFileSync(file, 'utf8') === unit;
  if (!isSame) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, unit);
    renameSync(`${file}.new`, file);
  }
  screen.line(`${screen.paint('good', isSame ? 'already there' : 'wrote')}  ${file}`);
  screen.line();
  screen.line('  Now run:');
  screen.line();
  screen.line(screen.paint('link', 'systemctl --user daemon-reload && systemctl --user enable --now agentbox'));
  screen.line(screen.paint('link', `loginctl enable-linger ${userInfo().username}`));
  screen.line();
  screen.line(screen.paint('quiet', '  The second line keeps it running while you are logged out.'));
  return EXIT.done;
}

/** systemd reads `%` and spaces in its own way. */
const quoted = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%')}"`;

function unitFor(program: string, home: string): string {
  return `[Unit]
Description=agentbox: this machine as an agent's computer, over MCP
# A configuration that is refused stays refused: five starts within a minute, then systemd says so.
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=exec
ExecStart=${quoted(program)} up --home ${quoted(home)}
# Only the server is stopped: the box and the terminals in it go on, and the next start finds them.
KillMode=process
Restart=on-failure
RestartSec=1
# A wrong command line does not become right.
RestartPreventExitStatus=2
TimeoutStopSec=15
# A command that eats the memory is killed alone, and the rest of the unit goes on.
OOMPolicy=continue
# The box may sort its commands into groups of the kernel below the unit.
Delegate=yes
# Nothing else is shut off here: commands run with all that this user may do, and what is closed to the unit is closed
# to them as well.

[Install]
WantedBy=default.target
`;
}
