/** Requirements of the house: its law, its gates and its documents. */
import type { Requirements } from '../requirement.ts';

export const house = {
  'house.gate.law': { text: 'an import that the law forbids turns `npm run check` red' },
  'house.gate.pure': { text: 'a pure room that names a file, a socket, a timer or a clock turns `npm run check` red' },
  'house.gate.types': { text: 'an unchecked index, an `any` or a non-null assertion turns `npm run check` red' },
  'house.gate.lint': { text: 'a floating promise, a default export or node-pty turns `npm run check` red' },
  'house.gate.requirements': {
    text: 'a requirement without a test, and a test of an unknown one, turn `npm run check` red',
  },
  'house.gate.documents': {
    text: 'an error code without a heading and a stale diagram turn `npm run check` red',
  },
  'house.gate.style': { text: 'a plain error, a banned name and a history comment turn `npm run check` red' },
  'house.gate.dead-code': { text: 'an export that nobody uses turns `npm run check` red' },
  'house.gate.install-scripts': { text: 'a dependency that needs an install script turns `npm run check` red' },
  'house.gate.versions': {
    text: 'a version outside of the root, and a root dependency that serves no room, turn `npm run check` red',
  },
  'house.gate.clean': { text: 'a copy in which nothing is planted stays green, so that a red gate means something' },
  'house.errors.registry': { text: 'every error code has an HTTP status in 400..599 and a hint that is one sentence' },
  'house.ids.unguessable': { text: 'new identifiers parse as what they are and do not repeat in 10,000' },
  'house.readme.transcript': { text: 'the transcript of the README is what the same steps answer' },
  'house.fresh-install': {
    text: 'the locked packages install without scripts and the product answers --version from them',
    source: 'npm 12 runs no install scripts',
  },
} as const satisfies Requirements;
