//! E-mail and IP addresses.
//!
//! Invariants: a dotted quad in the company of a version word is a version; loopback and netmask
//! addresses are nobody's.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::PiiKind;
use super::digits::spoken_digit;
use super::spans::Spans;
use super::view::View;

const VERSION_WORDS: [&str; 29] = [
    "更新完",
    "更新",
    "输入法",
    "组件",
    "插件",
    "软件",
    "浏览器",
    "版本",
    "版本号",
    "version",
    "ver",
    "v",
    "升级到",
    "升级",
    "更新到",
    "固件",
    "系统",
    "ios",
    "android",
    "安卓",
    "鸿蒙",
    "build",
    "app",
    "客户端",
    "微信",
    "章",
    "chapter",
    "section",
    "windows",
];

fn is_local_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._%+-*'".contains(c)
}

fn is_domain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '.'
}

/// E-mail addresses, also with `(at)`, `[at]`, 艾特 for the sign; masks like `z***@` count.
pub(super) fn emails(view: &View, spans: &mut Spans) {
    for at in 0..view.len() {
        let width = match view.at(at) {
            '@' => 1,
            '(' if view.starts_with(at, "(at)") => 4,
            '[' if view.starts_with(at, "[at]") => 4,
            '艾' if view.starts_with(at, "艾特") => 2,
            _ => continue,
        };
        let spaced = view.before(at) == ' ' && view.at(at + width) == ' ';
        let left = if spaced { at - 1 } else { at };
        let right = at + width + usize::from(spaced);
        let local = view
            .slice(0, left)
            .iter()
            .rev()
            .take(64)
            .take_while(|&&c| is_local_part(c))
            .count();
        let mut start = left - local;
        while start < left && !view.at(start).is_ascii_alphanumeric() && view.at(start) != '*' {
            start += 1;
        }
        let Some(end) = domain_end(view, right) else {
            continue;
        };
        if start < left {
            spans.add(PiiKind::Email, start, end);
        }
    }
}

/// One past a domain name with at least one dot and a top level of letters.
fn domain_end(view: &View, from: usize) -> Option<usize> {
    let spoken_dot = |i: usize| view.at(i) == '点' && view.at(i + 1).is_ascii_alphabetic();
    let mut end = from;
    while is_domain(view.at(end)) || spoken_dot(end) {
        end += 1;
    }
    while end > from && !view.before(end).is_ascii_alphanumeric() {
        end -= 1;
    }
    let text = view.string(from, end).replace('点', ".");
    // What follows the top level without a dot (example.com123) is cut by its letters.
    let (_, top) = text.rsplit_once('.')?;
    let letters = top.chars().take_while(char::is_ascii_alphabetic).count();
    let valid = (2..=24).contains(&letters)
        && letters == top.len()
        && text.chars().next()?.is_ascii_alphanumeric();
    valid.then_some(end)
}

/// IPv4 (also spoken, 一九二点一六八…) and IPv6 addresses.
pub(super) fn ips(view: &View, spans: &mut Spans) {
    let mut at = 0;
    while at < view.len() {
        let c = view.at(at);
        let before = view.before(at);
        // Not in the middle of a longer run, of which it would only be the tail.
        let fraction = matches!(before, '.' | ':') && at >= 2 && view.at(at - 2).is_ascii_digit();
        let starts =
            !(before.is_ascii_alphanumeric() || fraction || before == ':' && view.at(at) == ':');
        let end = if !starts {
            None
        } else if c.is_ascii_digit() || spoken_digit(c).is_some() {
            quad_end(view, at).or_else(|| ipv6_end(view, at))
        } else if c.is_ascii_hexdigit() || c == ':' {
            ipv6_end(view, at)
        } else {
            None
        };
        match end {
            Some(end) => {
                spans.add(PiiKind::Ip, at, end);
                at = end;
            }
            None => at += 1,
        }
    }
}

fn quad_end(view: &View, start: usize) -> Option<usize> {
    let mut text = String::new();
    let mut end = start;
    let mut spoken = false;
    // No longer than the longest address, so that hostile text costs no more.
    while text.len() <= 16 {
        let c = view.at(end);
        if c.is_ascii_digit() || (c == '.' && !text.ends_with('.')) {
            text.push(c);
        } else if c == '点' {
            text.push('.');
        } else if let Some(d) = spoken_digit(c) {
            spoken = true;
            text.push(char::from(b'0' + d));
        } else {
            break;
        }
        end += 1;
    }
    while text.ends_with('.') {
        text.pop();
        end -= 1;
    }
    let address: Ipv4Addr = text.parse().ok()?;
    let nobody = address.is_loopback() && text == "127.0.0.1"
        || address.is_unspecified()
        || address.octets().first() == Some(&255);
    let version = !spoken && is_version(view, start, end);
    if nobody || version || view.at(end).is_ascii_alphabetic() || spoken && text.len() < 7 {
        return None;
    }
    Some(with_port(view, end))
}

fn is_version(view: &View, start: usize, end: usize) -> bool {
    view.labelled(start, &VERSION_WORDS)
        || view.before(start) == '第'
        || "版条章节".contains(view.at(end))
        || view.starts_with(end, "的版本")
        || view.starts_with(end, " of windows")
}

fn with_port(view: &View, end: usize) -> usize {
    let digits = view.from(end + 1).take_while(char::is_ascii_digit).count();
    if view.at(end) == ':' && (2..=5).contains(&digits) {
        end + 1 + digits
    } else {
        end
    }
}

fn ipv6_end(view: &View, start: usize) -> Option<usize> {
    let length = view
        .from(start)
        .take(46)
        .take_while(|c| c.is_ascii_hexdigit() || *c == ':' || *c == '.')
        .count();
    let mut end = start + length;
    while end > start
        && (view.before(end) == '.'
            || (view.before(end) == ':' && !view.string(start, end).ends_with("::")))
    {
        end -= 1;
    }
    if view.at(end).is_ascii_alphanumeric() {
        return None;
    }
    let text = view.string(start, end);
    let address: Ipv6Addr = text.parse().ok()?;
    let groups = text.split(':').filter(|g| !g.is_empty()).count();
    let told = groups >= 3 || (groups == 2 && text.split(':').next().is_some_and(|g| g.len() >= 3));
    (told && text.bytes().any(|b| b.is_ascii_digit()) && !address.is_loopback()).then_some(end)
}
