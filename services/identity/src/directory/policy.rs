//! The password policy's word in a bind response (draft-behera-ldap-password-policy, what slapd's ppolicy speaks).

/// The control, in request and response.
pub(super) const OID: &str = "1.3.6.1.4.1.42.2.27.8.5.1";

/// What the policy holds against the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// passwordExpired (0).
    Expired,
    /// accountLocked (1).
    Locked,
    /// changeAfterReset (2).
    MustChange,
}

/// Reads `SEQUENCE { warning [0] … OPTIONAL, error [1] ENUMERATED OPTIONAL }`. All lengths fit one byte; whatever
/// else comes is no policy of ours to judge.
pub(super) fn error(value: &[u8]) -> Option<Error> {
    let (0x30, mut body, _) = element(value)? else { return None };
    while !body.is_empty() {
        let (tag, content, rest) = element(body)?;
        if tag == 0x81 {
            return match content {
                [0] => Some(Error::Expired),
                [1] => Some(Error::Locked),
                [2] => Some(Error::MustChange),
                _ => None,
            };
        }
        body = rest;
    }
    None
}

/// Tag, content and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (content, rest) = rest.split_at_checked(usize::from(length)).filter(|_| length < 0x80)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_found_behind_a_warning() {
        assert_eq!(error(&[0x30, 8, 0xa0, 3, 0x81, 1, 2, 0x81, 1, 1]), Some(Error::Locked));
        assert_eq!(error(&[0x30, 0]), None);
    }

    #[test]
    fn nonsense_says_nothing() {
        for nonsense in [&[][..], &[0x30], &[0x30, 200], &[0x30, 2, 0x81], &[0x30, 3, 0x81, 9, 1], &[0x04, 1, 1]] {
            assert_eq!(error(nonsense), None, "{nonsense:?}");
        }
    }
}
