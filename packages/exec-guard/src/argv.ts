/**
 * The command line of a warden. Its environment is the command's: nothing of it reaches bubblewrap. Descriptors 0, 1 and 2 are the command's, 3 is the line to the daemon.
 */
import type { LaunchPlan, ResourceLimits } from '@agentbox/protocol';
import { PROXY_PORT } from '@agentbox/protocol';

function limitWords(limits: ResourceLimits): readonly string[] {
  const named = {
    as: limits.addressSpaceBytes,
    nproc: limits.processes,
    nofile: limits.openFiles,
    fsize: limits.fileBytes,
    cpu: limits.cpuSeconds,
  };
  return Object.entries(named).flatMap(([name, value]) => (value === null ? [] : ['--rlimit', `${name}=${value}`]));
}

/**
 * `program.argv` begins with argv[0], which need not be the path; `program.cwd` is a path inside the sandbox, which the
 * host need not have. The first word of the result is the warden.
 */
export function wardenArgv(
  warden: string,
  plan: LaunchPlan,
  program: { readonly path: string; readonly argv: readonly string[]; readonly cwd: string },
): readonly string[] {
  const bubblewrap = plan.bubblewrap === null ? [] : [plan.bubblewrap.program, ...plan.bubblewrap.args];
  return [
    warden,
    '--link',
    '3',
    '--cwd',
    program.cwd,
    ...plan.landlock.read.flatMap((path) => ['--read', path]),
    ...plan.landlock.write.flatMap((path) => ['--write', path]),
    ...limitWords(plan.rlimits),
    ...(plan.network === 'proxy' ? ['--listen', String(PROXY_PORT)] : []),
    ...(plan.noExecFromWritable ? ['--no-exec-from-writable'] : []),
    ...(bubblewrap.length === 0 ? [] : ['--bwrap', String(bubblewrap.length), ...bubblewrap]),
    '--',
    program.path,
    ...(program.argv.length === 0 ? [program.path] : program.argv),
  ];
}
