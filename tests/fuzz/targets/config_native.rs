//! A configuration in the native form: what stands is the same when it is printed and read again, and what
//! does not is told in lines of bounded length.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mtls_persona::config;
use mtls_persona_fuzz::configs::check;

fuzz_target!(|text: &str| check(text.len(), config::parse(text)));
