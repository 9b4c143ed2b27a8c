//! Lists in pages of twenty.

use form_urlencoded::Serializer;

/// Rows of one page.
pub(crate) const PER_PAGE: i64 = 20;

/// Beyond it nobody leafs; it keeps the offset far from overflowing.
const LAST_PAGE: i64 = 1_000_000;

/// Which page, from 1; whatever else is typed is the first.
pub(crate) fn page_number(typed: &str) -> i64 {
    typed.parse().unwrap_or(1).clamp(1, LAST_PAGE)
}

/// How many rows lie before a page.
pub(crate) fn offset(page: i64) -> i64 {
    (page - 1) * PER_PAGE
}

/// The links to the neighbours, for the macro `ui::pager`.
pub(crate) struct Pager {
    pub(crate) previous: String,
    pub(crate) next: String,
    pub(crate) summary: String,
}

impl Pager {
    /// `kept` are the filters that stay.
    pub(crate) fn new(url: &str, kept: &[(&str, &str)], page: i64, total: i64) -> Self {
        let link = |page: i64| {
            let mut query = Serializer::new(String::new());
            query.extend_pairs(kept.iter().filter(|(_, value)| !value.is_empty()));
            query.append_pair("page", &page.to_string());
            format!("{url}?{}", query.finish())
        };
        let (first, last) = (offset(page) + 1, (offset(page) + PER_PAGE).min(total));
        Self {
            previous: if page > 1 { link(page - 1) } else { String::new() },
            next: if last < total { link(page + 1) } else { String::new() },
            summary: if first > total {
                format!("共 {total} 筆")
            } else {
                format!("第 {first}–{last} 筆，共 {total} 筆")
            },
        }
    }

    /// Whether there is another page at all.
    pub(crate) fn leads_on(&self) -> bool {
        !(self.previous.is_empty() && self.next.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-106: paging; the filters stay while leafing.
    #[test]
    fn neighbours_keep_the_filters() {
        let pager = Pager::new("/r", &[("q", "選課 & 進路"), ("from", "")], 2, 45);
        assert_eq!(pager.previous, "/r?q=%E9%81%B8%E8%AA%B2+%26+%E9%80%B2%E8%B7%AF&page=1");
        assert!(pager.next.ends_with("page=3"));
        assert_eq!(pager.summary, "第 21–40 筆，共 45 筆");
        let last = Pager::new("/r", &[], 3, 45);
        assert!(last.leads_on() && !Pager::new("/r", &[], 1, 20).leads_on());
        assert_eq!((last.next.as_str(), last.summary.as_str()), ("", "第 41–45 筆，共 45 筆"));
    }

    #[test]
    fn nonsense_is_the_first_page() {
        for typed in ["", "0", "-3", "x", "99999999999999999999"] {
            assert_eq!(page_number(typed), 1, "{typed}");
        }
        assert_eq!(page_number("7"), 7);
        assert!(offset(page_number("9223372036854775807")) > 0, "no overflow");
    }
}
