/** Requirements of the area `sandbox`: what a sandboxed command sees, what it can change, and when nothing is started. */
import type { Requirements } from '../requirement.ts';

export const sandbox = {
  'sandbox.probe.tries': {
    text: 'the probe really starts bubblewrap and asks the kernel, and says what each profile enforces and what it does not',
  },
  'sandbox.probe.fix': { text: 'what is missing is one line with the command that mends it, found in bounded time' },
  'sandbox.probe.landlock-only': {
    text: 'without namespaces a profile is unavailable, unless the operator accepts Landlock alone and what that loses',
  },
  'sandbox.files.secrets': { text: 'no secret of the host can be read inside, by name or by way of /proc' },
  'sandbox.files.unwritable': { text: 'nothing of the host outside the writable directories can be changed' },
  'sandbox.files.kernel': {
    text: 'settings of the kernel cannot be changed, not even as root',
    source: 'observed: bubblewrap 0.8.0 as root leaves /proc/sys/kernel/core_pattern writable',
  },
  'sandbox.files.etc': { text: 'what others may not read in /etc outside, nobody reads inside' },
  'sandbox.files.private': {
    text: 'HOME and /tmp are the caller’s own and kept between commands; the rest starts empty',
  },
  'sandbox.files.tools': {
    text: 'tools of the home and of the search path work inside, and a file of theirs that holds a token is not shown',
  },
  'sandbox.files.nested': { text: 'the most specific directory decides, and nothing shows below what is hidden' },
  'sandbox.guard.git': {
    text: 'hooks and configuration of a repository stand, whatever is renamed, linked or replaced',
  },
  'sandbox.guard.includes': {
    text: 'files that a configuration of git includes, and scripts that it names, stand like the configuration itself',
  },
  'sandbox.guard.nested': {
    text: 'repositories below a workspace that were there are guarded like its own, and a command’s own are not',
  },
  'sandbox.guard.agents': {
    text: 'folders that agents and editors believe cannot be changed, nor made where agentbox reads them',
  },
  'sandbox.places.anywhere': {
    text: 'a home and a workspace work wherever they lie: any folder, any name, any depth, any kind of mount',
  },
  'sandbox.guard.open': { text: 'no command can make a link that shuts the workspace for the next one' },
  'sandbox.guard.no-litter': {
    text: 'what stood in for an absent folder is gone with the last sandbox, and nothing else is',
  },
  'sandbox.guard.new-repository': { text: 'a repository made inside can be cloned, configured and committed to' },
  'sandbox.process.alone': {
    text: 'a command has no capability, sees no process of the host and makes no user namespace',
  },
  'sandbox.process.terminal': { text: 'a terminal works inside and shows none of another session' },
  'sandbox.network.none': { text: 'without network there is no interface but loopback, and no socket of the host' },
  'sandbox.refuse.workspace': {
    text: 'a directory that must not be given away is refused with its field, path and fix',
  },
  'sandbox.environment': {
    text: 'what leads out of the sandbox is removed from the environment, and a proxy set only with network',
  },
  'sandbox.landlock.agrees': {
    text: 'Landlock with the lists of the plan refuses what the mounts refuse and nothing else',
  },
  'sandbox.landlock.alone': { text: 'Landlock alone keeps hidden files shut and the workspace open' },
  'sandbox.state.forms': { text: 'sandbox state is read in every form that clients send' },
  'sandbox.state.wrong': {
    text: 'a state that cannot be read is refused by its field, and none of its values is repeated',
  },
  'sandbox.state.ceiling': { text: 'whatever a client sends, nothing becomes wider than the operator’s ceiling' },
  'sandbox.state.narrows': { text: 'a client gets exactly what it asked for where the ceiling allows it' },
  'sandbox.access.agrees': { text: 'a file that may be changed by name outside the sandbox could be changed inside' },
  'sandbox.limits.defaults': { text: 'the limits leave half of the machine to others' },
  'sandbox.programs': { text: 'real programs print inside what they print outside' },
} as const satisfies Requirements;
