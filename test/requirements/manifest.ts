/** Everything that agentbox promises, by id. test/gates demands a test for each and knows no other ids. */
import { approvals } from './areas/approvals.ts';
import { attack } from './areas/attack.ts';
import { auth } from './areas/auth.ts';
import { box } from './areas/box.ts';
import { cli } from './areas/cli.ts';
import { control } from './areas/control.ts';
import { door } from './areas/door.ts';
import { egress } from './areas/egress.ts';
import { execPolicy } from './areas/exec-policy.ts';
import { guard } from './areas/guard.ts';
import { house } from './areas/house.ts';
import { machine } from './areas/machine.ts';
import { output } from './areas/output.ts';
import { patch } from './areas/patch.ts';
import { policy } from './areas/policy.ts';
import { questions } from './areas/questions.ts';
import { sandbox } from './areas/sandbox.ts';
import { shell } from './areas/shell.ts';
import { skills } from './areas/skills.ts';
import { storage } from './areas/storage.ts';

export const manifest = {
  ...house,
  ...patch,
  ...box,
  ...machine,
  ...output,
  ...skills,
  ...door,
  ...auth,
  ...storage,
  ...control,
  ...cli,
  ...policy,
  ...sandbox,
  ...attack,
  ...execPolicy,
  ...egress,
  ...approvals,
  ...guard,
  ...questions,
  ...shell,
} as const;

export type RequirementId = keyof typeof manifest;
