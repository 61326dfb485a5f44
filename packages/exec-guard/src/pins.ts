/** SHA-256 of the binaries in vendor/. Written by scripts/build/warden.ts. */
export const WARDEN_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': 'ff34a20025c68793aaec49c0e89e929e2828ad67f327bdd9c977ba8eff064e07',
  'linux-arm64': '4e68e6962c960c72bc3cefc7527edd22883381b7ab518701c5b6cf9ee268d0ae',
};
