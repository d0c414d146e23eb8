/** Opening a store by what names it: a file, or the address of a database. */
import { isPostgresUrl } from './postgres.ts';
import { openPostgresStore } from './postgres-store.ts';
import { openSqliteStore, type SqliteStoreOptions } from './sqlite-store.ts';
import type { Store } from './store.ts';

/**
 * Opens the store of a path (SQLite) or of an address such as `postgres://user@host/database`.
 *
 * @throws {StudyError} `bad-store` or `offline`, saying what to do
 */
export async function openStore(place: string, options: SqliteStoreOptions = {}): Promise<Store> {
  return isPostgresUrl(place) ? await openPostgresStore(place, options) : openSqliteStore(place, options);
}
