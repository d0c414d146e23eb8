/** What a user is told of data that are not where or not as they should be. */

export type DataErrorCode = 'missing' | 'malformed' | 'download' | 'checksum' | 'disk';

/** A data set that is not where or not as it should be. */
export class DataError extends Error {
  override readonly name = 'DataError';
  readonly code: DataErrorCode;

  constructor(code: DataErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
