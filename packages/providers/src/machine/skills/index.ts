/** Skills: folders of instructions that a model lists and loads. */
export { catalogText } from './catalog-text.ts';
export { DEFAULT_PAGE, listSkills } from './list-skills.ts';
export { type LoadedSkill, type LoadSkillRequest, loadSkill } from './load-skill.ts';
export { createSkillLibrary, type MachineSkillLibrary, type SkillLibrarySettings } from './skill-library.ts';
export { type SkillPlaces, skillRoots } from './skill-roots.ts';
