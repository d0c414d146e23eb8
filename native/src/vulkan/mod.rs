//! Cards by identity: what a WebGPU instance made on this thread may see of a machine's Vulkan devices.
//!
//! Dawn selects a device by a part of its name, so identical cards look like one. The addon is therefore also a Vulkan
//! layer ([`layer`]) between Dawn and the drivers, which hides every card but the one that this thread has chosen, and
//! records what it saw: the record is the proof of which card was opened. `docs/devices.md` compares the other ways.

mod layer;

use std::cell::RefCell;

use napi_derive::napi;

/// A Vulkan device as its driver describes it.
#[derive(Clone, Debug)]
struct Card {
    name: String,
    /// Vulkan's `deviceUUID`, 8-4-4-4-12 hexadecimal digits.
    uuid: String,
    /// 1 for the first device with this UUID, 2 for the next: software drivers give all their devices the same one.
    copy: u32,
    pci_address: Option<String>,
    kind: &'static str,
    driver: String,
    /// The largest heap on the card.
    memory_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    uuid: String,
    copy: u32,
}

impl Choice {
    fn is(&self, card: &Card) -> bool {
        self.uuid == card.uuid && self.copy == card.copy
    }
}

thread_local! {
    /// The only card that instances of this thread get to see; all of them when there is no choice.
    static CHOICE: RefCell<Option<Choice>> = const { RefCell::new(None) };
    /// What this thread's last enumeration found, and whether it was shown.
    static SEEN: RefCell<Vec<(Card, bool)>> = const { RefCell::new(Vec::new()) };
}

/// Records the cards of an enumeration; for each, whether it is to be shown. A choice that is not there shows all.
fn admit(cards: Vec<Card>) -> Vec<bool> {
    let mut shown: Vec<bool> = CHOICE.with_borrow(|choice| {
        let is_shown = |card: &Card| choice.as_ref().is_none_or(|choice| choice.is(card));
        cards.iter().map(is_shown).collect()
    });
    if !shown.contains(&true) {
        // Mesa's device-select layer crashes on an empty list. The record says that the choice was not there.
        shown.fill(true);
    }
    SEEN.set(cards.into_iter().zip(shown.iter().copied()).collect());
    shown
}

/// A card of the last enumeration.
#[napi(object, object_from_js = false)]
pub struct VulkanCard {
    pub name: String,
    pub uuid: String,
    pub copy: u32,
    pub pci_address: Option<String>,
    pub kind: String,
    pub driver: String,
    pub memory_bytes: f64,
    pub shown: bool,
}

/// What the last enumeration of this thread found, hidden cards included. Empty when the layer was not there.
#[napi]
pub fn vulkan_cards() -> Vec<VulkanCard> {
    let describe = |(card, shown): (Card, bool)| VulkanCard {
        name: card.name,
        uuid: card.uuid,
        copy: card.copy,
        pci_address: card.pci_address,
        kind: card.kind.to_owned(),
        driver: card.driver,
        memory_bytes: card.memory_bytes as f64,
        shown,
    };
    SEEN.with_borrow(|seen| seen.iter().cloned().map(describe).collect())
}

/// Shows only this card to the instances that this thread makes from now on, and forgets the last enumeration.
#[napi]
pub fn show_only_vulkan_card(uuid: String, copy: u32) {
    SEEN.set(Vec::new());
    CHOICE.set(Some(Choice { uuid, copy }));
}

/// Shows all cards again, and forgets the last enumeration.
#[napi]
pub fn show_all_vulkan_cards() {
    SEEN.set(Vec::new());
    CHOICE.set(None);
}

/// Sets `copy`: the place of each card among those with its UUID, in the driver's order.
fn number_copies(cards: &mut [Card]) {
    for index in 0..cards.len() {
        let (before, rest) = cards.split_at_mut(index);
        if let Some(card) = rest.first_mut() {
            card.copy = 1 + before.iter().filter(|other| other.uuid == card.uuid).count() as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card(uuid: &str) -> Card {
        Card {
            name: "GeForce".to_owned(),
            uuid: uuid.to_owned(),
            copy: 0,
            pci_address: None,
            kind: "discrete",
            driver: String::new(),
            memory_bytes: 0,
        }
    }

    #[test]
    fn copies_count_from_one_for_each_uuid() {
        let mut cards = [card("a"), card("b"), card("a"), card("a")];
        number_copies(&mut cards);
        assert_eq!(cards.map(|card| card.copy), [1, 1, 2, 3]);
    }

    #[test]
    fn a_thread_sees_the_card_it_chose() {
        let mut cards = [card("a"), card("b"), card("a")];
        number_copies(&mut cards);
        assert_eq!(admit(cards.to_vec()), [true, true, true]);
        show_only_vulkan_card("a".to_owned(), 2);
        assert_eq!(admit(cards.to_vec()), [false, false, true]);
        let elsewhere = cards.to_vec();
        let other = std::thread::spawn(move || admit(elsewhere)).join();
        assert_eq!(other.ok(), Some(vec![true, true, true]));
        assert_eq!(vulkan_cards().len(), 3);
        show_only_vulkan_card("c".to_owned(), 1);
        assert!(vulkan_cards().is_empty());
        assert_eq!(admit(cards.to_vec()), [true, true, true]);
    }
}
