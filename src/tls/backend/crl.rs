//! Revocation lists: `boring` has no type for them, and neither crate puts them into a store. The C
//! functions are the same in both libraries.

#[cfg(feature = "boringssl")]
use {
    boring_sys as ffi,
    foreign_types_boring::{ForeignType, ForeignTypeRef},
};
#[cfg(not(feature = "boringssl"))]
use {
    foreign_types::{ForeignType, ForeignTypeRef},
    openssl_sys as ffi,
};

use std::ffi::{c_char, c_int, c_void};
use std::ptr::{NonNull, null, null_mut};

use super::lib::asn1::{Asn1Integer, Asn1IntegerRef, Asn1StringRef, Asn1TimeRef};
use super::lib::error::ErrorStack;
use super::lib::hash::MessageDigest;
use super::lib::nid::Nid;
use super::lib::pkey::{PKeyRef, Private, Public};
use super::lib::x509::store::X509StoreBuilderRef;
use super::lib::x509::{X509AlgorithmRef, X509ExtensionRef, X509NameRef, X509Ref};

// What the openssl crates lack, as OpenSSL 3.0's x509_vfy.h and x509v3.h have it.
#[cfg(not(feature = "boringssl"))]
#[allow(unsafe_code)]
unsafe extern "C" {
    fn X509_STORE_add_crl(store: *mut ffi::X509_STORE, crl: *mut ffi::X509_CRL) -> c_int;
    fn X509_check_ca(cert: *mut ffi::X509) -> c_int;
    fn X509_CRL_get0_signature(
        crl: *const ffi::X509_CRL,
        signature: *mut *const ffi::ASN1_BIT_STRING,
        algorithm: *mut *const ffi::X509_ALGOR,
    );
}
#[cfg(feature = "boringssl")]
use ffi::{X509_CRL_get0_signature, X509_STORE_add_crl, X509_check_ca};

/// A revocation list (RFC 5280, 5).
pub(in crate::tls) struct Crl(NonNull<ffi::X509_CRL>);

// SAFETY: the library counts references atomically and takes its own lock where a look-up sorts the list;
// nothing else changes a list once it is made.
#[allow(unsafe_code)]
unsafe impl Send for Crl {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for Crl {}

impl Drop for Crl {
    fn drop(&mut self) {
        // SAFETY: the pointer is ours, and this is its last use.
        #[allow(unsafe_code)]
        unsafe {
            ffi::X509_CRL_free(self.0.as_ptr());
        }
    }
}

/// What a list is made from.
pub(in crate::tls) struct CrlDraft<'a> {
    pub(in crate::tls) issuer: &'a X509Ref,
    pub(in crate::tls) this_update: &'a Asn1TimeRef,
    pub(in crate::tls) next_update: Option<&'a Asn1TimeRef>,
    pub(in crate::tls) number: &'a Asn1IntegerRef,
    pub(in crate::tls) authority_key: &'a X509ExtensionRef,
}

impl Crl {
    /// Takes a list over; none is the library's error.
    fn owned(crl: *mut ffi::X509_CRL) -> Result<Crl, ErrorStack> {
        NonNull::new(crl).map(Crl).ok_or_else(ErrorStack::get)
    }

    /// The first list of DER bytes, and how many bytes it takes.
    pub(in crate::tls) fn from_der(der: &[u8]) -> Result<(Crl, usize), ErrorStack> {
        let mut end = der.as_ptr();
        // SAFETY: the library reads within the length, which is that of the slice, makes a list of its own,
        // and moves `end` behind what it has read.
        #[allow(unsafe_code)]
        let (crl, used) = unsafe {
            let crl = ffi::d2i_X509_CRL(null_mut(), &mut end, der.len() as _);
            (crl, end.offset_from(der.as_ptr()))
        };
        Ok((Crl::owned(crl)?, usize::try_from(used).unwrap_or(0)))
    }

    /// The lists of PEM text, up to the first that cannot be read.
    pub(in crate::tls) fn stack_from_pem(pem: &[u8]) -> Vec<Crl> {
        let mut lists = Vec::new();
        // SAFETY: the library reads the slice, which outlives the reader, within its length. Each list that
        // it makes is ours.
        #[allow(unsafe_code)]
        unsafe {
            let reader = ffi::BIO_new_mem_buf(pem.as_ptr().cast(), pem.len() as _);
            while !reader.is_null()
                && let Ok(crl) = Crl::owned(ffi::PEM_read_bio_X509_CRL(
                    reader,
                    null_mut(),
                    Some(no_passphrase),
                    null_mut(),
                ))
            {
                lists.push(crl);
            }
            ffi::BIO_free_all(reader);
        }
        // The end of the text is an error to the library.
        let _ = ErrorStack::get();
        lists
    }

    /// The list as PEM text.
    pub(in crate::tls) fn to_pem(&self) -> Result<String, ErrorStack> {
        // SAFETY: both pointers are live; the bytes are the writer's and are copied before its end.
        #[allow(unsafe_code)]
        let pem = unsafe {
            let writer = ffi::BIO_new(ffi::BIO_s_mem());
            let mut bytes: *mut c_char = null_mut();
            let mut pem = None;
            if !writer.is_null() && ffi::PEM_write_bio_X509_CRL(writer, self.0.as_ptr()) == 1 {
                let count = ffi::BIO_get_mem_data(writer, &mut bytes);
                if let (Ok(count), false) = (usize::try_from(count), bytes.is_null()) {
                    let bytes = std::slice::from_raw_parts(bytes.cast::<u8>(), count);
                    pem = Some(String::from_utf8_lossy(bytes).into_owned());
                }
            }
            ffi::BIO_free_all(writer);
            pem
        };
        pem.ok_or_else(ErrorStack::get)
    }

    /// Who made it.
    pub(in crate::tls) fn issuer_name(&self) -> &X509NameRef {
        // SAFETY: every list has an issuer, which lives as long as the list.
        #[allow(unsafe_code)]
        unsafe {
            X509NameRef::from_ptr(ffi::X509_CRL_get_issuer(self.0.as_ptr()).cast())
        }
    }

    /// How it was signed.
    pub(in crate::tls) fn signature_algorithm(&self) -> &X509AlgorithmRef {
        let mut algorithm = null();
        // SAFETY: every list has an algorithm, which lives as long as the list. The reference is not used to
        // change it.
        #[allow(unsafe_code)]
        unsafe {
            X509_CRL_get0_signature(self.0.as_ptr(), null_mut(), &mut algorithm);
            X509AlgorithmRef::from_ptr(algorithm.cast_mut())
        }
    }

    /// When it was made.
    pub(in crate::tls) fn this_update(&self) -> &Asn1TimeRef {
        // SAFETY: every list has this time, which lives as long as the list. The reference is not used to
        // change it.
        #[allow(unsafe_code)]
        unsafe {
            Asn1TimeRef::from_ptr(ffi::X509_CRL_get0_lastUpdate(self.0.as_ptr()).cast_mut())
        }
    }

    /// By when the next one is to be there.
    pub(in crate::tls) fn next_update(&self) -> Option<&Asn1TimeRef> {
        // SAFETY: null, or a time that lives as long as the list. The reference is not used to change it.
        #[allow(unsafe_code)]
        unsafe {
            let time = ffi::X509_CRL_get0_nextUpdate(self.0.as_ptr()).cast_mut();
            (!time.is_null()).then(|| Asn1TimeRef::from_ptr(time))
        }
    }

    /// Its number (RFC 5280, 5.2.3).
    pub(in crate::tls) fn number(&self) -> Option<Asn1Integer> {
        let (crl, kind) = (self.0.as_ptr(), Nid::CRL_NUMBER.as_raw());
        // SAFETY: null if it has none, or several, or one that cannot be read; or else a number of its own
        // that is ours.
        #[allow(unsafe_code)]
        let number = unsafe {
            let number = ffi::X509_CRL_get_ext_d2i(crl, kind, null_mut(), null_mut());
            (!number.is_null()).then(|| Asn1Integer::from_ptr(number.cast()))
        };
        let _ = ErrorStack::get();
        number
    }

    /// How many certificates are on it.
    pub(in crate::tls) fn count_revoked(&self) -> usize {
        // SAFETY: null if it has none, or else a stack, which the library casts in just this way to count
        // it, and which lives as long as the list.
        #[allow(unsafe_code)]
        unsafe {
            let entries = ffi::X509_CRL_get_REVOKED(self.0.as_ptr());
            match entries.is_null() {
                true => 0,
                false => ffi::OPENSSL_sk_num(entries.cast()) as _,
            }
        }
    }

    /// Whether it was signed with that key.
    pub(in crate::tls) fn is_signed_by(&self, key: &PKeyRef<Public>) -> bool {
        // SAFETY: both pointers are live and only read.
        #[allow(unsafe_code)]
        let verdict = unsafe { ffi::X509_CRL_verify(self.0.as_ptr(), key.as_ptr()) };
        let _ = ErrorStack::get();
        verdict == 1
    }

    /// Whether a certificate is on it; not one of another issuer, whose number may be the same.
    pub(in crate::tls) fn revokes(&self, cert: &X509Ref) -> bool {
        let mut entry = null_mut();
        // SAFETY: the pointers are live; the entry stays the list's own and is not looked at.
        #[allow(unsafe_code)]
        let found =
            unsafe { ffi::X509_CRL_get0_by_cert(self.0.as_ptr(), &mut entry, cert.as_ptr()) };
        // Two would be one that a delta takes off the list again.
        found == 1
    }

    /// Its extensions: what each is, whether it may not be passed over, and its value.
    pub(in crate::tls) fn extensions(&self) -> Vec<(Nid, bool, Vec<u8>)> {
        let crl = self.0.as_ptr();
        // SAFETY: the numbers are below the count; kind and value of an extension live as long as the list
        // and are copied.
        #[allow(unsafe_code)]
        unsafe {
            let extension = |at| {
                let extension = ffi::X509_CRL_get_ext(crl, at);
                let kind = super::lib::asn1::Asn1ObjectRef::from_ptr(
                    ffi::X509_EXTENSION_get_object(extension).cast(),
                );
                let value = Asn1StringRef::from_ptr(ffi::X509_EXTENSION_get_data(extension).cast());
                let is_critical = ffi::X509_EXTENSION_get_critical(extension) > 0;
                (kind.nid(), is_critical, value.as_slice().to_vec())
            };
            (0..ffi::X509_CRL_get_ext_count(crl))
                .map(extension)
                .collect()
        }
    }

    /// Lets a store look certificates up in it.
    pub(in crate::tls) fn add_to(&self, store: &mut X509StoreBuilderRef) -> Result<(), ErrorStack> {
        // SAFETY: both pointers are live; the store keeps a reference of its own.
        #[allow(unsafe_code)]
        let added = unsafe { X509_STORE_add_crl(store.as_ptr(), self.0.as_ptr()) };
        done(added)
    }

    /// Begins a list (version 2) that revokes nothing yet and is not signed.
    pub(in crate::tls) fn draft(draft: &CrlDraft<'_>) -> Result<Crl, ErrorStack> {
        const VERSION_2: std::ffi::c_long = 1;
        // SAFETY: a new list is ours.
        #[allow(unsafe_code)]
        let list = Crl::owned(unsafe { ffi::X509_CRL_new() })?;
        let crl = list.0.as_ptr();
        // SAFETY: all pointers are live, and the list takes copies.
        #[allow(unsafe_code)]
        unsafe {
            done(ffi::X509_CRL_set_version(crl, VERSION_2))?;
            let name = draft.issuer.subject_name().as_ptr();
            done(ffi::X509_CRL_set_issuer_name(crl, name))?;
            done(ffi::X509_CRL_set1_lastUpdate(
                crl,
                draft.this_update.as_ptr(),
            ))?;
            if let Some(next) = draft.next_update {
                done(ffi::X509_CRL_set1_nextUpdate(crl, next.as_ptr()))?;
            }
            let number: *mut c_void = draft.number.as_ptr().cast();
            let kind = Nid::CRL_NUMBER.as_raw();
            done(ffi::X509_CRL_add1_ext_i2d(crl, kind, number, 0, 0))?;
            done(ffi::X509_CRL_add_ext(crl, draft.authority_key.as_ptr(), -1))?;
        }
        Ok(list)
    }

    /// Puts the certificate of that number on a list that is not signed yet.
    pub(in crate::tls) fn revoke(
        &mut self,
        serial: &Asn1IntegerRef,
        at: &Asn1TimeRef,
    ) -> Result<(), ErrorStack> {
        // SAFETY: the entry is new and takes copies; the list takes it over, or else it is freed here.
        #[allow(unsafe_code)]
        unsafe {
            let entry = ffi::X509_REVOKED_new();
            if entry.is_null() {
                return Err(ErrorStack::get());
            }
            let is_on = ffi::X509_REVOKED_set_serialNumber(entry, serial.as_ptr()) == 1
                && ffi::X509_REVOKED_set_revocationDate(entry, at.as_ptr()) == 1
                && ffi::X509_CRL_add0_revoked(self.0.as_ptr(), entry) == 1;
            if !is_on {
                ffi::X509_REVOKED_free(entry);
                return Err(ErrorStack::get());
            }
        }
        Ok(())
    }

    /// Signs it.
    pub(in crate::tls) fn sign(
        &mut self,
        key: &PKeyRef<Private>,
        digest: MessageDigest,
    ) -> Result<(), ErrorStack> {
        // SAFETY: all pointers are live; the list is changed by its one owner.
        #[allow(unsafe_code)]
        unsafe {
            done(ffi::X509_CRL_sort(self.0.as_ptr()))?;
            let bytes = ffi::X509_CRL_sign(self.0.as_ptr(), key.as_ptr(), digest.as_ptr());
            done(c_int::from(bytes > 0))
        }
    }
}

/// Whether a certificate may issue others, by its basic constraints and its key usage.
pub(in crate::tls) fn may_issue(cert: &X509Ref) -> bool {
    // SAFETY: the pointer is a live certificate, which the call only reads (and fills its cache under its
    // own lock).
    #[allow(unsafe_code)]
    let verdict = unsafe { X509_check_ca(cert.as_ptr()) };
    verdict > 0
}

fn done(result: c_int) -> Result<(), ErrorStack> {
    match result {
        1 => Ok(()),
        _ => Err(ErrorStack::get()),
    }
}

/// Never asks at the terminal for a passphrase, as OpenSSL would by default.
#[allow(unsafe_code)]
unsafe extern "C" fn no_passphrase(_: *mut c_char, _: c_int, _: c_int, _: *mut c_void) -> c_int {
    0
}
