/** SHA-256 of the binaries in vendor/. Written by scripts/build/warden.ts. */
export const WARDEN_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': '7ca76196234dd26fbf355dc8250edca4a2d4147171201ea38bc119c163fc5b5e',
  'linux-arm64': '33baea495e6312d7c0ced905b9aba5b38db9ce96e165005edb52e614bfa86db5',
};
