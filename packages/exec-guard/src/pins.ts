/** SHA-256 of the binaries in vendor/. Written by scripts/build/warden.ts. */
export const WARDEN_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': 'c0b796bf0dd29ab56d6fbe158e1651891b5d47a7bb5df46439bf3bcd3b5b6746',
  'linux-arm64': 'f3738bf4c27fe7878aed24eea3b95c3e064fe519b69f3f4d33116f8e6a351306',
};
