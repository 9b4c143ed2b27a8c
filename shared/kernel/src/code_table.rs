//! Enums that rows, rosters and people each write in their own way: one declaration, one reader.

/// What was written names no entry of a code table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("「{found}」不是{table}的代碼；可用的有：{known}")]
pub struct UnknownCode {
    /// The table, as people call it.
    pub table: &'static str,
    /// What was written.
    pub found: String,
    /// The entries of the table.
    pub known: String,
}

/// Declares an enum whose codes are words: `code()`, `label()`, `ALL`, `FromStr` by code, serde by code.
macro_rules! word_codes {
    ($(#[$doc:meta])* $name:ident ($table:literal) { $($(#[$entry_doc:meta])* $entry:ident = $code:literal, $label:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$entry_doc])* #[serde(rename = $code)] $entry),+ }

        impl $name {
            /// Every entry, in order.
            pub const ALL: &'static [Self] = &[$(Self::$entry),+];

            /// The code that rows carry; never changes.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$entry => $code),+ }
            }

            /// The name that people read.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$entry => $label),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::code_table::UnknownCode;
            fn from_str(code: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|entry| entry.code() == code).ok_or_else(|| {
                    $crate::code_table::UnknownCode { table: $table, found: code.to_owned(), known: [$($code),+].join("、") }
                })
            }
        }
    };
}

/// Declares an enum whose codes are the small numbers of the Ministry's tables: `code()`, `label()`, `ALL`,
/// `TryFrom<i16>` for rows, `FromStr` by code or label for workbooks and forms, serde by number.
macro_rules! number_codes {
    ($(#[$doc:meta])* $name:ident ($table:literal) { $($(#[$entry_doc:meta])* $entry:ident = $code:literal, $label:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "i16", into = "i16")]
        pub enum $name { $($(#[$entry_doc])* $entry),+ }

        impl $name {
            /// Every entry, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$entry),+];

            /// The code that rows and rosters carry; never changes.
            #[must_use]
            pub const fn code(self) -> i16 {
                match self { $(Self::$entry => $code),+ }
            }

            /// The name that people read.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$entry => $label),+ }
            }

            fn unknown(found: String) -> $crate::code_table::UnknownCode {
                let known = [$(concat!($code, " ", $label)),+].join("、");
                $crate::code_table::UnknownCode { table: $table, found, known }
            }
        }

        impl TryFrom<i16> for $name {
            type Error = $crate::code_table::UnknownCode;
            fn try_from(code: i16) -> Result<Self, Self::Error> {
                Self::ALL.iter().copied().find(|entry| entry.code() == code).ok_or_else(|| Self::unknown(code.to_string()))
            }
        }

        impl From<$name> for i16 {
            fn from(entry: $name) -> i16 {
                entry.code()
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::code_table::UnknownCode;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let plain = $crate::text::half_width(text);
                let plain = plain.trim();
                let by_label = Self::ALL.iter().copied().find(|entry| $crate::text::half_width(entry.label()) == plain);
                by_label
                    .or_else(|| plain.parse().ok().and_then(|code: i16| Self::try_from(code).ok()))
                    .ok_or_else(|| Self::unknown(text.trim().to_owned()))
            }
        }
    };
}

pub(crate) use {number_codes, word_codes};
