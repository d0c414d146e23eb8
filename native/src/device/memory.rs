//! The buffers of a device.

use std::collections::HashMap;

use bytemuck::{Pod, Zeroable};
use memmap2::MmapMut;

use super::findings::Findings;
use super::launch::{Access, Binding};
use crate::failure::Failure;

/// A cache line: the unit of allocation, so that every buffer is aligned for any vector instruction.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u32; 16]);

/// Buffers from this size on lie in pages of their own.
const LARGE_BYTES: usize = 8 << 20;

/// Where the bytes of a buffer lie; either way fresh ones are zero, and cost nothing until they are touched.
enum Storage {
    Lines(Vec<Line>),
    /// On Linux in huge pages: synapses are read in short runs all over, and with small pages most of these miss the
    /// table of recent address translations.
    Pages(MmapMut),
}

/// Bytes on the device, zero at first.
pub struct Buffer {
    storage: Storage,
    byte_length: usize,
    findings: Findings,
}

impl Buffer {
    /// # Errors
    /// `capacity` when there is no memory for it.
    pub fn zeroed(byte_length: usize) -> Result<Self, Failure> {
        let exhausted = || {
            Failure::new(
                "capacity",
                format!("there is no memory for a buffer of {byte_length} bytes"),
            )
        };
        let storage = if byte_length >= LARGE_BYTES {
            Storage::Pages(large_pages(byte_length).map_err(|_| exhausted())?)
        } else {
            let lines = byte_length.div_ceil(size_of::<Line>());
            Storage::Lines(bytemuck::allocation::try_zeroed_vec(lines).map_err(|()| exhausted())?)
        };
        Ok(Self {
            storage,
            byte_length,
            findings: Findings::default(),
        })
    }

    pub fn bytes(&self) -> &[u8] {
        let bytes = match &self.storage {
            Storage::Lines(lines) => bytemuck::cast_slice(lines),
            Storage::Pages(pages) => pages,
        };
        &bytes[..self.byte_length]
    }

    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.findings.forget();
        let bytes = match &mut self.storage {
            Storage::Lines(lines) => bytemuck::cast_slice_mut(lines),
            Storage::Pages(pages) => pages,
        };
        &mut bytes[..self.byte_length]
    }
}

/// Whole pages, a multiple of a cache line.
fn large_pages(byte_length: usize) -> std::io::Result<MmapMut> {
    let pages = MmapMut::map_anon(byte_length.next_multiple_of(size_of::<Line>()))?;
    // A wish: a system without huge pages, or without a free one, gives small ones.
    #[cfg(target_os = "linux")]
    let _ = pages.advise(memmap2::Advice::HugePage);
    Ok(pages)
}

/// All buffers of a device by their numbers.
#[derive(Default)]
pub struct Memory {
    buffers: HashMap<u32, Buffer>,
}

impl Memory {
    pub fn insert(&mut self, id: u32, buffer: Buffer) {
        self.buffers.insert(id, buffer);
    }

    pub fn remove(&mut self, id: u32) {
        self.buffers.remove(&id);
    }

    /// Copies `data` to `offset` of a buffer.
    pub fn write(&mut self, id: u32, offset: usize, data: &[u8]) -> Result<(), Failure> {
        let buffer = self.buffers.get_mut(&id).ok_or_else(|| gone(id))?;
        let place = range(offset, data.len(), buffer.byte_length)?;
        buffer.bytes_mut()[place].copy_from_slice(data);
        Ok(())
    }

    /// Copies `length` bytes at `offset` of a buffer.
    pub fn read(&self, id: u32, offset: usize, length: usize) -> Result<Vec<u8>, Failure> {
        let buffer = self.buffers.get(&id).ok_or_else(|| gone(id))?;
        Ok(buffer.bytes()[range(offset, length, buffer.byte_length)?].to_vec())
    }

    /// Calls `work` with the buffers `ids` as bindings. A buffer may be bound twice only if nothing writes to it.
    pub fn bind<R>(
        &mut self,
        kernel: &str,
        wanted: &[(&'static str, Access)],
        ids: &[u32],
        work: impl FnOnce(Vec<Binding<'_>>) -> R,
    ) -> Result<R, Failure> {
        if ids.len() != wanted.len() {
            let message = format!(
                "{kernel} has {} bindings, {} buffers were given",
                wanted.len(),
                ids.len()
            );
            return Err(Failure::new("contract", message));
        }
        for (index, ((name, access), id)) in wanted.iter().zip(ids).enumerate() {
            if !self.buffers.contains_key(id) {
                let message = format!("{kernel}: the buffer bound to \"{name}\" is disposed");
                return Err(Failure::new("launch", message));
            }
            for ((other, other_access), other_id) in wanted[..index].iter().zip(ids) {
                if id == other_id && (*access == Access::ReadWrite || *other_access == Access::ReadWrite) {
                    let message = format!(
                        "{kernel}: one buffer is bound to \"{other}\" and to \"{name}\", and the kernel writes to it"
                    );
                    return Err(Failure::new("launch", message));
                }
            }
        }
        let mut bindings: Vec<Option<Binding<'_>>> = wanted.iter().map(|_| None).collect();
        for (id, buffer) in &mut self.buffers {
            let mut uses = (0..ids.len()).filter(|&index| ids[index] == *id);
            let Some(first) = uses.next() else { continue };
            let name = wanted[first].0;
            if wanted[first].1 == Access::ReadWrite {
                bindings[first] = Some(Binding::writable(name, buffer.bytes_mut()));
            } else {
                let (bytes, findings) = (buffer.bytes(), &buffer.findings);
                bindings[first] = Some(Binding::readable(name, bytes, findings));
                for index in uses {
                    bindings[index] = Some(Binding::readable(wanted[index].0, bytes, findings));
                }
            }
        }
        Ok(work(bindings.into_iter().flatten().collect()))
    }
}

fn gone(id: u32) -> Failure {
    Failure::new("launch", format!("buffer {id} is disposed"))
}

fn range(offset: usize, length: usize, of: usize) -> Result<std::ops::Range<usize>, Failure> {
    match offset.checked_add(length) {
        Some(end) if end <= of => Ok(offset..end),
        _ => Err(Failure::new(
            "launch",
            format!("{length} bytes at {offset} are beyond the end of a buffer of {of} bytes"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_buffer_is_zero_and_aligned() {
        for length in [0, 1, 4, 63, 64, 65, 100_000] {
            let buffer = Buffer::zeroed(length).unwrap();
            assert_eq!(buffer.bytes().len(), length);
            assert!(buffer.bytes().iter().all(|&byte| byte == 0));
            assert_eq!(buffer.bytes().as_ptr() as usize % 64, 0);
        }
        assert_eq!(Buffer::zeroed(1 << 62).err().unwrap().code, "capacity");
    }

    #[test]
    fn reads_and_writes_stay_inside() {
        let mut memory = Memory::default();
        memory.insert(1, Buffer::zeroed(8).unwrap());
        memory.write(1, 4, &[1, 2, 3, 4]).unwrap();
        assert_eq!(memory.read(1, 2, 4).unwrap(), [0, 0, 1, 2]);
        assert!(memory.write(1, 5, &[0; 4]).is_err());
        assert!(memory.read(1, usize::MAX, 2).is_err());
        assert!(memory.read(2, 0, 0).is_err());
    }

    #[test]
    fn writing_to_a_buffer_forgets_what_was_found() {
        let mut memory = Memory::default();
        memory.insert(1, Buffer::zeroed(8).unwrap());
        let find = |memory: &mut Memory, now: u32| {
            memory
                .bind("k", &[("in", Access::Read)], &[1], |mut bindings| {
                    let known = bindings.pop().unwrap().read_known::<u32>().unwrap();
                    let first = known.findings.of("test", 0, 1, || [now; 2]);
                    let [second, _] = known.findings.of("test", 1, 1, || [now; 2]);
                    (first[0], second)
                })
                .unwrap()
        };
        assert_eq!(find(&mut memory, 1), (1, 1));
        assert_eq!(find(&mut memory, 2), (1, 1));
        memory.write(1, 0, &[1]).unwrap();
        assert_eq!(find(&mut memory, 3), (3, 3));
        memory
            .bind("k", &[("out", Access::ReadWrite)], &[1], |_| ())
            .unwrap();
        assert_eq!(find(&mut memory, 4), (4, 4));
    }

    #[test]
    fn a_written_buffer_is_bound_once() {
        let mut memory = Memory::default();
        memory.insert(1, Buffer::zeroed(8).unwrap());
        memory.insert(2, Buffer::zeroed(8).unwrap());
        let wanted = [
            ("in", Access::Read),
            ("too", Access::Read),
            ("out", Access::ReadWrite),
        ];
        let bound = |memory: &mut Memory, ids: [u32; 3]| memory.bind("k", &wanted, &ids, |b| b.len());
        assert_eq!(bound(&mut memory, [1, 1, 2]), Ok(3));
        assert!(
            bound(&mut memory, [1, 2, 2])
                .unwrap_err()
                .message
                .contains("\"too\" and to \"out\"")
        );
        assert!(
            bound(&mut memory, [1, 3, 2])
                .unwrap_err()
                .message
                .contains("disposed")
        );
    }
}
