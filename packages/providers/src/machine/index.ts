/** The machine provider: commands, sessions, patches and skills as tools. */
export type { PlaceCommand } from './placement.ts';
export { createMachineProvider, type MachineProviderOptions } from './provider.ts';
export { type RecordEndsOptions, recordSessionEnds } from './record-ends.ts';
export type { MachineSettings } from './settings.ts';
export { createSkillLibrary, type MachineSkillLibrary, type SkillPlaces, skillRoots } from './skills/index.ts';
