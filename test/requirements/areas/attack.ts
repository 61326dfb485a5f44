/** Requirements of the area `attack`: `agentbox attack-me`, the fixed list of attacks on one's own install. */
import type { Requirements } from '../requirement.ts';

const LIST = 'a fixed list of attacks, each with an oracle';

export const attack = {
  'attack.list.fixed': {
    text: 'the list has 76 cases in the groups A to G and K, and a run answers each',
    source: LIST,
  },
  'attack.control.leaks': {
    text: 'without a sandbox the oracles see the leaks: no case is broken, and at least 50 leak',
    source: LIST,
  },
  'attack.control.every-vector': {
    text: 'without a sandbox every way to start a forbidden program starts it, through a pipe and on a terminal',
  },
  'attack.run.configured': { text: 'the rules and the configuration of the install are what is attacked' },
  'attack.run.home-untouched': { text: 'the home of the install is as it was before, to the byte' },
  'attack.run.leaves-nothing': { text: 'no process, file, socket or segment is left behind' },
  'attack.run.interrupted': { text: 'Ctrl-C in the middle leaves nothing behind and exits with 130' },
  'attack.exit.says-it': {
    text: 'the exit code is 0 when all held, 1 when something leaked, 2 when nothing could run',
  },
  'attack.report.readable': { text: 'the report counts by group and names what leaked with what to do about it' },
  'attack.docs.complete': { text: 'docs/attack-me.md names every case and every option' },
  'attack.bypass.none': {
    text: 'in the profile workspace no way out of 45 and more starts a forbidden program',
    source: LIST,
  },
  'attack.workspace.holds': {
    text: 'in the profile workspace every case that this kernel can run is held',
    source: LIST,
  },
} as const satisfies Requirements;
