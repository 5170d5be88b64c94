//! `pair --accept`: the other end, for a service that speaks plain TCP.

use std::convert::Infallible;
use std::process::ExitCode;

use super::PairArgs;
use super::course::{self, Course, End, believe_all, fault};
use super::exchange::line;
use crate::cli::tell;
use crate::config::Loaded;
use crate::net::Endpoint;
use crate::tls::authority::Identity;

/// Serves until whoever has started us ends, or the service does.
pub(super) fn run(args: &PairArgs) -> ExitCode {
    course::run(args, |course, loaded, identity| {
        accept(args, course, (loaded, identity))
    })
}

fn accept(
    args: &PairArgs,
    course: &mut Course,
    (mut loaded, identity): (Loaded, &Identity),
) -> Result<Infallible, End> {
    let failed = fault("standard input");
    course.watch.parent().map_err(&failed)?;
    course.watch.input().map_err(&failed)?;
    let said = course.hear()?;
    believe_all(&mut loaded, said);
    let output = match &args.command[..] {
        [] => None,
        command => {
            let output = course.start_service(command)?;
            // Who is told where to connect is told when there is somebody.
            for pair in &loaded.config.pairs {
                course.reach(pair)?;
            }
            Some(output)
        }
    };
    let Endpoint::Tcp(address) = course.serve(loaded)? else {
        return Err(End::Fault("it does not listen on TCP".to_owned()));
    };
    let line = line(&identity.cert_pem, Some(address.port()));
    tell(&line).map_err(fault("writing to standard output"))?;
    // From here on standard output is the service's.
    if let Some(output) = output {
        let _ = output.send(());
    }
    course.go_on()
}
