/** The rules that the box would read now, from the very directories that it is told, with every problem at its place. */
import { userInfo } from 'node:os';
import { readSources } from '@agentbox/boxd';
import { problemText, reloadRules } from '@agentbox/execpolicy';
import { type Config, rulePlaces } from '@agentbox/server';
import type { Io } from '../io.ts';
import { type Finding, fail, ok } from './finding.ts';

export function checkRules(config: Config, home: string, io: Io): readonly Finding[] {
  const { sources } = rulePlaces(config, home, io.env);
  const { policy, problems } = reloadRules(null, readSources(sources, []), { cwd: null, home: userInfo().homedir });
  const { files } = policy;
  const total = files.reduce((sum, file) => sum + rulesIn(file), 0);
  const idle = config.box.profile === 'host' ? '; the profile host asks none of them' : '';
  const text = files.length === 0 ? 'none yet' : `${counted(total, 'rule')} in ${counted(files.length, 'file')}`;
  return [
    ...problems.map((problem) => fail('Rules', problemText(problem), problem.hint)),
    {
      ...ok('Rules', `${text}${idle}`),
      details: {
        read: files.map((file) => `${file.name} (${file.layer}): ${counted(rulesIn(file), 'rule')}`),
        'looked in': sources.map(({ directory, layer }) => `${directory} (${layer})`),
      },
    },
  ];
}

type RuleFile = ReturnType<typeof reloadRules>['policy']['files'][number];

const rulesIn = ({ claims, networkRules }: RuleFile): number =>
  claims.reduce((sum, { rules }) => sum + rules.length, 0) + networkRules.length;

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
