/** The door of the data sets: loaders, encoders, downloads. */
export { type CameraOptions, type GestureOptions, loadGestures, loadNMnist } from './cameras.ts';
export { type CochleaOptions, encodeSound } from './cochlea.ts';
export { type DownloadOptions, fetched, type RemoteFile } from './download.ts';
export { DataError, type DataErrorCode } from './errors.ts';
export {
  HEIDELBERG_FILES,
  type HeidelbergOptions,
  type HeidelbergSamples,
  loadHeidelberg,
  readHeidelberg,
} from './heidelberg.ts';
export { type LabelledImages, loadMnist } from './mnist.ts';
export { type RandmanOptions, randman } from './randman.ts';
export { type RateCode, rateCode } from './rate-code.ts';
export {
  type EventBatch,
  type SampleShape,
  type SampleSource,
  type SpikeSamples,
  storedSpikes,
  type ValueBatch,
} from './samples.ts';
export { poissonImages, sequentialImages, staticImages } from './sequential-mnist.ts';
export { type Recording, readSpokenDigits, type SpokenDigitsOptions, spokenDigits } from './spoken-digits.ts';
export { readWav, type Sound } from './wav.ts';
