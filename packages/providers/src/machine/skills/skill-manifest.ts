/**
 * Every file of a skill with size and digest, within bounds. A file whose version did not change keeps its digest; a
 * link that leads out of the folder is a problem and no file.
 */
import { createHash } from 'node:crypto';
import { extname, join } from 'node:path';
import type { SkillFile } from '@agentbox/control-plane';
import type { SkillFiles } from './skill-files.ts';
import { isPlainName } from './skill-text.ts';

const MAX_SKILL_FILES = 512;
const MAX_SKILL_BYTES = 16 * 1024 * 1024;
const MAX_FOLDER_DEPTH = 8;

export interface SkillManifest {
  readonly files: readonly SkillFile[];
  readonly folders: readonly string[];
  readonly problems: readonly string[];
}

export interface Digest {
  readonly version: string;
  readonly sha256: string;
}

/** Digests by path: those of the scan before, and those that this scan met, which the next one starts from. */
export interface DigestCache {
  readonly known: ReadonlyMap<string, Digest>;
  readonly met: Map<string, Digest>;
}

export async function readManifest(
  files: SkillFiles,
  directory: string,
  realDirectory: string,
  digests: DigestCache,
): Promise<SkillManifest> {
  const reading = new ManifestReading(files, realDirectory, digests);
  await reading.folder(directory, '', 0);
  return reading;
}

class ManifestReading implements SkillManifest {
  readonly files: SkillFile[] = [];
  readonly folders: string[] = [];
  readonly problems: string[] = [];
  readonly #source: SkillFiles;
  readonly #realDirectory: string;
  readonly #digests: DigestCache;
  #bytes = 0;
  #full = false;

  constructor(source: SkillFiles, realDirectory: string, digests: DigestCache) {
    this.#source = source;
    this.#realDirectory = realDirectory;
    this.#digests = digests;
  }

  async folder(directory: string, prefix: string, depth: number): Promise<void> {
    if (depth > 0) this.folders.push(directory);
    for (const entry of (await this.#source.entries(directory)) ?? []) {
      if (this.#full) return;
      if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
      const path = join(directory, entry.name);
      const name = prefix + entry.name;
      if (!isPlainName(entry.name)) this.problems.push('a file whose name has characters that mislead is left out');
      else if (entry.kind === 'folder' && depth < MAX_FOLDER_DEPTH) await this.folder(path, `${name}/`, depth + 1);
      else if (entry.kind === 'folder')
        this.problems.push(`${name}: deeper than ${MAX_FOLDER_DEPTH} folders, left out`);
      else if (entry.kind === 'file' || entry.kind === 'link') await this.#file(path, name, entry.kind === 'link');
    }
  }

  async #file(path: string, name: string, link: boolean): Promise<void> {
    const facts = await this.#source.facts(path);
    if (facts?.kind !== 'file') {
      if (link) this.problems.push(`${name}: a link that is not followed`);
      return;
    }
    if (this.files.length >= MAX_SKILL_FILES || this.#bytes + facts.size > MAX_SKILL_BYTES) {
      this.#full = true;
      this.problems.push(`${name} and what follows is left out: over ${MAX_SKILL_FILES} files or 16 MiB`);
      return;
    }
    const sha256 = await this.#digest(path, name, facts.version);
    if (sha256 === undefined) return;
    this.#bytes += facts.size;
    this.files.push({ path: name, size: facts.size, sha256, mimeType: mimeTypeOf(name) });
  }

  async #digest(path: string, name: string, version: string): Promise<string | undefined> {
    const known = this.#digests.known.get(path);
    if (known?.version === version) {
      this.#digests.met.set(path, known);
      return known.sha256;
    }
    const read = await this.#source.read(path, this.#realDirectory, MAX_SKILL_BYTES);
    if (read.kind !== 'read') {
      this.problems.push(
        `${name}: ${read.kind === 'outside' ? 'a link that leads out of the folder' : 'cannot be read'}`,
      );
      return undefined;
    }
    const sha256 = createHash('sha256').update(read.bytes).digest('hex');
    this.#digests.met.set(path, { version, sha256 });
    return sha256;
  }
}

const MIME_TYPES: Readonly<Record<string, string>> = {
  '.md': 'text/markdown',
  '.txt': 'text/plain',
  '.json': 'application/json',
  '.yaml': 'application/yaml',
  '.yml': 'application/yaml',
  '.toml': 'application/toml',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.ts': 'text/x-typescript',
  '.py': 'text/x-python',
  '.sh': 'text/x-shellscript',
  '.html': 'text/html',
  '.css': 'text/css',
  '.csv': 'text/csv',
  '.xml': 'application/xml',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.gif': 'image/gif',
  '.webp': 'image/webp',
  '.pdf': 'application/pdf',
};

function mimeTypeOf(path: string): string {
  return MIME_TYPES[extname(path).toLowerCase()] ?? 'application/octet-stream';
}
