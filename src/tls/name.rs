//! The name that a session's peer must prove.

use std::net::IpAddr;

use super::backend::lib::error::ErrorStack;
use super::backend::lib::ssl::SslRef;
use super::context::ExpectedName;
use super::slot::Slot;

/// It stays with a session, which may be judged again.
static NAME: Slot<Option<Name>> = Slot::new();

/// An [`ExpectedName`] to keep.
enum Name {
    Dns(Box<str>),
    Ip(IpAddr),
    Pinned,
}

/// Lets a session keep what its peer must prove to be, if anything.
pub(super) fn keep(ssl: &mut SslRef, name: Option<ExpectedName<'_>>) -> Result<(), ErrorStack> {
    let name = name.map(|name| match name {
        ExpectedName::Dns(name) => Name::Dns(name.into()),
        ExpectedName::Ip(address) => Name::Ip(address),
        ExpectedName::Pinned => Name::Pinned,
    });
    NAME.fill(ssl, name)
}

/// What a session's peer must prove to be, if anything; none if the session was not told.
pub(super) fn of(ssl: &SslRef) -> Option<Option<ExpectedName<'_>>> {
    let name = NAME.of(ssl)?.as_ref();
    Some(name.map(|name| match name {
        Name::Dns(name) => ExpectedName::Dns(name),
        Name::Ip(address) => ExpectedName::Ip(*address),
        Name::Pinned => ExpectedName::Pinned,
    }))
}

/// A name as it is written in code: an address is no DNS name of the same letters.
pub(super) fn written(name: Option<ExpectedName<'_>>) -> String {
    name.map(|name| format!("{name:?}")).unwrap_or_default()
}
