/** Repositories that commands could make or change in the workspace, and what git would run there for the user. */
import { type GitProgram, gitProgramsBelow } from '@agentbox/sandbox';
import type { Config } from '@agentbox/server';
import { type Finding, ok, warn } from './finding.ts';

const NAME = 'Git';
const EXPLICIT = 'git config --global safe.bareRepository explicit';
/** lines that a person reads */
const SHOWN = 20;

export function checkGit(config: Config): readonly Finding[] {
  const { profile, workspace } = config.box;
  if (profile === 'host' || workspace === null) return [];
  const { found, repositories, complete } = gitProgramsBelow(workspace);
  const looked = complete ? '' : ' (not everything was looked at: the workspace is large)';
  if (found.length === 0) {
    return [ok(NAME, `${repositories} repositories below the workspace, and none has git run a program${looked}`)];
  }
  const text = `${found.length} settings or hooks below the workspace have git run a program for whoever uses it there${looked}`;
  const fix = found.some(({ bare }) => bare)
    ? `look at each before you use git there; ${EXPLICIT} keeps git from taking a plain directory for a repository`
    : 'look at each before you use git there, and remove what is not yours';
  return [{ ...warn(NAME, text, fix), details: { found: found.slice(0, SHOWN).map(lineOf) } }];
}

const lineOf = ({ file, key }: GitProgram): string => `${file}: ${key}`;
