/** Sources of tools: the machine. */
export {
  createMachineProvider,
  createSkillLibrary,
  type MachineProviderOptions,
  type MachineSettings,
  type MachineSkillLibrary,
  type PlaceCommand,
  type RecordEndsOptions,
  recordSessionEnds,
  type SkillPlaces,
  skillRoots,
} from './machine/index.ts';
