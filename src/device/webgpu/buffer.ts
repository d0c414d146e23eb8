/** Device memory of a WebGPU device, and the copies of host memory that Dawn can take. */
import type { DeviceBuffer } from '../device.ts';
import { DeviceError } from '../device.ts';

/**
 * The memory behind a buffer without elements. WebGPU wants every binding to hold one element at least, and no element
 * of any kernel is longer than this.
 */
const EMPTY_BUFFER_BYTES = 1024;

export class WebGpuBuffer implements DeviceBuffer {
  readonly byteLength: number;
  readonly label: string;
  readonly gpu: GPUBuffer;
  readonly #owner: GPUDevice;
  #disposed = false;

  constructor(gpu: GPUDevice, byteLength: number, label: string) {
    this.byteLength = byteLength;
    this.label = label;
    this.#owner = gpu;
    const size = byteLength === 0 ? EMPTY_BUFFER_BYTES : wholeWords(byteLength);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.gpu = gpu.createBuffer({ size, usage, label });
  }

  /** @throws {DeviceError} `launch` unless `buffer` was made by `owner` and is still there */
  static from(buffer: DeviceBuffer, owner: GPUDevice): WebGpuBuffer {
    if (!(buffer instanceof WebGpuBuffer) || buffer.#owner !== owner) {
      throw new DeviceError('launch', `buffer "${buffer.label}" belongs to another device`);
    }
    if (buffer.#disposed) throw new DeviceError('launch', `buffer "${buffer.label}" is disposed`);
    return buffer;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.gpu.destroy();
  }
}

/** Bytes rounded up to words of 4: copies and buffers come in words. */
export function wholeWords(byteLength: number): number {
  return Math.ceil(byteLength / 4) * 4;
}

/**
 * Checks a range of a buffer that is to be read or written.
 *
 * @throws {DeviceError} `launch` when it is outside, or does not start at a word
 */
export function checkRange(
  verb: 'read' | 'write',
  buffer: DeviceBuffer,
  offset: number,
  length: number,
): void {
  const whole = Number.isInteger(offset) && Number.isInteger(length);
  if (!whole || offset < 0 || length < 0 || offset % 4 !== 0 || offset + length > buffer.byteLength) {
    throw new DeviceError(
      'launch',
      `can't ${verb} ${length} bytes at ${offset} of "${buffer.label}" (${buffer.byteLength} bytes, offsets in steps of 4)`,
    );
  }
}

/** Bytes that Dawn can take: it crashes on memory shared between threads, and takes whole words only. */
export function transferable(data: ArrayBufferView): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data.buffer instanceof ArrayBuffer && data.byteLength % 4 === 0) {
    return bytes as Uint8Array<ArrayBuffer>;
  }
  const copy = new Uint8Array(wholeWords(data.byteLength));
  copy.set(bytes);
  return copy;
}
