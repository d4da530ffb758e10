//! What a channel is bound to: the hash of the server's certificate, `tls-server-end-point` of RFC 5929, section 4.1. Reads
//! as much of the certificate as says which hash that is (RFC 5280, RFC 4055, RFC 5758).

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
/// The first field of the parameters of RSASSA-PSS: its hash.
const PSS_HASH: u8 = 0xa0;

/// 1.2.840.113549.1.1: signatures with RSA.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// 1.2.840.10045.4: signatures with ECDSA.
const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
/// 2.16.840.1.101.3.4.2: hashes of NIST.
const NIST_HASHES: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// The hash of `certificate`, in DER, that its channel is bound to. `None` where no hash is defined for its signature, as
/// for Ed25519.
pub(super) fn tls_server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let hash = hash_of(certificate)?;
    Some(digest(hash, certificate).as_ref().to_vec())
}

/// The hash that the certificate is signed with; SHA-256 in the place of what is weaker.
fn hash_of(certificate: &[u8]) -> Option<&'static Algorithm> {
    let (fields, _) = element(SEQUENCE, certificate)?;
    let (_, after_tbs) = element(SEQUENCE, fields)?;
    let (algorithm, _) = element(SEQUENCE, after_tbs)?;
    let (identifier, parameters) = element(OBJECT_IDENTIFIER, algorithm)?;
    if let Some(kind) = identifier.strip_prefix(RSA) {
        return match kind {
            // MD5, SHA-1, SHA-256, SHA-384, SHA-512.
            [4 | 5 | 11] => Some(&SHA256),
            [12] => Some(&SHA384),
            [13] => Some(&SHA512),
            [10] => pss_hash(parameters),
            _ => None,
        };
    }
    match identifier.strip_prefix(ECDSA)? {
        [1] | [3, 2] => Some(&SHA256),
        [3, 3] => Some(&SHA384),
        [3, 4] => Some(&SHA512),
        _ => None,
    }
}

fn pss_hash(parameters: &[u8]) -> Option<&'static Algorithm> {
    let (parameters, _) = element(SEQUENCE, parameters)?;
    let Some((hash, _)) = element(PSS_HASH, parameters) else {
        // SHA-1, where it is not named.
        return Some(&SHA256);
    };
    let (hash, _) = element(SEQUENCE, hash)?;
    let (identifier, _) = element(OBJECT_IDENTIFIER, hash)?;
    match identifier.strip_prefix(NIST_HASHES)? {
        [1] => Some(&SHA256),
        [2] => Some(&SHA384),
        [3] => Some(&SHA512),
        _ => None,
    }
}

/// The content of the element at the front, which must have this tag, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = der.split_first_chunk::<2>()?;
    let [found, length] = *head;
    if found != tag {
        return None;
    }
    let digits = match length {
        ..=0x7f => return rest.split_at_checked(usize::from(length)),
        // A certificate fits into three bytes of length.
        0x80..=0x83 => usize::from(length & 0x7f),
        _ => return None,
    };
    let (digits, rest) = rest.split_at_checked(digits)?;
    let length = digits
        .iter()
        .fold(0, |length, digit| length << 8 | usize::from(*digit));
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SignatureAlgorithm};

    use super::*;

    fn certificate(algorithm: &'static SignatureAlgorithm) -> Vec<u8> {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn the_hash_is_that_of_the_signature() {
        for (algorithm, hash) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, &SHA256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, &SHA384),
            (&rcgen::PKCS_RSA_SHA256, &SHA256),
            (&rcgen::PKCS_RSA_SHA384, &SHA384),
            (&rcgen::PKCS_RSA_SHA512, &SHA512),
        ] {
            let certificate = certificate(algorithm);
            let expected = digest(hash, &certificate).as_ref().to_vec();
            assert_eq!(
                tls_server_end_point(&certificate),
                Some(expected),
                "{algorithm:?}"
            );
        }
        assert_eq!(
            tls_server_end_point(&certificate(&rcgen::PKCS_ED25519)),
            None
        );
    }

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut der = vec![tag, 0x82];
        der.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        der.extend(content);
        der
    }

    #[test]
    fn rsassa_pss_names_its_hash_beside() {
        let pss = der(OBJECT_IDENTIFIER, &[RSA, &[10]].concat());
        let with = |parameters: &[u8]| {
            let algorithm = der(SEQUENCE, &[pss.clone(), der(SEQUENCE, parameters)].concat());
            der(SEQUENCE, &[der(SEQUENCE, b"tbs"), algorithm].concat())
        };
        assert!(hash_of(&with(&[])).is_some_and(|hash| *hash == SHA256));
        for (last, hash) in [
            (1, Some(&SHA256)),
            (2, Some(&SHA384)),
            (3, Some(&SHA512)),
            (4, None),
        ] {
            let identifier = der(OBJECT_IDENTIFIER, &[NIST_HASHES, &[last]].concat());
            let named = der(PSS_HASH, &der(SEQUENCE, &identifier));
            assert_eq!(hash_of(&with(&named)), hash);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), at in 0usize..400, with in any::<u8>()) {
            let _ = hash_of(&bytes);
            let mut certificate = vec![0x30, 0x82, 0x01, 0x00];
            certificate.extend(bytes);
            if let Some(byte) = certificate.get_mut(at) {
                *byte = with;
            }
            let _ = hash_of(&certificate);
        }
    }
}
