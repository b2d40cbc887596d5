//! Made-up customers and their personal values.
//!
//! Invariants: a customer is known by his number; the same number gives the
//! same name, phone and addresses in every interaction of one seed. Numbers
//! have the shape and check digits of real ones but were drawn by chance. Some
//! people are two customers to the CRM: a second phone with an account of its own.

use std::borrow::Cow;

use super::dice::{Dice, Stream};
use super::scenario::{Language, Library};
use crate::contract::event::{Customer, Identity};
use crate::domain::{Channel, IdentityKind};

/// One of so many speaks English.
const ENGLISH_EVERY: u64 = 16;

/// One of so many has a second phone and account.
const SECOND_EVERY: u64 = 9;

/// One customer, as one of his CRM accounts knows him.
pub(super) struct Person {
    /// Id in the CRM.
    pub id: String,
    pub surname: String,
    pub name: String,
    pub phone: String,
    pub english: bool,
    pub city: String,
    /// The true customer.
    pub index: u64,
    /// Whether this is his second account.
    pub second: bool,
    seed: u64,
    road: String,
    estate: String,
}

/// Whether customer `index` speaks English.
pub(super) fn is_english(index: u64) -> bool {
    index % ENGLISH_EVERY == 3
}

/// Whether customer `index` has two accounts.
pub(super) fn has_second(index: u64) -> bool {
    index % SECOND_EVERY == 4
}

/// The name that the truth has for customer `index`.
pub(super) fn true_id(index: u64) -> String {
    format!("person-{index:07}")
}

impl Person {
    /// Customer `index` under `seed`, by his second account when `second`.
    pub(super) fn new(seed: u64, index: u64, second: bool, library: &Library) -> Self {
        let english = is_english(index);
        let mut dice = Dice::new(seed, Stream::Person, index);
        let language = |english: bool| library.languages.get(usize::from(english));
        let mut pick = |from: Option<&Language>, list: &str| {
            let values = from.map_or(&[][..], |language| language.values(list));
            let chosen = dice.below(values.len() as u64) as usize;
            values.get(chosen).cloned().unwrap_or_default()
        };
        let surname = pick(language(english), "surname_list");
        let given = pick(language(english), "given_list");
        let city = pick(language(english), "city");
        let road = pick(language(english), "road");
        let estate = pick(language(false), "estate");
        let name = if english {
            format!("{given} {surname}")
        } else {
            format!("{surname}{given}")
        };
        if second {
            dice = Dice::new(seed ^ 0x5ec0, Stream::Person, index);
        }
        let prefix = *dice.pick(&["13", "15", "17", "18", "19"]);
        let phone = format!("{prefix}{:09}", dice.below(1_000_000_000));
        Self {
            id: format!("cust-{:07}", index * 2 + u64::from(second)),
            surname,
            name,
            phone,
            english,
            city,
            index,
            second,
            seed: seed ^ if second { 0x5ec0 } else { 0 },
            road,
            estate,
        }
    }

    fn dice(&self, salt: u64) -> Dice {
        Dice::new(self.seed ^ salt, Stream::Person, self.index)
    }

    /// The last four digits of the phone number.
    pub(super) fn tail(&self) -> &str {
        self.phone.get(7..).unwrap_or_default()
    }

    /// A mailbox at a domain reserved for examples.
    pub(super) fn email(&self) -> String {
        let mut dice = self.dice(1);
        let host = *dice.pick(&["example.com", "example.cn", "mail.example.org"]);
        format!(
            "{}{}@{host}",
            dice.pick(&["user", "lan", "feng", "yu", "tao"]),
            self.index * 7 + 1024 + 3 * u64::from(self.second)
        )
    }

    /// The id that WeChat gives this customer for one account.
    pub(super) fn openid(&self) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut dice = self.dice(2);
        let tail = (0..24).map(|_| char::from(*dice.pick(LETTERS)));
        "oQx".chars().chain(tail).collect()
    }

    /// Street address.
    pub(super) fn address(&self) -> String {
        let mut dice = self.dice(3);
        let (number, house, room) = (
            dice.between(1, 398),
            dice.between(1, 32),
            dice.between(101, 2804),
        );
        if self.english {
            return format!("Room {room}, No. {number} {}, {}", self.road, self.city);
        }
        let (road, estate) = (&self.road, &self.estate);
        format!("{}市{road}{number}号{estate}{house}栋{room}室", self.city)
    }

    /// A resident id with a right check digit.
    pub(super) fn id_card(&self) -> String {
        const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
        let mut dice = self.dice(4);
        let area = *dice.pick(&["310104", "330106", "510107", "420102", "440305", "610113"]);
        let (year, month, day) = (
            dice.between(1955, 2005),
            dice.between(1, 12),
            dice.between(1, 28),
        );
        let body = format!("{area}{year}{month:02}{day:02}{:03}", dice.below(1000));
        let digits = body.bytes().map(|digit| u32::from(digit - b'0'));
        let sum: u32 = digits
            .zip(WEIGHTS)
            .map(|(digit, weight)| digit * weight)
            .sum();
        let check = b"10X98765432"[(sum % 11) as usize];
        format!("{body}{}", char::from(check))
    }

    /// A bank card number that passes the Luhn check.
    pub(super) fn bank_card(&self) -> String {
        let mut dice = self.dice(5);
        let bank = *dice.pick(&["622848", "622202", "621700", "622588"]);
        let body = format!("{bank}{:012}", dice.below(1_000_000_000_000));
        let digits = body.bytes().rev().enumerate();
        let sum: u32 = digits
            .map(
                |(place, digit)| match (u32::from(digit - b'0'), place % 2) {
                    (digit, 0) if digit > 4 => digit * 2 - 9,
                    (digit, 0) => digit * 2,
                    (digit, _) => digit,
                },
            )
            .sum();
        format!("{body}{}", (10 - sum % 10) % 10)
    }

    /// As an event names him: by what the channel sees, and the CRM id when known.
    pub(super) fn on_channel(&self, channel: Channel, known: bool) -> Customer<Cow<'static, str>> {
        let identity = match channel {
            Channel::Wechat => identity(IdentityKind::WechatOpenid, self.openid()),
            Channel::Email => identity(IdentityKind::Email, self.email()),
            Channel::Chat => identity(IdentityKind::Account, self.account()),
            _ => identity(IdentityKind::Phone, self.phone.clone()),
        };
        Customer {
            id: known.then(|| Cow::Owned(self.id.clone())),
            identities: Some(vec![identity]),
        }
    }

    /// The account of the app.
    pub(super) fn account(&self) -> String {
        format!(
            "u{:08}",
            self.index * 13 + 10_000 + 5 * u64::from(self.second)
        )
    }

    /// Every identity, as the CRM knows them.
    pub(super) fn identities(&self) -> Vec<Identity<Cow<'static, str>>> {
        vec![
            identity(IdentityKind::Phone, self.phone.clone()),
            identity(IdentityKind::WechatOpenid, self.openid()),
            identity(IdentityKind::Email, self.email()),
            identity(IdentityKind::Account, self.account()),
        ]
    }
}

fn identity(kind: IdentityKind, value: String) -> Identity<Cow<'static, str>> {
    Identity {
        kind,
        value: Cow::Owned(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luhn(digits: &str) -> bool {
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, digit)| {
                let digit = u32::from(digit - b'0') * (1 + place as u32 % 2);
                digit / 10 + digit % 10
            })
            .sum();
        sum.is_multiple_of(10)
    }

    fn library() -> Library {
        Library::built_in().unwrap_or_else(|mistakes| panic!("{mistakes:?}"))
    }

    #[test]
    fn numbers_have_their_shapes_and_stay_with_their_person() {
        let library = library();
        for index in 0..500 {
            let person = Person::new(3, index, false, &library);
            assert_eq!(person.phone.len(), 11);
            assert_eq!(person.id_card().len(), 18);
            assert!(luhn(&person.bank_card()), "{}", person.bank_card());
            assert_eq!(
                person.openid(),
                Person::new(3, index, false, &library).openid()
            );
            assert_eq!(person.tail().len(), 4);
            let second = Person::new(3, index, true, &library);
            assert_eq!(second.name, person.name);
            assert_ne!(second.phone, person.phone);
            assert_ne!(second.id, person.id);
        }
    }

    #[test]
    fn the_check_digit_is_the_one_of_the_standard() {
        // The sum of all 18 weighted digits is 1 modulo 11 (GB 11643).
        const WEIGHTS: [u32; 18] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1];
        let library = library();
        for index in 0..200 {
            let id = Person::new(1, index, false, &library).id_card();
            let digit = |c: char| c.to_digit(10).unwrap_or(10);
            let sum: u32 = id.chars().map(digit).zip(WEIGHTS).map(|(d, w)| d * w).sum();
            assert_eq!(sum % 11, 1, "{id}");
        }
    }
}
