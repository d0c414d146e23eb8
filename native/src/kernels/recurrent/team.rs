//! Several threads that advance one network together: each has some of its parts, and all hear of all spikes.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::thread;

/// Turns of an idle loop after which a thread lets others run.
const SPINS: u32 = 2000;

/// A barrier that costs less than a microsecond while every thread has a processor of its own.
struct Barrier {
    members: usize,
    arrived: AtomicUsize,
    generation: AtomicUsize,
    /// A member has failed and will not come.
    broken: AtomicBool,
}

impl Barrier {
    /// False when a member will not come.
    fn wait(&self) -> bool {
        let generation = self.generation.load(Ordering::Acquire);
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.members {
            self.arrived.store(0, Ordering::Relaxed);
            self.generation
                .store(generation.wrapping_add(1), Ordering::Release);
            return true;
        }
        let mut turns = 0;
        while self.generation.load(Ordering::Acquire) == generation {
            if self.broken.load(Ordering::Acquire) {
                return false;
            }
            turns += 1;
            if turns < SPINS {
                hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
        true
    }
}

/// The spikes of one member in one chunk of steps.
struct Mailbox {
    length: AtomicUsize,
    spikes: Vec<AtomicU32>,
}

/// Spikes of a chunk as (step within the chunk) << 20 | neuron: a chunk is shorter than the longest delay, 4096.
const STEP_SHIFT: u32 = 20;
const NEURON_MASK: u32 = (1 << STEP_SHIFT) - 1;

/// What the members of a team share.
pub struct Team {
    barrier: Barrier,
    /// Two for each member, in turn: while one chunk is read, the next may be written.
    mailboxes: Vec<[Mailbox; 2]>,
}

impl Team {
    /// A team whose member `m` sends up to `room[m]` spikes in a chunk.
    pub fn new(room: &[usize]) -> Self {
        let mailbox = |&room: &usize| {
            std::array::from_fn(|_| Mailbox {
                length: AtomicUsize::new(0),
                spikes: (0..room).map(|_| AtomicU32::new(0)).collect(),
            })
        };
        Self {
            barrier: Barrier {
                members: room.len(),
                arrived: AtomicUsize::new(0),
                generation: AtomicUsize::new(0),
                broken: AtomicBool::new(false),
            },
            mailboxes: room.iter().map(mailbox).collect(),
        }
    }

    /// Gives the member's spikes of chunk `chunk` to all and adds theirs, by step. False when a member has failed.
    pub fn exchange(&self, member: usize, chunk: usize, by_step: &mut [Vec<u32>]) -> bool {
        let own = &self.mailboxes[member][chunk % 2];
        let encoded = by_step.iter().enumerate().flat_map(|(step, neurons)| {
            neurons
                .iter()
                .map(move |&neuron| (step as u32) << STEP_SHIFT | neuron)
        });
        let mut length = 0;
        for (place, spike) in own.spikes.iter().zip(encoded) {
            place.store(spike, Ordering::Relaxed);
            length += 1;
        }
        own.length.store(length, Ordering::Relaxed);
        // What was stored before a barrier is seen after it: its counter is released and acquired.
        if !self.barrier.wait() {
            return false;
        }
        for (other, mailboxes) in self.mailboxes.iter().enumerate() {
            if other == member {
                continue;
            }
            let mailbox = &mailboxes[chunk % 2];
            let length = mailbox.length.load(Ordering::Relaxed);
            for spike in mailbox.spikes.iter().take(length) {
                let spike = spike.load(Ordering::Relaxed);
                if let Some(neurons) = by_step.get_mut((spike >> STEP_SHIFT) as usize) {
                    neurons.push(spike & NEURON_MASK);
                }
            }
        }
        true
    }

    /// Lets the others go that wait for a member which has failed.
    pub fn give_up(&self) {
        self.barrier.broken.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_hears_of_every_spike() {
        const MEMBERS: usize = 3;
        let team = Team::new(&[4; MEMBERS]);
        thread::scope(|scope| {
            for member in 0..MEMBERS {
                let team = &team;
                scope.spawn(move || {
                    for chunk in 0..1000 {
                        let own = (10 * chunk + member) as u32;
                        let mut by_step = [vec![], vec![own], vec![]];
                        by_step[chunk % 3].push(77);
                        assert!(team.exchange(member, chunk, &mut by_step));
                        let mut all: Vec<u32> = by_step.concat();
                        all.sort_unstable();
                        let mut wanted: Vec<u32> =
                            (0..MEMBERS as u32).map(|m| 10 * chunk as u32 + m).collect();
                        wanted.extend([77; MEMBERS]);
                        wanted.sort_unstable();
                        assert_eq!(all, wanted);
                    }
                });
            }
        });
    }

    #[test]
    fn nobody_waits_for_a_member_that_has_failed() {
        let team = Team::new(&[1; 2]);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| team.exchange(0, 0, &mut [vec![]]));
            team.give_up();
            assert!(!waiting.join().unwrap());
        });
    }
}
