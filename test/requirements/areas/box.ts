/** Requirements of the area `box`. */
import type { Requirements } from '../requirement.ts';

export const box = {
  'box.spawn.descriptors': {
    text: 'every child has descriptors 0, 1 and 2 and nothing else, however many sessions are open',
    source: 'microsoft/node-pty#867: an open terminal leaked into every later child',
  },
  'box.spawn.leader': {
    text: 'a command leads its own kernel session and starts with default signals, a kept terminal without its hangup',
  },
  'box.spawn.plain': {
    text: 'a command has the signals, mask, niceness and standing with the memory killer that its user has at login',
  },
  'box.spawn.once': { text: 'a repeated spawn answers with the facts of the first one and starts nothing' },
  'box.spawn.names-what-is-missing': { text: 'a refused spawn names what is missing: directory, shell or program' },
  'box.spawn.nul': { text: 'a NUL byte in a command, directory or variable is refused' },
  'box.spawn.large-command': { text: 'a command line of 1 MB runs; an argument that the kernel refuses is named' },
  'box.spawn.latency': { text: 'a command costs no more than a few spawns of Node itself' },
  'box.output.no-lost-tail': { text: 'the answer that tells the exit holds every byte that the command printed' },
  'box.output.order': { text: 'stdout and stderr are in the order of the kernel unless asked apart' },
  'box.output.reread': { text: 'every poll after the end answers the same, also two at once' },
  'box.output.head-and-tail': { text: 'an answer over its budget holds head and tail and counts what lies between' },
  'box.output.dropped': {
    text: 'beyond its quota a log keeps its head and its end and counts what it dropped exactly',
  },
  'box.output.frozen': {
    text: 'when no more can be written to disk it is said, the program goes on and the end stays right',
  },
  'box.output.flood': { text: 'a flood neither grows memory nor slows other sessions' },
  'box.output.many-streams': { text: '64 sessions that print 1 MB each at once lose nothing' },
  'box.output.grandchild': { text: 'a background process that holds the pipe delays the answer by less than 300 ms' },
  'box.output.substitution': { text: 'what a process substitution prints after the shell ended is in the answer' },
  'box.output.search': { text: 'a log is searched by regular expression with offsets and line numbers' },
  'box.output.search-bounded': { text: 'a catastrophic expression ends in time and stops nobody else' },
  'box.tree.kill': {
    text: 'killing a session ends setsid daemons, double forks, cleared environments and deaf processes',
  },
  'box.tree.dies-with-boxd': { text: 'nothing of any session survives a SIGKILL of the daemon' },
  'box.tree.guardian': { text: 'a daemon that lost its guardian ends its sessions and itself' },
  'box.tree.sheds-its-mark': {
    text: 'with cgroups even a process that sheds its mark, session, parents and environment stays in its session',
  },
  'box.tree.groups-are-removed': {
    text: 'groups go with their sessions, nested ones too, also when the daemon is killed',
  },
  'box.tree.group-lost': { text: 'a daemon that loses its cgroups says so and follows processes by /proc' },
  'box.tree.fork-bomb': { text: 'hundreds of processes that fork without pause are ended by one kill' },
  'box.tree.orphans-by-name': {
    text: 'without cgroups an orphan that shed its mark is still known by the name of its session in its environment',
  },
  'box.tree.reaped': { text: 'a thousand short commands leave no zombie and no descriptor' },
  'box.tree.background': { text: 'what outlives its command is listed with its ports and can be killed' },
  'box.tree.on-exit-kill': { text: 'with onExit kill nothing outlives the command' },
  'box.terminal.ctrl-c': { text: 'Ctrl-C ends the foreground job of an interactive shell and nothing else' },
  'box.terminal.size': { text: 'a terminal has the asked size and a resize reaches the program' },
  'box.terminal.exit': { text: 'exit codes and signals are exact, on pipes and terminals' },
  'box.terminal.screen': { text: 'the start of a screen program is known while it draws' },
  'box.input.intact': { text: '1 MiB of piped input arrives intact, with its end' },
  'box.input.offset': { text: 'a repeated write at an offset is harmless' },
  'box.input.line-too-long': { text: 'a line that the terminal would cut is refused whole; raw terminals take it' },
  'box.input.closed': { text: 'input to a session without open input is refused' },
  'box.input.prompt': { text: 'a prompt answers the waiting call within half a second, with its text and echo' },
  'box.output.search-faults': { text: 'a search that fails gives its place back' },
  'box.output.one-descriptor': { text: 'readers of one log at once share its descriptor and give it back' },
  'box.input.interrupt': { text: 'interrupt on a pipe session signals its group' },
  'box.env.allow-list': { text: "a child sees no variable of the daemon's parent that is not on the allow-list" },
  'box.env.no-secrets': {
    text: "no secret of the server's environment is in the daemon, its guardian or a session, by environment or descriptor",
  },
  'box.env.unattended': { text: 'pagers, colours and hidden prompts are off unless the caller says otherwise' },
  'box.env.login': { text: "with login a command has the PATH of the user's login shell, at no cost after the first" },
  'box.env.login-broken': {
    text: 'a profile that fails or hangs costs a bounded time, is noted, and the command runs',
  },
  'box.limits.sessions': { text: 'one session too many is refused with the list; ended ones are no reason' },
  'box.limits.retention': {
    text: 'ended sessions are forgotten with their logs when old or too many; live and background ones never',
  },
  'box.limits.requests': { text: 'requests beyond the bound are refused, and a silent client is not kept' },
  'box.owner.foreign': { text: 'a foreign session answers exactly as an unknown one' },
  'box.restart.lost': { text: 'after the death of the daemon old sessions are lost or ended, and their logs readable' },
  'box.restart.large-log': {
    text: 'a log of any size survives a SIGKILL of the daemon with its head, its newest part and an exact count between',
  },
  'box.restart.many': { text: 'thousands of old sessions do not delay the start, and each is there when asked for' },
  'box.limits.quota': {
    text: 'when the quota for all logs is used up the oldest ended ones go, said in their notes; live ones stay whole',
  },
  'box.output.disk-full': {
    text: 'on a full disk a session goes on from memory, says so, and is written again when there is space',
  },
  'box.restart.lock': { text: 'one daemon per home; a dead one is succeeded' },
  'box.shutdown': { text: 'shutdown ends every session with TERM, then KILL, within five seconds' },
  'box.wire.too-large-request': {
    text: 'a request that does not fit the wire is refused, and the next one on the same line is answered',
  },
  'box.wire.malformed': { text: 'malformed bytes end their connection with a reason and hurt no other' },
  'box.wire.key': { text: 'a client without the key learns nothing' },
  'box.wire.private': { text: 'socket, key and logs are for their owner alone' },
  'box.wire.codec': { text: 'frames survive any split, and lengths over the ceilings are refused unread' },
  'box.wire.other-version': {
    text: 'a peer of another version hears which one the daemon is of and how many sessions run, if it has the key',
  },
  'box.wire.version': { text: 'the wire does not change without its version' },
  'box.wire.many-sessions': { text: 'thousands of sessions with long commands are listed whole, page by page' },
  'box.wire.cancel': { text: 'a pending collect can be cancelled; the session goes on' },
  'box.wire.pipelined': { text: 'a collect sent right behind its spawn finds the session' },
  'box.wire.long-home': { text: 'a home whose socket path is too long gets a private short one' },
  'box.client.in-flight': { text: 'a request in flight when the daemon dies is refused with BOX_UNAVAILABLE' },
  'box.client.reconnect': { text: 'the client finds the next daemon of its home by itself' },
  'box.client.other-version': {
    text: 'a daemon of another version is refused in words that say what to do; one in which nothing runs makes way',
  },
  'box.client.watch': { text: 'a watcher hears states and lengths, and resumes from a sequence' },
  'box.client.daemon': { text: 'the daemon is started once, outlives who started it and is found again' },
  'box.budget.memory': { text: 'an idle daemon is small and starts fast' },
} as const satisfies Requirements;
