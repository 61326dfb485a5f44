/** SHA-256 of the binaries in vendor/. Written by scripts/build/warden.ts. */
export const WARDEN_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': '64160736e01dfee874309870f069de512ee947d1bcef12b2ae7563ace438a94a',
  'linux-arm64': '2355aaa227045fd5aaf363abcbb4f17426efd366cd3d21c8d975f76089ad6ffa',
};
