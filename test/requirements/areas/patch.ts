/** Requirements of the area `patch`: the grammar, where a chunk goes, what is written, and where we differ from Codex. */
import type { Requirements } from '../requirement.ts';

const OBSERVED = 'observed on Codex 0.169.0';
const DEFECT = 'a defect of Codex 0.169.0';

export const patch = {
  'patch.parity.scenarios': { text: 'each of the 23 public scenarios leaves the expected tree', source: OBSERVED },
  'patch.parity.observed': {
    text: 'every observed case has the same tree, exit code and text, except where we must differ',
    source: OBSERVED,
  },
  'patch.parity.hunk-by-hunk': {
    text: 'atomic:false leaves what the hunks before the failing one did',
    source: OBSERVED,
  },
  'patch.grammar.markers': {
    text: 'the first and last line are the markers, padded or not, and messages name the line',
  },
  'patch.grammar.add': { text: 'Add File takes lines with + only, and none at all is an empty file' },
  'patch.grammar.update': {
    text: 'an update is chunks of kept, added and removed lines, the first @@ may be left out',
  },
  'patch.grammar.move': { text: 'Move to stands directly after the header of an update, once' },
  'patch.grammar.end-of-file': { text: 'End of File closes a chunk, which then matches at the end only' },
  'patch.grammar.environment': { text: 'an environment id may stand on the second line, once, and is never empty' },
  'patch.grammar.heredoc': { text: 'the heredoc wrapper that models send is taken off' },
  'patch.grammar.print': { text: 'a parsed patch prints as text that parses to the same patch' },
  'patch.seek.levels': {
    text: 'exact, then trailing space, then both ends, then typographic characters: a whole scan each',
  },
  'patch.seek.forward': { text: 'chunks match from a cursor that only moves forward' },
  'patch.seek.trailing-empty': { text: 'an empty last line that does not match is left out and the search repeated' },
  'patch.write.line-ends': { text: 'untouched lines keep their line ends, new ones take the first of the file' },
  'patch.write.mode-and-owner': { text: 'an updated and a moved file keep their mode and owner' },
  'patch.write.links': { text: 'updates go through symbolic links, deletes take the link away' },
  'patch.write.folders': { text: 'missing folders are made, and are gone again after a rollback' },
  'patch.write.read-only-file': { text: 'a file that may not be written is not replaced behind its mode' },
  'patch.write.special-file': {
    text: 'a device, pipe or socket is neither written, replaced nor removed, but refused by name and kind',
    source: DEFECT,
  },
  'patch.fail.cause': {
    text: 'the code of a failure, and so the advice with it, fits the cause; a mismatch always names a line',
  },
  'patch.fail.remains': { text: 'a failure without atomic says which files stay changed' },
  'patch.jail.unlink': { text: 'a link in the workspace that leads out of it can be deleted, and only the link goes' },
  'patch.limits.sum': { text: 'the files that one patch reads are bounded together' },
  'patch.atomic.plan': { text: 'a patch of which one hunk fails changes nothing', source: DEFECT },
  'patch.atomic.disk-full': { text: 'a disk that fills up in the middle leaves the former tree' },
  'patch.atomic.no-right': { text: 'a folder without write permission in the middle leaves the former tree' },
  'patch.atomic.no-leftovers': { text: 'no temporary name is left behind, after success or failure' },
  'patch.atomic.no-lost-content': { text: 'at no moment of a patch is a content without a name' },
  'patch.atomic.in-place': { text: 'a file in a folder that takes no new names is still written, or put back whole' },
  'patch.write.hard-links': {
    text: 'a file with several names keeps them all: it is written in place, and put back whole on a rollback',
    source: OBSERVED,
  },
  'patch.crash.whole-files': { text: 'killed anywhere, a patch leaves each file with its old or its new content' },
  'patch.crash.in-place': { text: 'a file caught half written in place gets its old content from the next patch' },
  'patch.crash.swept': { text: 'the next patch to a folder puts back what is missing and loses no content' },
  'patch.crash.living': { text: 'what a living process, or one that cannot be looked up, has begun is left alone' },
  'patch.crash.planted': {
    text: "a staging folder that is not this user's own and private is neither used nor believed",
  },
  'patch.locks.same-file': { text: 'patches to the same file at once wait for each other and all take effect' },
  'patch.locks.changed-meanwhile': {
    text: 'a file that somebody else changes meanwhile is read again, not overwritten',
  },
  'patch.jail.parents': { text: 'a path that leaves the workspace by .. is refused by name', source: DEFECT },
  'patch.jail.links': {
    text: 'a path that leaves the workspace through a link is refused and its target named',
    source: DEFECT,
  },
  'patch.jail.dangling': { text: 'a dangling link out of the workspace creates nothing outside', source: DEFECT },
  'patch.jail.swapped-folder': { text: 'a folder that is swapped for a link is not written through' },
  'patch.limits': { text: 'a patch or a file over the size limit is refused with the limit' },
  'patch.differ.move-to-same': { text: '164: a move to the same path updates the file in place', source: DEFECT },
  'patch.differ.move-through-link': {
    text: 'a move onto a link to the file itself updates it in place',
    source: DEFECT,
  },
  'patch.differ.move-mode': { text: '170: a move keeps the mode', source: DEFECT },
  'patch.differ.dangling-add': { text: '162: an Add through a dangling link names what it wrote', source: DEFECT },
  'patch.differ.delete-link': { text: '161, 163: a dangling link and a link to a folder are unlinked', source: DEFECT },
  'patch.differ.stacked-context': {
    text: '118: stacked @@ lines narrow the search one after the other',
    source: DEFECT,
  },
  'patch.differ.unified-header': {
    text: '120, 121, 122: ranges and closing @@ of unified diffs are ignored',
    source: DEFECT,
  },
  'patch.differ.out-of-order': {
    text: '126, 130: a chunk out of order goes to its only match, several are refused',
    source: DEFECT,
  },
  'patch.differ.end-of-file': {
    text: '124, 127: an end-of-file chunk ignores blank lines at the end, then takes the last match',
    source: DEFECT,
  },
  'patch.differ.ambiguous': {
    text: '128: a choice between equal matches is reported, and refused when strict',
    source: DEFECT,
  },
  'patch.differ.insert-after-context': { text: '218: added lines alone go after the context line', source: DEFECT },
  'patch.differ.bom': { text: '144: a byte order mark does not disturb the first line and stays', source: DEFECT },
  'patch.differ.encoding': {
    text: '146, 149: other encodings are edited byte for byte, or refused by name',
    source: DEFECT,
  },
  'patch.differ.overwritten': {
    text: '148, 011: an Add over a file says so, and is refused without clobber',
    source: DEFECT,
  },
  'patch.differ.unchanged': { text: '222: an update that changes nothing says so', source: DEFECT },
  'patch.differ.wrapped': {
    text: '191-198, 209: text around exactly one patch is ignored; 203: two are refused',
    source: DEFECT,
  },
  'patch.differ.quoted-path': {
    text: '182: quotation marks around a path, also a new one, are dropped unless that very name exists',
    source: DEFECT,
  },
  'patch.differ.padded-markers': {
    text: '227-229: indented markers count when they do not match as content',
    source: DEFECT,
  },
  'patch.differ.folded-match': {
    text: '134, 141-143: spaces, invisible characters and composition are folded for a unique match',
    source: DEFECT,
  },
  'patch.differ.nearest-line': { text: '006: a failed chunk says the nearest line and what differs', source: DEFECT },
  'patch.differ.composed': {
    text: '174-176: several hunks for one file are applied one after the other',
    source: DEFECT,
  },
  'patch.invocation.accepted': { text: 'the shell forms that only apply a patch are recognised' },
  'patch.invocation.refused': { text: 'a command that does anything else is left to the shell' },
  'patch.invocation.bare': { text: 'the text of a patch given as a command is recognised as such' },
  'patch.cli.stdin': { text: 'agentbox apply-patch reads standard input and answers as Codex does' },
  'patch.cli.usage': { text: 'wrong use of agentbox apply-patch exits with 2 and says how' },
  'patch.read.regular': { text: 'reading takes regular files only, up to a limit' },
  'patch.speed.large-file': {
    text: 'a file of 200,000 lines takes no longer than a few hundred milliseconds, hit or miss',
  },
  'patch.speed.many-files': { text: 'hundreds of new files cost a small multiple of writing them' },
  'patch.fuzz': { text: 'no bytes make the patch rooms throw, differ from themselves or break their promises' },
} as const satisfies Requirements;
