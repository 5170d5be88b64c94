//! The kinds of connections.

/// What a client does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A message and back.
    Short,
    /// The same, with a ticket where there is one.
    ShortResumed,
    /// Messages and back for a long time.
    Messages,
    /// Much towards the service, and a receipt.
    Up,
    /// Much from the service.
    Down,
    /// Both at once.
    BothWays,
    /// Much from the service, which is read slowly.
    SlowReader,
    /// Much towards the service, which reads slowly.
    SlowService,
    /// One of many that come and go together.
    Crowd,
    /// Messages whose times are taken.
    Probe,
    /// The client resets in the middle.
    ClientResets,
    /// The service resets in the middle.
    ServiceResets,
    /// A stranger without a certificate.
    WithoutCertificate,
    /// One with a certificate of an authority that the program does not know.
    OfForeignAuthority,
    /// One that speaks no TLS.
    Rubbish,
    /// One that says nothing.
    Silent,
}

impl Kind {
    pub(super) const ALL: [Kind; 16] = [
        Kind::Short,
        Kind::ShortResumed,
        Kind::Messages,
        Kind::Up,
        Kind::Down,
        Kind::BothWays,
        Kind::SlowReader,
        Kind::SlowService,
        Kind::Crowd,
        Kind::Probe,
        Kind::ClientResets,
        Kind::ServiceResets,
        Kind::WithoutCertificate,
        Kind::OfForeignAuthority,
        Kind::Rubbish,
        Kind::Silent,
    ];
}
