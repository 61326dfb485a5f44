/** Runs a program of this checkout as user `nobody`, for suites whose behaviour depends on who runs them. */

/** 65534 is `nobody` on every distribution; it owns nothing. */
const NOBODY = 65534;

/**
 * The checkout may stand where only root may look, so it is bound to /mnt in a mount namespace of its own, which
 * ends with the program. HOME is a new folder that the program's end removes; npm's cache moves there too, because
 * `npm test` hands its own user's folder down as `npm_config_cache`.
 */
const SCRIPT = `
set -eu
repo=$1; shift
mount --make-rprivate /
mount --bind "$repo" /mnt
home=$(mktemp -d /tmp/agentbox-nobody.XXXXXX)
chown ${NOBODY}:${NOBODY} "$home"
trap 'rm -rf "$home"' EXIT
cd /mnt
HOME="$home" TMPDIR="$home" npm_config_cache="$home/.npm" USER=nobody LOGNAME=nobody SHELL=/bin/sh \\
  setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups --inh-caps=-all -- "$@"
`;

export function ordinaryUserArgv(argv: readonly string[]): readonly string[] {
  return ['unshare', '-m', 'sh', '-c', SCRIPT, 'sh', process.cwd(), ...argv];
}
