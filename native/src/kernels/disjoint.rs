//! Parts of one buffer for several threads to write to.

use crate::device::launch::refused;
use crate::failure::Failure;

/// A part of a buffer: where it starts and how many elements it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    pub start: u64,
    pub length: u64,
}

/// The parts of `values`, in the order asked for. Parts that overlap or reach beyond the end are refused.
pub fn split<'a, T>(name: &str, values: &'a mut [T], parts: &[Part]) -> Result<Vec<&'a mut [T]>, Failure> {
    let total = values.len();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_unstable_by_key(|&index| parts[index]);
    let mut found: Vec<Option<&'a mut [T]>> = parts.iter().map(|_| None).collect();
    let mut rest = values;
    let mut taken = 0_u64;
    for index in order {
        let Part { start, length } = parts[index];
        if length == 0 {
            found[index] = Some(&mut []);
            continue;
        }
        if start < taken {
            return Err(refused(format!(
                "two workgroups write to \"{name}\" at element {start}; each must have a part of its own"
            )));
        }
        let end = start
            .checked_add(length)
            .filter(|&end| end <= total as u64)
            .ok_or_else(|| {
                refused(format!(
                    "\"{name}\" holds {total} elements, but the kernel writes {length} from {start} on"
                ))
            })?;
        // Both fit a usize: they are at most `total`.
        let (_, after) = std::mem::take(&mut rest).split_at_mut((start - taken) as usize);
        let (part, after) = after.split_at_mut(length as usize);
        found[index] = Some(part);
        rest = after;
        taken = end;
    }
    Ok(found.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(of: &[(u64, u64)]) -> Vec<Part> {
        of.iter().map(|&(start, length)| Part { start, length }).collect()
    }

    #[test]
    fn parts_come_in_the_order_asked_for() {
        let mut values = [0, 1, 2, 3, 4, 5];
        let found = split("w", &mut values, &parts(&[(4, 2), (0, 1), (9, 0), (1, 2)])).unwrap();
        assert_eq!(found, [&[4, 5][..], &[0], &[], &[1, 2]]);
    }

    #[test]
    fn overlaps_and_ends_are_refused() {
        let mut values = [0; 6];
        assert!(split("w", &mut values, &parts(&[(0, 3), (2, 2)])).is_err());
        assert!(split("w", &mut values, &parts(&[(3, 4)])).is_err());
        assert!(split("w", &mut values, &parts(&[(u64::MAX, 2)])).is_err());
    }
}
