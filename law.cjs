/**
 * The dependency law: which room may import which. ARCHITECTURE.md's diagram is generated from MAY_IMPORT,
 * and test/gates plants a violation of each rule and demands that `npm run check` goes red.
 */
const MAY_IMPORT = {
  base: [],
  protocol: ['base'],
  'apply-patch': ['base'],
  execpolicy: ['base'],
  sandbox: ['base', 'protocol'],
  'exec-guard': ['base', 'protocol'],
  boxd: ['base', 'protocol', 'apply-patch', 'execpolicy', 'sandbox', 'exec-guard'],
  'boxd/client': ['base', 'protocol'],
  'control-plane': ['base', 'protocol'],
  providers: ['base', 'protocol', 'control-plane', 'boxd/client'],
  storage: ['base', 'protocol', 'control-plane'],
  auth: ['base', 'protocol', 'control-plane'],
  server: ['base', 'protocol', 'control-plane', 'boxd/client', 'providers', 'storage', 'auth', 'sandbox', 'exec-guard'],
  cli: ['base', 'protocol', 'apply-patch', 'execpolicy', 'sandbox', 'exec-guard', 'boxd', 'boxd/client', 'server'],
};

/** Rooms that name no file, no socket and no clock. */
const PURE = ['apply-patch', 'execpolicy'];

const folderOf = (room) => (room === 'boxd/client' ? 'packages/boxd/client/src' : `packages/${room}/src`);

module.exports = { MAY_IMPORT, PURE, folderOf };
