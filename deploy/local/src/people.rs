//! People of the directory, as LDIF.

use std::fmt::Write;

use crate::random::base64;

/// Somebody who can log in through the directory or the single sign-on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The login name, unique in the city.
    pub uid: String,
    /// The whole name, as it is written in Chinese.
    pub name: String,
    /// The address for mail.
    pub mail: String,
    /// The password in the clear; it is hashed before it enters the directory.
    pub password: String,
}

/// LDIF entries (RFC 2849) of people under `base_dn`, with passwords in the clear for
/// [`crate::Components::ldap_load`].
pub fn ldif(people: &[Person], base_dn: &str) -> String {
    let mut text = String::new();
    for person in people {
        let dn = format!("uid={},{base_dn}", person.uid);
        let name = person.name.as_str();
        for (attribute, value) in [
            ("dn", dn.as_str()),
            ("objectClass", "inetOrgPerson"),
            ("uid", &person.uid),
            ("cn", name),
            ("sn", name),
            ("displayName", name),
            ("mail", &person.mail),
            ("userPassword", &person.password),
        ] {
            write_attribute(&mut text, attribute, value);
        }
        text.push('\n');
    }
    text
}

/// One line: plain where RFC 2849 allows it, base64 otherwise.
fn write_attribute(text: &mut String, attribute: &str, value: &str) {
    let is_plain = value.bytes().all(|byte| (b' '..0x7f).contains(&byte))
        && !value.starts_with([' ', ':', '<'])
        && !value.ends_with(' ');
    let line = if is_plain {
        writeln!(text, "{attribute}: {value}")
    } else {
        writeln!(text, "{attribute}:: {}", base64(value.as_bytes()))
    };
    line.expect("writing to a string cannot fail");
}

/// The passwords in the clear that an LDIF text holds, each once. Values in base64 and values that
/// are hashes already (`{SCHEME}…`) stay as they are.
pub(crate) fn clear_passwords(ldif: &str) -> Vec<&str> {
    let mut passwords: Vec<&str> = ldif.lines().filter_map(clear_password).collect();
    passwords.sort_unstable();
    passwords.dedup();
    passwords
}

/// The same entries with each clear password replaced by what `hash_of` says.
pub(crate) fn with_hashes<'a>(ldif: &str, hash_of: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut text = String::with_capacity(ldif.len() * 2);
    for line in ldif.lines() {
        match clear_password(line).and_then(&hash_of) {
            Some(hash) => {
                text.push_str("userPassword: ");
                text.push_str(hash);
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

fn clear_password(line: &str) -> Option<&str> {
    let value = line.strip_prefix("userPassword: ")?;
    (!value.starts_with('{')).then_some(value)
}

/// How many entries an LDIF text holds.
pub(crate) fn count(ldif: &str) -> usize {
    ldif.lines().filter(|line| line.starts_with("dn: ") || line.starts_with("dn:: ")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn student() -> Person {
        Person {
            uid: "s1".to_owned(),
            name: "林小明".to_owned(),
            mail: "s1@licheng.test".to_owned(),
            password: "demo".to_owned(),
        }
    }

    #[test]
    fn chinese_is_written_in_base64_and_ascii_plainly() {
        let text = ldif(&[student()], "ou=people,dc=licheng,dc=test");
        assert!(text.starts_with("dn: uid=s1,ou=people,dc=licheng,dc=test\n"));
        assert!(text.contains("cn:: 5p6X5bCP5piO\n"), "{text}");
        assert_eq!(count(&text), 1);
    }

    #[test]
    fn each_clear_password_is_hashed_and_a_hash_is_kept() {
        let mut text = ldif(&[student(), student()], "dc=test");
        text.push_str("dn: cn=x\nuserPassword: {SSHA}abc\n");
        assert_eq!(clear_passwords(&text), ["demo"]);
        let hashed = with_hashes(&text, |_| Some("{ARGON2}h"));
        assert_eq!(hashed.matches("userPassword: {ARGON2}h\n").count(), 2);
        assert!(hashed.contains("userPassword: {SSHA}abc\n"));
        assert!(!hashed.contains("demo"));
    }
}
