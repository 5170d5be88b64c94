//! What holds of every configuration that was read.

use mtls_persona::config::{Loaded, Problem, Problems, parse, print};

/// A line of what was found in a configuration is no longer, beyond what it repeats of it.
const LINE_BYTES_MAX: usize = 2000;

/// Checks what was made of a text of that length.
///
/// # Panics
/// It is not as it should be.
pub fn check(len: usize, read: Result<Loaded, Problems>) {
    match read {
        Ok(loaded) => {
            lines(len, &loaded.warnings);
            let printed = print(&loaded.config);
            let again = match parse(&printed) {
                Ok(again) => again,
                Err(problems) => panic!("it does not stand: {problems}\n{printed}"),
            };
            assert_eq!(again.config, loaded.config, "{printed}");
            assert_eq!(print(&again.config), printed);
        }
        Err(Problems(problems)) => {
            assert!(!problems.is_empty(), "refused without a reason");
            lines(len, &problems);
        }
    }
}

fn lines(len: usize, found: &[Problem]) {
    assert!(
        found.len() <= 100 + 10 * len,
        "{} problems of {len} bytes",
        found.len()
    );
    for problem in found {
        let line = problem.to_string();
        assert!(!line.contains('\n'), "{line:?}");
        assert!(
            line.len() <= LINE_BYTES_MAX + 8 * len,
            "{} bytes",
            line.len()
        );
    }
}
