/** Requirements of the area `cli`: the command line, the configuration and the life of the two processes. */
import type { Requirements } from '../requirement.ts';

const CONTRACT = 'the command line is a contract that others script against';

export const cli = {
  'cli.launch.any-node': { text: 'agentbox starts where PATH holds an older Node or none, also through a link' },
  'cli.launch.says-what-to-run': {
    text: 'without a Node that is new enough it prints the one line to run and exits with 1',
  },
  'cli.launch.rebuilds-when-stale': {
    text: 'in a checkout the bundle is rebuilt when a source is newer, and only then',
  },
  'cli.launch.path-of-the-user': { text: 'the folders that npx puts before PATH reach no command' },
  'cli.launch.help-loads-no-schema': { text: '`agentbox --help` loads neither the schema library nor the server' },
  'cli.help.every-command': {
    text: 'every command has a help text with options and examples, on standard output, exit code 0',
  },
  'cli.help.documented': { text: 'docs/cli.md has a heading for every command and names every option, and no others' },
  'cli.unknown.nearest': {
    text: 'an unknown command or option is answered with the nearest known one and exit code 2',
  },
  'cli.output.closed-pipe': { text: 'a reader that leaves early causes no error' },
  'cli.output.plain-in-a-pipe': { text: 'no escape sequence reaches a pipe, and NO_COLOR is obeyed on a terminal' },

  'cli.start.packages': {
    text: 'a task takes missing Debian packages by apt-get where it may, else names them, once each, and fails for none',
  },

  'cli.up.one-json-line': {
    text: '`up --json` prints exactly one line {"url","token","pid","boxd_pid"} when it is ready; pid is the server’s',
    source: CONTRACT,
  },
  'cli.up.shows-next-step': { text: '`up` shows the address, the token, the missing sandbox and the next step' },
  'cli.up.token-only-on-a-terminal': {
    text: '`up` shows the token on a terminal only: a pipe, such as that of a journal, gets the path of its file',
  },
  'cli.up.port-zero': { text: '`--port 0` takes a free port and prints it' },
  'cli.up.port-busy': { text: 'a taken port is refused with the process that holds it' },
  'cli.up.failed-start-leaves-nothing': { text: 'a start that fails leaves no box that it started' },
  'cli.up.second-refused': {
    text: 'a second `up` on the same home is refused as ALREADY_RUNNING and disturbs nothing',
  },
  'cli.up.profile': { text: 'an unknown profile is refused by name before anything starts; the known ones start' },
  'cli.up.unsafe-home-refused': {
    text: 'a home that others may write to, or that is no directory, is refused with the fix',
  },
  'cli.up.private-home': { text: 'the home, the token and the database are closed to other users' },
  'cli.up.home-of-any-length': { text: 'a home with a very long path works, sockets included' },
  'cli.up.real-client-both-eras': {
    text: 'a real MCP client of either era lists the tools and runs a command through `up`',
  },
  'cli.up.starts-quickly': { text: 'a warm `up --json` is ready within a small multiple of a bare Node start' },

  'cli.up.missing-primitive': {
    text: '`up` refuses as MISSING_FEATURE with the exact fix where the machine cannot hold the profile, and starts nothing',
  },
  'cli.up.landlock-only': {
    text: 'with sandbox.allow_landlock_only commands run where user namespaces are blocked, and Landlock holds',
  },
  'cli.up.forbidden-place': {
    text: 'a place that no sandbox may be given is refused by its key, with the fix, before anything starts',
  },
  'cli.up.default-workspace': {
    text: 'a sandbox whose workspace nobody named gets a new one of its own in the home of the user',
  },
  'cli.up.linked-place': {
    text: 'a workspace behind a link is settled at the start as the directory that it leads to',
  },
  'cli.up.home-hidden': { text: 'a home in a place that the sandbox shows is hidden from every command' },
  'cli.up.host-said-once': {
    text: 'the profile host is said once at the start, and recorded as weaker, through HTTP and standard input alike',
  },

  'cli.life.term-keeps-box': { text: 'SIGTERM ends the server and leaves the box and its sessions' },
  'cli.life.interrupt-ends-idle-box': {
    text: 'Ctrl-C ends the box too when nothing runs in it, and says what it left otherwise',
  },
  'cli.life.server-kill-loses-nothing': {
    text: 'after kill -9 of the server the next `up` finds the session again with all of its output',
  },
  'cli.life.box-kill-is-said': {
    text: 'after kill -9 of the box no child survives, and its sessions answer lost with their output still readable',
  },
  'cli.life.box-comes-back': { text: 'a box that died is started again by the running server' },
  'cli.life.full-disk-stops': {
    text: 'SIGTERM ends the server also when the end cannot be written to the record; exit code 1 tells it',
  },
  'cli.life.dead-database-ends': {
    text: 'a server that lost its database ends with exit code 1, so that it is started again, and leaves the box',
  },
  'cli.life.uncaught-fault-ends': {
    text: 'a fault that nobody caught is reported without a token, recorded as a stop, and ends the server with exit code 1',
  },
  'cli.life.down-ends-all': {
    text: '`down` ends both processes and every session, and comes back when they are gone',
    source: CONTRACT,
  },
  'cli.life.down-when-nothing-runs': { text: '`down` with nothing running is no error' },
  'cli.life.leaves-nothing': { text: 'after `down` there is no process, socket or lock of that home' },

  'cli.stdio.alone': { text: '`agentbox stdio` serves MCP on its own when nothing runs' },
  'cli.stdio.beside-up': { text: '`agentbox stdio` beside a running `up` works on the same box and the same record' },

  'cli.control.bounded': { text: 'the control socket bounds its connections and requests, and survives nonsense' },

  'cli.token.rotate-at-once': {
    text: 'after `token rotate` the old token is refused at once by the running server, and the new one works',
  },
  'cli.token.second-caller': {
    text: '`token create` prints a token once whose caller may do what its scopes say, until it ends or is revoked',
  },
  'cli.token.callers-apart': { text: 'the sessions of two callers answer each other like ones that do not exist' },
  'cli.token.heals': { text: 'a lost token file or a lost database leads to a new token at the next start' },

  'cli.connect.exact': {
    text: '`connect CLIENT` prints exactly what that client reads, with the address and the token',
  },
  'cli.connect.write-keeps-others': {
    text: '`connect --write` keeps what others wrote, and the old file beside the new one',
  },
  'cli.connect.keeps-token-private': {
    text: '`connect` names `--write` before a command that holds the token, and a written file that holds it is closed to others',
  },
  'cli.connect.write-twice': { text: 'writing the same entry again changes nothing' },
  'cli.connect.write-refuses-unreadable': { text: 'a file that cannot be read without loss is left as it is' },
  'cli.connect.vscode-holds-no-token': { text: 'the file of a project that is often committed never gets the token' },
  'cli.connect.public-address': {
    text: 'a client that comes from the internet is given public_url, or told that one is needed',
  },

  'cli.status.exit-code': { text: '`status` exits with 0 when the server runs and with 3 when it does not' },
  'cli.doctor.names-the-fix': { text: '`doctor` marks each thing ok, warn or fail, and names a fix for all but ok' },
  'cli.doctor.fails-on-failure': {
    text: '`doctor` exits with 1 when something fails, such as an unsafe home or a taken port',
  },
  'cli.doctor.sandbox': {
    text: '`doctor` says what the profile enforces here, what it does not, and the exact fix for what is missing',
  },
  'cli.doctor.host': {
    text: '`doctor --profile host` says in one line what that means, and fails for nothing that only a sandbox needs',
  },
  'cli.doctor.rules': {
    text: '`doctor` reads the rule files that the box reads, counts their rules, and shows each problem at its place',
  },
  'cli.doctor.git': {
    text: '`doctor` names each setting and hook below the workspace by which git would run a program for the user',
  },
  'cli.sessions.list': { text: '`sessions list` shows every client’s sessions, and the sessions of none as nothing' },
  'cli.sessions.kill': { text: '`sessions kill` ends the whole process tree with the signal that was asked for' },
  'cli.sessions.names': {
    text: 'a session is found by the beginning of its id; an ambiguous or unknown one is refused',
  },
  'cli.attach.is-a-terminal': {
    text: 'attach shows what was printed before and what comes, keys reach the program, and the size follows',
  },
  'cli.attach.detaches-clean': { text: 'the detach key leaves the session running and the terminal as it was' },
  'cli.attach.ends-with-session': { text: 'attach ends with the session and shows its exit code' },
  'cli.attach.needs-a-terminal': { text: 'attach without a terminal is refused' },
  'cli.logs.tail-and-filter': {
    text: '`logs` shows the last records, filters by kind and client, and prints JSON lines',
  },
  'cli.logs.follow': { text: '`logs --follow` prints a record when it is written' },
  'cli.install.unit': {
    text: '`install` writes a unit that keeps the box when the server restarts, and starts nothing itself',
  },
  'cli.logs.readable': {
    text: '`logs` shows what a call did before its facts: the command, or the files of a patch',
  },
  'cli.logs.makes-no-home': { text: 'a command that only reads a home refuses one that is missing and makes none' },
  'cli.version.one': { text: 'the version of the product is that of every package.json' },
  'cli.expose.checks-first': {
    text: '`expose` checks the server, the program and the login before it shows a command',
  },
  'cli.apply-patch.as-codex': {
    text: '`apply-patch` applies standard input and answers with Codex’s text and exit code',
    source: CONTRACT,
  },

  'config.error.names-place': {
    text: 'every configuration error names the file and line, variable or flag, the key and the fix',
  },
  'config.unknown.nearest': { text: 'an unknown section, key or variable is answered with the nearest known one' },
  'config.order': { text: 'flags win over the environment, the environment over the file, the file over the defaults' },
  'config.documented': {
    text: 'docs/agentbox.schema.json and the table of docs/configuration.md say what the schema says',
  },
  'config.setting-works': { text: 'every setting changes a behaviour' },
  'config.directory-exists': { text: 'a workspace or a default directory that is missing stops the start, by name' },
  'config.issuer-readiness': {
    text: 'an external issuer that does not answer is shown by the readiness, and own tokens go on working',
  },
  'config.weaker-recorded': { text: 'a setting that weakens protection is shown at the start and recorded' },
} as const satisfies Requirements;
