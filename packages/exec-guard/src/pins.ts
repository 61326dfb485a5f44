/** SHA-256 of the binaries in vendor/. Written by scripts/build/warden.ts. */
export const WARDEN_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': 'fb09b8bb4e6671afafc59d57cda24630306b844a33be97b4f65b16c4e3a5f430',
  'linux-arm64': '5f6c54459689159f6272b3089dccd1ea46492a29b98878af85e44a2dacf33c7a',
};
