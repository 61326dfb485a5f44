/** Requirements of the area `skills`: folders of instructions that a model lists and loads. */
import type { Requirements } from '../requirement.ts';

export const skills = {
  'skills.roots.order': {
    text: 'Skills are found in the workspace, the home, CODEX_HOME, the machine and the configured roots, in this order.',
    source: 'spec exec 4',
  },
  'skills.discovery.rules': {
    text: 'Skills lie at most six folders deep, in folders that are not hidden (apart from .system), in a SKILL.md of exact case.',
    source: 'spec exec 4',
  },
  'skills.discovery.links': {
    text: 'Links to folders are followed, each real folder once, and a loop ends.',
    source: 'spec exec 4',
  },
  'skills.discovery.bounded': {
    text: 'A root with too many folders is read up to a bound, and the problem says so.',
  },
  'skills.front-matter.tolerant': {
    text: 'CRLF, a byte order mark, folded text and YAML that only misses quotes are read.',
    source: 'spec exec 4, observed',
  },
  'skills.front-matter.rules': {
    text: 'A missing name is the name of the folder; a missing description or a name that is too long is a problem.',
    source: 'spec exec 4',
  },
  'skills.text.harmless': {
    text: 'What a skill says of itself reaches the model without angle brackets, control or invisible characters, and bounded.',
    source: 'spec exec 4, security 85',
  },
  'skills.names.unique': {
    text: 'Two skills of one name are told apart by their roots, and the nearer root keeps the name.',
    source: 'spec exec 4',
  },
  'skills.list.hidden': {
    text: 'A skill that forbids implicit invocation is not listed, and is loaded when it is named.',
    source: 'spec exec 4',
  },
  'skills.list.pages': {
    text: 'Listing is ranked by the query and paged; every skill comes once, also when others appear between pages.',
  },
  'skills.list.problems': {
    text: 'What keeps a folder from being a skill is told with its path.',
    source: 'spec exec 4',
  },
  'skills.catalog.even': {
    text: 'The catalog text stays within its bound by cutting long descriptions evenly; no skill is dropped.',
    source: 'spec exec 4, observed',
  },
  'skills.load.complete': {
    text: 'Loading by name, folder or file gives name, title, description, tags, path, instruction file and content.',
    source: 'spec exec 1.1',
  },
  'skills.load.files': {
    text: 'Every file of a skill is listed with size, type and digest, and can be loaded.',
    source: 'spec protocol A4',
  },
  'skills.load.bounded': {
    text: 'Instructions over 64 KiB are cut with a warning, and a skill has at most 512 files and 16 MiB.',
    source: 'spec exec 4, protocol A4',
  },
  'skills.load.jail': {
    text: 'No path and no link leads out of the folder of a skill; a pipe or a device is not opened.',
    source: 'spec exec 4',
  },
  'skills.load.near-names': {
    text: 'An unknown skill is refused with the names that are near.',
  },
  'skills.reload.hot': {
    text: 'A skill that is added, changed or removed shows in the list soon, also below a root that did not exist.',
    source: 'spec exec 4',
  },
  'skills.reload.blind': {
    text: 'Without a free watcher, listing brings the table up to date.',
  },
  'skills.reload.quiet': {
    text: 'A change that changes no skill is not announced, and many changes at once are one announcement.',
  },
  'skills.dispose.clean': {
    text: 'A disposed library holds no watcher and no timer.',
  },
} as const satisfies Requirements;
