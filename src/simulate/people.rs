//! Made-up customers and their personal values.
//!
//! Invariants: a customer is known by his number; the same number gives the
//! same name, phone and addresses in every interaction of one seed. Numbers
//! have the shape and check digits of real ones but were drawn by chance.

use std::borrow::Cow;

use super::dice::{Dice, Stream};
use super::words::{CITIES, ESTATES, GIVEN, NAMES_EN, ROADS, SURNAMES};
use crate::contract::event::{Customer, Identity};
use crate::domain::{Channel, IdentityKind};

/// One customer.
pub(super) struct Person {
    pub id: String,
    pub surname: &'static str,
    pub name: String,
    pub phone: String,
    pub english: bool,
    pub city: &'static str,
    pub index: u64,
    seed: u64,
}

impl Person {
    /// Customer `index` under `seed`.
    pub(super) fn new(seed: u64, index: u64) -> Self {
        let mut dice = Dice::new(seed, Stream::Person, index);
        let english = dice.chance(0.06);
        let surname = *dice.pick(SURNAMES);
        let name = if english {
            (*dice.pick(NAMES_EN)).to_owned()
        } else {
            format!("{surname}{}", dice.pick(GIVEN))
        };
        let prefix = *dice.pick(&["13", "15", "17", "18", "19"]);
        let phone = format!("{prefix}{:09}", dice.below(1_000_000_000));
        let city = *dice.pick(CITIES);
        Self {
            id: format!("cust-{index:07}"),
            surname,
            name,
            phone,
            english,
            city,
            index,
            seed,
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
            self.index * 7 + 1024
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
        let (road, estate) = (*dice.pick(ROADS), *dice.pick(ESTATES));
        let (number, house, room) = (
            dice.between(1, 398),
            dice.between(1, 32),
            dice.between(101, 2804),
        );
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
            Channel::Chat => identity(
                IdentityKind::Account,
                format!("u{:08}", self.index * 13 + 10_000),
            ),
            _ => identity(IdentityKind::Phone, self.phone.clone()),
        };
        Customer {
            id: known.then(|| Cow::Owned(self.id.clone())),
            identities: Some(vec![identity]),
        }
    }

    /// Every identity, as the CRM knows them.
    pub(super) fn identities(&self) -> Vec<Identity<Cow<'static, str>>> {
        vec![
            identity(IdentityKind::Phone, self.phone.clone()),
            identity(IdentityKind::WechatOpenid, self.openid()),
            identity(IdentityKind::Email, self.email()),
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

    #[test]
    fn numbers_have_their_shapes_and_stay_with_their_person() {
        for index in 0..500 {
            let person = Person::new(3, index);
            assert_eq!(person.phone.len(), 11);
            assert_eq!(person.id_card().len(), 18);
            assert!(luhn(&person.bank_card()), "{}", person.bank_card());
            assert_eq!(person.openid(), Person::new(3, index).openid());
            assert_eq!(person.tail().len(), 4);
        }
    }

    #[test]
    fn the_check_digit_is_the_one_of_the_standard() {
        // The sum of all 18 weighted digits is 1 modulo 11 (GB 11643).
        const WEIGHTS: [u32; 18] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1];
        for index in 0..200 {
            let id = Person::new(1, index).id_card();
            let digit = |c: char| c.to_digit(10).unwrap_or(10);
            let sum: u32 = id.chars().map(digit).zip(WEIGHTS).map(|(d, w)| d * w).sum();
            assert_eq!(sum % 11, 1, "{id}");
        }
    }
}
