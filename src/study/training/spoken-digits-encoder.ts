/** The thread that encodes a part of the spoken digits. */
import { encodeRecordings, type Recording, type SpokenDigitsOptions } from '../../data/spoken-digits.ts';

export interface RecordingsPart {
  readonly recordings: readonly Recording[];
  readonly options: SpokenDigitsOptions;
}

export default function encodePart({ recordings, options }: RecordingsPart) {
  return encodeRecordings(recordings, options);
}
