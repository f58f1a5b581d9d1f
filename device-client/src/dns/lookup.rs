//! The addresses of a host, by our own questions: static programs and small systems have no resolver.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use conveyed_info::discovery::dns::Name;

use super::{
    message::Message,
    question::{Kind, Question},
    unicast,
};

/// Most addresses of one host.
pub const MAX_ADDRESSES: usize = 8;

/// The addresses of `host` as name servers say: those of version 4 and those of version 6 by turns, so that neither keeps
/// the other from being tried.
#[must_use]
pub fn addresses(host: &Name, servers: &[SocketAddr], patience: Duration) -> Vec<IpAddr> {
    let of = |kind| {
        let question = Question::new(host.clone(), kind);
        let said = unicast::ask(servers, &question, patience / 2);
        let found = said.iter().filter_map(|it| it.answer.as_ref().ok()).map(|message| given(message, &question));
        found.into_iter().find(|addresses| !addresses.is_empty()).unwrap_or_default()
    };
    by_turns(of(Kind::A), of(Kind::Aaaa))
}

/// The addresses that answer a question.
fn given(message: &Message, question: &Question) -> Vec<IpAddr> {
    message.records_for(question).into_iter().filter_map(|record| record.data.address()).collect()
}

fn by_turns(one: Vec<IpAddr>, other: Vec<IpAddr>) -> Vec<IpAddr> {
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    let mut all = Vec::new();
    loop {
        let pair = [one.next(), other.next()];
        if pair == [None, None] {
            return all;
        }
        for address in pair.into_iter().flatten() {
            if all.len() < MAX_ADDRESSES && !all.contains(&address) {
                all.push(address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_get_their_turn() {
        let four: Vec<IpAddr> = (1..=9_u8).map(|last| IpAddr::from([192, 0, 2, last])).collect();
        let six: Vec<IpAddr> = vec!["2001:db8::1".parse().unwrap()];
        let all = by_turns(four.clone(), six.clone());
        assert_eq!(all.len(), MAX_ADDRESSES);
        assert_eq!(all[..3], [four[0], six[0], four[1]]);
        assert_eq!(by_turns(Vec::new(), six.clone()), six);
    }
}
