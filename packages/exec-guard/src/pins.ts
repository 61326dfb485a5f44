/** SHA-256 of the binaries in vendor/. Written by scripts/build/warden.ts. */
export const WARDEN_SHA256: Readonly<Record<string, string>> = {
  'linux-x64': 'b675dc3f6d5f2b0d54c81f1e54250f9d4135cf20e3d6ce57890fa8c887868596',
  'linux-arm64': 'f657c96ea4297753013c0f8dfcd5ffcff58d75d5023cf8d9ace79db663d16023',
};
