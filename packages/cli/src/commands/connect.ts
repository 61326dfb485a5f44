/** `agentbox connect CLIENT`: shows what a client needs, or writes it into the client's own file. */
import { homedir } from 'node:os';
import type { Door, Places, Recipe } from '../clients/recipe.ts';
import { RECIPES } from '../clients/recipes.ts';
import { writeEntry } from '../clients/write.ts';
import { type Command, HOME, type Parsed, UsageError } from '../command.ts';
import { EXIT, type Io } from '../io.ts';
import { addressOf, pathsOf, tokenOf } from '../place.ts';
import { type Screen, screenOn } from '../terminal/screen.ts';

const NAMES = RECIPES.map((recipe) => recipe.name);

export const connect: Command = {
  name: 'connect',
  summary: 'Show or write the configuration of a client.',
  synopsis: `${NAMES.join('|')} [--write] [--home DIR]`,
  about:
    'Prints the exact words that a client reads, with the address and the token of this machine.\n' +
    'With --write it puts one entry into the client’s own file: other entries stay, the old file is kept beside it.',
  options: {
    write: { type: 'boolean', short: 'w', help: 'write the entry into the client’s file' },
    url: { type: 'string', value: 'URL', help: 'address to use in place of the known one' },
    home: HOME,
  },
  examples: [
    ['agentbox connect claude', 'the command for Claude Code'],
    ['agentbox connect cursor --write', 'add agentbox to ~/.cursor/mcp.json'],
    ['agentbox connect chatgpt', 'the steps in ChatGPT’s settings'],
  ],
  run: (args, io) => Promise.resolve(runConnect(args, io)),
};

function runConnect(args: Parsed, io: Io): number {
  const [name, ...rest] = args.positionals;
  if (name === undefined || rest.length > 0) throw new UsageError(`name one client: ${NAMES.join(', ')}`);
  const recipe = RECIPES.find((one) => one.name === name);
  if (recipe === undefined) throw new UsageError(`unknown client \`${name}\`; known are ${NAMES.join(', ')}`);
  const paths = pathsOf(args, io);
  const address = addressOf(paths, io);
  const url = args.text('url') ?? (recipe.remote ? (address.publicUrl ?? address.url) : address.url);
  const door = { url: withPath(url), token: tokenOf(paths) };
  const places = { home: io.env['HOME'] ?? homedir(), cwd: io.cwd };
  const screen = screenOn(io.stdout, io.env);
  const notes = screenOn(io.stderr, io.env);
  if (!address.isRunning) notes.line(notes.paint('doubt', 'agentbox does not run now: start it with `agentbox up`.'));
  if (args.flag('write')) return write(recipe, door, places, screen);
  show(recipe, door, places, screen);
  if (recipe.remote && !door.url.startsWith('https://')) sayNeedsPublic(recipe, screen);
  return EXIT.done;
}

function withPath(url: string): string {
  return new URL(url).pathname === '/' ? new URL('/mcp', url).href : url;
}

function show(recipe: Recipe, door: Door, places: Places, screen: Screen): void {
  if (recipe.entry(door, places) !== null) {
    // First, because a command line with a token stays in the history of the shell and shows in the list of processes.
    screen.line(`${screen.isTerminal ? '  ' : '# '}Written for you: agentbox connect ${recipe.name} --write`);
    screen.line(`${screen.isTerminal ? '  ' : '# '}Or by hand:`);
  }
  for (const step of recipe.steps(door, places)) {
    screen.line(screen.isTerminal ? `  ${step.say}` : `# ${step.say}`);
    if (step.copy === null) continue;
    screen.line();
    // Flush left: what is copied must not begin with spaces.
    screen.line(screen.paint('link', step.copy));
    screen.line();
  }
}

function sayNeedsPublic(recipe: Recipe, screen: Screen): void {
  screen.line(
    screen.paint('doubt', `  ${recipe.title} reaches this machine from the internet and needs a public https address:`),
  );
  screen.line('  agentbox expose tailscale    or    agentbox expose cloudflare');
}

function write(recipe: Recipe, door: Door, places: Places, screen: Screen): number {
  const entry = recipe.entry(door, places);
  if (entry === null)
    throw new UsageError(`${recipe.title} has no file to write; run \`agentbox connect ${recipe.name}\``);
  const written = writeEntry(entry, door.token);
  screen.line(`${screen.paint('good', written.changed ? 'wrote' : 'already there')}  ${written.file}`);
  if (written.backup !== null) screen.line(screen.paint('quiet', `  before  ${written.backup}`));
  screen.line(`  ${entry.next}`);
  return EXIT.done;
}
