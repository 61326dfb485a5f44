/** One step of the schema. Once released it never changes: its checksum is kept in every database it was applied to. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  readonly statements: readonly string[];
}
