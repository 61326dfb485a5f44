/**
 * Names in a writable directory by which whoever uses it outside could be made to run or believe something: one list
 * for the mounts of a launch and for files that are changed outside the sandbox on its behalf.
 */

/** agentbox and Codex read rules, skills and servers from these: absent ones stay absent. */
export const KEPT_ABSENT = ['.agentbox', '.codex', '.agents'] as const;

/** Editors and agents run what these say; made anew, they are a change that whoever opens the folder sees. */
export const GUARDED_WHEN_THERE = [
  '.mcp.json',
  '.claude',
  '.cursor',
  '.gemini',
  '.vscode',
  '.idea',
  '.devcontainer',
  '.husky',
] as const;

/** What git believes inside a repository. `commondir` says that all the rest is elsewhere. */
export const GUARDED_IN_GIT = ['config', 'config.worktree', 'hooks', 'commondir', 'gitdir'] as const;
