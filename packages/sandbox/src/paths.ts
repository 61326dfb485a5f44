/** What lies inside what. Texts only: nothing here looks at a disk, so the paths must be canonical already. */

export const isInside = (folder: string, path: string): boolean =>
  path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);

export const isBelow = (folder: string, path: string): boolean => path !== folder && isInside(folder, path);

export const depthOf = (path: string): number => (path === '/' ? 0 : path.split('/').length - 1);

/** The innermost of `items` that holds `path`; among equals the last. */
export function innermost<T extends { readonly path: string }>(items: readonly T[], path: string): T | undefined {
  let found: T | undefined;
  for (const item of items) {
    const fits = isInside(item.path, path);
    if (fits && (found === undefined || depthOf(item.path) >= depthOf(found.path))) found = item;
  }
  return found;
}

/** Those that lie in no other one, each once. */
export function outermost(paths: readonly string[]): readonly string[] {
  const each = [...new Set(paths)];
  return each.filter((path) => !each.some((other) => isBelow(other, path)));
}
